"""A bare app with a transcript, and messages to show in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from textual.app import App, ComposeResult
from textual.message import Message as Event
from textual.pilot import Pilot

from argus_core.domain import (
    Attachment,
    AttachmentPart,
    Message,
    MessageStatus,
    Part,
    Problem,
    Role,
    TextPart,
    ThoughtPart,
)
from argus_tui.themes import THEMES, VARIABLE_DEFAULTS
from argus_tui.widgets.transcript import Transcript

AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
CLOCK = f"{AT.astimezone():%H:%M}"


def said(
    message_id: str,
    text: str = "",
    *,
    role: Role = "assistant",
    status: MessageStatus = "completed",
    thoughts: str = "",
    attachments: tuple[Attachment, ...] = (),
    problem: Problem | None = None,
) -> Message:
    parts: list[Part] = [ThoughtPart(thoughts, 3.0)] if thoughts else []
    parts += [TextPart(text)] if text else []
    parts += [AttachmentPart(attachment) for attachment in attachments]
    return Message(
        id=message_id,
        conversation_id="c",
        parent_id=None,
        seq=1,
        role=role,
        parts=tuple(parts),
        status=status,
        created_at=AT,
        problem=problem,
    )


def talk(count: int, *, start: int = 0, lines: int = 3) -> list[Message]:
    """Return questions and answers in turn, each answer of some paragraphs."""
    found = []
    for number in range(start, start + count):
        if number % 2:
            text = "\n\n".join(f"answer {number} line {line}" for line in range(lines))
            found.append(said(f"m{number}", text))
        else:
            found.append(said(f"m{number}", f"question {number}", role="user"))
    return found


def a_picture(digest: str = "d" * 64) -> Attachment:
    return Attachment(
        id="a", name="roof.jpg", media_type="image/jpeg", size_bytes=412_000, digest=digest, width=1600, height=1000
    )


class TranscriptApp(App[None]):
    """A transcript and nothing else; what it posts and how often the screen is painted are kept."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.transcript = Transcript(**options)
        self.posted: list[Event] = []
        self.paints = 0

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLE_DEFAULTS

    def compose(self) -> ComposeResult:
        yield self.transcript

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "argus-night"

    def _display(self, screen: Any, renderable: Any) -> None:
        self.paints += renderable is not None
        super()._display(screen, renderable)

    def on_transcript_older_wanted(self, event: Transcript.OlderWanted) -> None:
        self.posted.append(event)

    def on_transcript_picture_wanted(self, event: Transcript.PictureWanted) -> None:
        self.posted.append(event)

    def on_transcript_label_changed(self, event: Transcript.LabelChanged) -> None:
        self.posted.append(event)

    def lines(self) -> list[str]:
        """Return what the transcript shows, line by line."""
        region = self.transcript.size.region
        return [strip.text.rstrip() for strip in self.transcript.render_lines(region)]

    def line_with(self, words: str) -> int:
        """Return the number of the first line that shows some words."""
        return next(number for number, line in enumerate(self.lines()) if words in line)


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so, as long as a slow machine may take; the caller asserts it."""
    for _ in range(400):
        if condition():
            return
        await asyncio.sleep(0.01)


async def settle(pilot: Pilot[None]) -> None:
    """Wait until everything is handled and painted."""
    await pilot.pause()
    await pilot.pause()
