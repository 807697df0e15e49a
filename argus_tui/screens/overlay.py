"""What the overlays share: raised, no frame, input first, keys last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen, ScreenResultType
from textual.widgets import Input

from argus_tui.glyphs import FULL
from argus_tui.widgets.field import Field
from argus_tui.widgets.ink import ACCENT, Hint
from argus_tui.widgets.rows import Rows
from argus_tui.widgets.status_line import KeyRow
from argus_tui.widgets.words import Words


class Overlay(ModalScreen[ScreenResultType]):
    """A modal screen that escape closes without a result."""

    CSS_PATH = "overlay.tcss"
    AUTO_FOCUS = "*"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="overlay.close", tooltip="Close without a choice", show=False)
    ]

    def action_close(self) -> None:
        """Close without a result."""
        self.dismiss(None)


class ListOverlay(Overlay[ScreenResultType]):
    """An overlay with a field and a list: what is typed narrows the list, the arrows move in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", id="overlay.up", tooltip="The row above", show=False),
        Binding("down", "move(1)", "Down", id="overlay.down", tooltip="The row below", show=False),
        Binding("pageup", "page(-1)", "Page up", id="overlay.page_up", tooltip="A screen up", show=False),
        Binding("pagedown", "page(1)", "Page down", id="overlay.page_down", tooltip="A screen down", show=False),
    ]

    def action_move(self, step: int) -> None:
        """Move in the list by a row."""
        self.query_one(Rows).action_move(step)

    def action_page(self, direction: int) -> None:
        """Move in the list by a screen."""
        self.query_one(Rows).action_page(direction)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(Rows).action_choose()


def search_row(placeholder: str, value: str = "") -> Horizontal:
    """Return the row with the sign, the field and, at the right, a place for a count (`#count`)."""
    sign = Words(Content.styled(f"{FULL.filter} ", ACCENT), id="sign")
    return Horizontal(
        sign, Field(value, placeholder=placeholder, select_on_focus=False), Words(id="count"), id="search"
    )


def overlay_keys(left: Iterable[Hint], right: Hint) -> KeyRow:
    """Return the last row: the keys, escape at the right."""
    row = KeyRow(tuple(left))
    row.last = (right,)
    return row
