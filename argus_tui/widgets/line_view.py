"""A view of lines that are drawn once and kept: it moves by whole lines, at one paint per move."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.widget import Widget

from argus_tui.widgets.slim_scrollbar import SlimScrollBar


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """The scrolling part of a widget that draws lines. Nothing is animated: over SSH every frame counts."""

    DEFAULT_CSS = """
    LineView {
        height: 1fr;
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", "Up", show=False, id="lines.up", tooltip="One line up"),
        Binding("down", "scroll_down", "Down", show=False, id="lines.down", tooltip="One line down"),
        Binding("pageup", "page_up", "Page up", show=False, id="lines.page_up", tooltip="One screen up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="lines.page_down", tooltip="One screen down"),
        Binding("home", "scroll_home", "Top", show=False, id="lines.home", tooltip="To the first line"),
    ]

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """Our own scrollbar, made when it is asked for, as Textual does it."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = SlimScrollBar(vertical=True, name="vertical", thickness=1)
            self._vertical_scrollbar.display = False
            self.app._start_widget(self, self._vertical_scrollbar)
        return self._vertical_scrollbar

    def on_mount(self) -> None:
        """Show the scrollbar."""
        self._refresh_scrollbars()

    def _go(self, y: int, height: int, dirty: Region | None) -> None:
        """Be `height` lines high and show them from line `y` on; repaint `dirty` if nothing moved, all when it is None.

        Not through the reactive of the size: its layout pass would paint once more.
        """
        if height != self.virtual_size.height or self.virtual_size.width != self.size.width:
            self.set_reactive(Widget.virtual_size, Size(self.size.width, height))
            self.vertical_scrollbar.window_virtual_size = height
        if y != self.scroll_offset.y:
            self.set_reactive(Widget.scroll_target_y, float(y))
            self.scroll_y = float(y)
        elif dirty is None:
            self.refresh()
        elif dirty:
            self.refresh(dirty)

    def action_scroll_up(self) -> None:
        self._scroll_by(-1)

    def action_scroll_down(self) -> None:
        self._scroll_by(1)

    def action_page_up(self) -> None:
        self._scroll_by(1 - self.size.height)

    def action_page_down(self) -> None:
        self._scroll_by(self.size.height - 1)

    def action_scroll_home(self) -> None:
        self._scroll_by(-self.virtual_size.height)

    def _scroll_by(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False)
