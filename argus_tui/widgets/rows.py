"""A list whose rows are drawn only when they are on the screen: ten thousand cost what forty cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from argus_tui.widgets.ink import draw
from argus_tui.widgets.kept_lines import KeptLines


class Rows(KeptLines, ScrollView, can_focus=True):
    """Rows by number. A subclass says how many there are, which can be chosen, and draws one."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Rows { width: 1fr; height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", id="rows.up", tooltip="The row above", show=False),
        Binding("down", "move(1)", "Down", id="rows.down", tooltip="The row below", show=False),
        Binding("pageup", "page(-1)", "Page up", id="rows.page_up", tooltip="A screen up", show=False),
        Binding("pagedown", "page(1)", "Page down", id="rows.page_down", tooltip="A screen down", show=False),
        Binding("home", "edge(1)", "First", id="rows.first", tooltip="The first row", show=False),
        Binding("end", "edge(-1)", "Last", id="rows.last", tooltip="The last row", show=False),
        Binding("enter", "choose", "Choose", id="rows.choose", tooltip="Take this row", show=False),
    ]
    cursor: reactive[int | None] = reactive(None, repaint=False)
    """The row the keys act on; None when there is none that can be chosen."""

    @dataclass(eq=False)
    class Moved(Message):
        """The cursor is on another row."""

        rows: Rows
        index: int | None

        @property
        def control(self) -> Rows:
            return self.rows

    @dataclass(eq=False)
    class Chosen(Message):
        """A row was taken, with enter or the mouse."""

        rows: Rows
        index: int

        @property
        def control(self) -> Rows:
            return self.rows

    def row_count(self) -> int:
        """Return how many rows there are."""
        raise NotImplementedError

    def choosable(self, index: int) -> bool:
        """Tell whether the cursor may stand on this row."""
        return True

    def draw_row(self, index: int, width: int) -> Content:
        """Return a row in exactly `width` cells."""
        raise NotImplementedError

    def rows_changed(self) -> None:
        """Take in that rows came, went or moved."""
        self.virtual_size = Size(0, self.row_count())
        if self.cursor is not None and not (self.cursor < self.row_count() and self.choosable(self.cursor)):
            self.cursor = self.nearest(min(self.cursor, self.row_count() - 1), 1)
        self.refresh()

    def nearest(self, index: int, step: int) -> int | None:
        """Return the first row from `index` on, in steps, that can be chosen; else the first one the other way."""
        for direction in (step, -step):
            at = index
            while 0 <= at < self.row_count():
                if self.choosable(at):
                    return at
                at += direction
        return None

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        width = self.outer_size.width
        content = self.draw_row(index, width) if 0 <= index < self.row_count() else Content.empty()
        return draw(self, content, width).crop(0, self.size.width)

    def watch_cursor(self, old: int | None, new: int | None) -> None:
        for index in (old, new):
            if index is not None:
                self.refresh_line(index)
        if new is not None:
            self.bring_into_view(new)
        self.post_message(self.Moved(self, new))

    def bring_into_view(self, index: int) -> None:
        """Scroll as little as needed to show a row; with the first one, all that stands above it."""
        height, top = self.size.height, self.scroll_offset.y
        first = 0 if self.nearest(0, 1) == index else index
        if first < top:
            self.scroll_to(y=first, animate=False)
        elif height and index >= top + height:
            self.scroll_to(y=index - height + 1, animate=False)

    def action_move(self, step: int) -> None:
        """Move the cursor to the next row that can be chosen."""
        if self.cursor is None:
            self.cursor = self.nearest(0, 1)
            return
        self.cursor = self._seek(self.cursor + step, step, self.cursor)

    def action_page(self, direction: int) -> None:
        """Move the cursor by a screen."""
        height = max(1, self.size.height - 1)
        start = self.cursor or 0
        goal = min(max(start + direction * height, 0), self.row_count() - 1)
        self.cursor = self.nearest(goal, direction)

    def action_edge(self, direction: int) -> None:
        """Move the cursor to the first (1) or the last (-1) row."""
        self.cursor = self.nearest(0 if direction > 0 else self.row_count() - 1, direction)

    def action_choose(self) -> None:
        """Take the row under the cursor."""
        if self.cursor is not None:
            self.post_message(self.Chosen(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if 0 <= index < self.row_count() and self.choosable(index):
            event.stop()
            self.cursor = index
            self.action_choose()

    def on_resize(self) -> None:
        if self.cursor is not None:
            self.bring_into_view(self.cursor)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def _seek(self, index: int, step: int, otherwise: int) -> int:
        while 0 <= index < self.row_count():
            if self.choosable(index):
                return index
            index += step
        return otherwise
