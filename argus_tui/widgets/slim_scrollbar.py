"""A scrollbar of whole cells: it is painted only when a cell changes, at a fiftieth of the cost of Textual's.

While an answer streams the bar changes a little with every line. Textual's own lays its cells out again each time,
which took more than half of each paint.
"""

from __future__ import annotations

from typing import Any

from rich.style import Style
from textual.color import Color
from textual.geometry import Region
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.widget import Widget


class SlimScrollBar(ScrollBar):
    """The vertical scrollbar of a `ScrollView`; the mouse works as it does on Textual's."""

    _drawn: object = None

    def thumb(self) -> tuple[int, int]:
        """Return the first cell of the thumb and the one after it; both 0 when all is in view."""
        size, total = self.size.height, round(self.window_virtual_size)
        if not size or total <= size:
            return 0, 0
        length = max(1, round(size * size / total))
        start = round((size - length) * min(1.0, self.position / (total - size)))
        return start, start + length

    def _colors(self) -> tuple[Color, Color]:
        parent = self.parent
        assert isinstance(parent, Widget)
        styles = parent.styles
        if self.grabbed:
            back, bar = styles.scrollbar_background_active, styles.scrollbar_color_active
        elif self.mouse_over:
            back, bar = styles.scrollbar_background_hover, styles.scrollbar_color_hover
        else:
            back, bar = styles.scrollbar_background, styles.scrollbar_color
        back = parent.background_colors[1] + back
        return back, back + bar

    def refresh(self, *regions: Region, **kinds: Any) -> SlimScrollBar:
        """Ask for a repaint, unless nothing would look different."""
        if regions or kinds.get("layout") or kinds.get("recompose") or not self.is_attached or self._is_changed():
            super().refresh(*regions, **kinds)
        return self

    def _is_changed(self) -> bool:
        drawn = (self.size, self.thumb(), self.grabbed is None, self.mouse_over)
        changed = drawn != self._drawn
        self._drawn = drawn
        return changed

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return one of three strips for each cell."""
        back, bar = self._colors()
        start, end = self.thumb()
        above = self._cell(back, "scroll_up")
        thumb = self._cell(bar, "grab")
        below = self._cell(back, "scroll_down")
        return [above if y < start else thumb if y < end else below for y in crop.line_range]

    def _cell(self, color: Color, action: str) -> Strip:
        style = Style(bgcolor=color.rich_color, meta={"@mouse.down": action})
        strip = Strip.blank(self.size.width, style)
        for line_filter in self.get_line_filters():
            strip = strip.apply_filter(line_filter, color)
        return strip

    def render_line(self, y: int) -> Strip:
        """Return one cell."""
        return self.render_lines(Region(0, y, self.size.width, 1))[0]
