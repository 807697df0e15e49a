"""The first paint: the frame of the main screen at once, while the main screen itself is still being loaded.

The app keeps every key that is pressed meanwhile, so that somebody who writes at once loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.screen import Screen
from textual.strip import Strip

from argus_tui.commands import COMMANDS, WRITE_HERE
from argus_tui.glyphs import FULL
from argus_tui.widgets.ink import ACCENT, MUTED, ON_RAISED, draw, keys, spread

SIDEBAR = 30
WIDE = 100
TALL = 30


class FirstScreen(Screen[None]):
    """One widget without children, styles of its own or anything behind it."""

    def __init__(self, painted: Callable[[], None]) -> None:
        super().__init__()
        self._painted = painted

    def on_mount(self) -> None:
        self.call_after_refresh(self._painted)

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        side = SIDEBAR if width >= WIDE else 0
        pane = self._pane_line(y, height, width - side)
        if not side:
            return draw(self, pane, width)
        line = self._sidebar_line(y).pad_right(SIDEBAR).truncate(SIDEBAR).stylize(ON_RAISED)
        return draw(self, line + pane, width)

    def _sidebar_line(self, y: int) -> Content:
        if y == 1:
            return Content.assemble("  ", (FULL.eye, ACCENT), " ", ("argus", "bold"))
        return Content.empty()

    def _pane_line(self, y: int, height: int, width: int) -> Content:
        tall = height >= TALL
        composer = height - (6 if tall else 4)
        if y == (1 if tall else 0):
            return Content.assemble("    ", ("New conversation", "bold"))
        if y in (composer, composer + 2):
            half = FULL.lower_half if y == composer else FULL.upper_half
            return Content.assemble("  ", (half * (width - 4), "$argus-raised"))
        if y == composer + 1:
            text = Content.assemble(("┃", ACCENT), " ", (WRITE_HERE, MUTED))
            return Content.assemble(
                "  ", text.truncate(width - 4).pad_right(max(0, width - 4 - text.cell_length)).stylize(ON_RAISED)
            )
        if tall and y == composer + 4:
            hints = [(command.key, command.shown) for command in COMMANDS if command.shown]
            return spread(Content.assemble("    ", keys(hints)), Content.assemble(keys((("^p", "all"),)), "  "), width)
        return Content.empty()
