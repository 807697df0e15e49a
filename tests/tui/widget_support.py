"""A bare app around one widget, with our variables and colours and nothing else; it remembers what bubbles up."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import events
from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget

import argus_tui
from argus_core.domain import Conversation, SearchHit, TextPart
from argus_core.domain import Message as Said
from argus_tui.themes import VARIABLE_DEFAULTS

M = TypeVar("M", bound=Message)
NOW = datetime(2026, 11, 22, 14, 2, tzinfo=UTC)
SHEET = Path(argus_tui.__file__).parent / "widgets" / "widgets.tcss"


class Bare(App[None]):
    """One widget, or none for a screen that is pushed."""

    AUTO_FOCUS = None
    ENABLE_COMMAND_PALETTE = False
    CSS_PATH: ClassVar = [SHEET]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 Textual declares it on the instance
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    def __init__(self, *widgets: Widget) -> None:
        super().__init__()
        self._widgets = widgets
        self._seen: list[Message] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLE_DEFAULTS

    def compose(self) -> ComposeResult:
        yield from self._widgets

    async def _on_message(self, message: Message) -> None:
        self._seen.append(message)
        await super()._on_message(message)

    def seen(self, kind: type[M]) -> list[M]:
        """Return the messages of a kind that reached the app, in their order."""
        return [message for message in self._seen if isinstance(message, kind)]

    def shown(self, widget: Widget | None = None) -> list[str]:
        """Return what stands on the screen, or on the widget's part of it, line by line."""
        region = widget.region if widget else self.screen.region
        lines = ["".join(segment.text for segment in strip) for strip in self.screen._compositor.render_strips()]
        return [line[region.x : region.right].rstrip() for line in lines[region.y : region.bottom]]


async def paste(pilot: Pilot[None], widget: Widget, text: str) -> None:
    """Paste as a terminal does."""
    widget.post_message(events.Paste(text))
    await pilot.pause()


def conversation(number: int, title: str, at: datetime = NOW, *, running: int = 0, unread: int = 0) -> Conversation:
    """Return a conversation."""
    return Conversation(
        id=str(number), user_id="u", title=title, created_at=at, updated_at=at, running=running, unread=unread
    )


def hit(where: Conversation, snippet: str, word: str) -> SearchHit:
    """Return a found message."""
    message = Said(
        id="m",
        conversation_id=where.id,
        parent_id=None,
        seq=1,
        role="user",
        parts=(TextPart(snippet),),
        status="completed",
        created_at=NOW,
    )
    start = snippet.index(word)
    return SearchHit(conversation=where, message=message, snippet=snippet, spans=((start, start + len(word)),))
