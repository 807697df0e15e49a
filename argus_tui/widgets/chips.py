"""The pictures that go with the question, above its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.glyphs import FULL
from argus_tui.widgets.ink import ACCENT, MUTED, WARN, draw

_NAME_CELLS = 32


class AttachmentChip(Widget, can_focus=True):
    """One attachment of the draft: its name and size, and the way to drop it."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "AttachmentChip { width: auto; height: 1; margin: 0 1 0 0; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,backspace", "remove", "Remove", id="draft.remove", tooltip="Drop this attachment", show=False)
    ]
    size_bytes: reactive[int] = reactive(0, layout=True)
    """0 until it is known."""
    checking: reactive[bool] = reactive(False, layout=True)
    """It is being read and checked."""
    refused: reactive[str] = reactive("", layout=True)
    """Why it was not taken; empty when it was."""

    @dataclass(eq=False)
    class RemoveRequested(Message):
        """The writer wants this attachment out of the draft."""

        attachment_id: str

    def __init__(self, attachment_id: str, name: str, size_bytes: int = 0, *, checking: bool = False) -> None:
        super().__init__()
        self.attachment_id = attachment_id
        self.file_name = fmt.clip(clean_line(name), _NAME_CELLS)
        self.set_reactive(AttachmentChip.size_bytes, size_bytes)
        self.set_reactive(AttachmentChip.checking, checking)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return min(self._content().cell_length, container.width)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        return draw(self, self._content().truncate(width, ellipsis=True), width)

    def watch_refused(self, refused: str) -> None:
        self.set_class(bool(refused), "-refused")

    def action_remove(self) -> None:
        """Drop this attachment."""
        self.post_message(self.RemoveRequested(self.attachment_id))

    def on_click(self, event: events.Click) -> None:
        if event.x >= self.size.width - 3:
            event.stop()
            self.action_remove()

    def _content(self) -> Content:
        sign = ("!", WARN) if self.refused else (FULL.picture, ACCENT)
        return Content.assemble(
            " ", sign, " ", self.file_name, " ", (self._state(), MUTED), "  ", (FULL.remove, MUTED), " "
        )

    def _state(self) -> str:
        if self.refused:
            return clean_line(self.refused)
        return "checking" if self.checking else fmt.size(self.size_bytes)
