"""The field that filters the sidebar: loaded when somebody wants to filter, not at the start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from argus_core.text.clean import clean_line
from argus_tui.glyphs import FULL
from argus_tui.widgets.field import Field
from argus_tui.widgets.ink import ACCENT, Drawn


class Sign(Drawn):
    """The sign before the words."""

    DEFAULT_CSS = "Sign { width: 4; height: 1; }"

    def lines(self, width: int) -> Sequence[Content]:
        return (Content.styled(f"  {FULL.filter} ", ACCENT),)


class TitleFilter(Horizontal):
    """Words that a title must hold."""

    DEFAULT_CSS = "TitleFilter { height: 2; } TitleFilter Field { padding: 0 2 0 0; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "All", id="filter.leave", tooltip="Show all again", show=False),
        Binding("up", "move(-1)", "Up", id="filter.up", tooltip="The row above", show=False),
        Binding("down", "move(1)", "Down", id="filter.down", tooltip="The row below", show=False),
    ]

    @dataclass(eq=False)
    class Changed(Message):
        """Other words are wanted."""

        text: str

    class Taken(Message):
        """Enter: the conversation under the cursor is wanted."""

    @dataclass(eq=False)
    class Moved(Message):
        """The cursor of the list should move."""

        step: int

    class Left(Message):
        """The filter is no longer wanted."""

    def compose(self) -> ComposeResult:
        yield Sign()
        yield Field(placeholder="words of the title")

    def on_mount(self) -> None:
        self.focus_field()

    def focus_field(self) -> None:
        """Give the field the focus."""
        self.query_one(Field).focus()

    def action_leave(self) -> None:
        """Show all again."""
        self.post_message(self.Left())

    def action_move(self, step: int) -> None:
        """Move the cursor of the list."""
        self.post_message(self.Moved(step))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(clean_line(event.value)))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Taken())
