"""The one filled button of a form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive

from argus_tui.widgets.ink import Drawn


class FilledButton(Drawn, can_focus=True):
    """A word on accent ground."""

    DEFAULT_CSS = "FilledButton { width: auto; height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", "Press", id="button.press", tooltip="Do it", show=False)
    ]
    word: reactive[str] = reactive("", layout=True)

    @dataclass(eq=False)
    class Pressed(Message):
        """It was pressed."""

        button: FilledButton

        @property
        def control(self) -> FilledButton:
            return self.button

    def __init__(self, word: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(FilledButton.word, word)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return len(self.word) + 4

    def lines(self, width: int) -> Sequence[Content]:
        return (Content(f"  {self.word}  "),)

    def action_press(self) -> None:
        """Press it."""
        self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        self.action_press()
