"""Lines that are handed out again until something changes."""

from __future__ import annotations

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class KeptLines(Widget):
    """Keeps what it painted last.

    Textual asks every widget in the rectangle round all changes for its lines, at each paint, and puts even unchanged
    lines through borders, padding and filters again. While an answer streams that rectangle is nearly the whole
    screen, 20 times a second: this was a third of the painting.
    """

    _kept: tuple[Region, list[Strip]] | None = None

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return the lines of `crop`, those of the last paint if nothing has changed since."""
        if self._kept is None or self._kept[0] != crop:
            self._kept = (crop, super().render_lines(crop))
        return self._kept[1]

    def _set_dirty(self, *regions: Region) -> None:
        """Forget the lines: every way of asking for a repaint ends here."""
        self._kept = None
        super()._set_dirty(*regions)

    def notify_style_update(self) -> None:
        """Forget the lines: the ground may be another, as after a change of the theme."""
        self._kept = None
        super().notify_style_update()
