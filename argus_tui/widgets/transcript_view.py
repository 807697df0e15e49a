"""What all messages of the transcript are drawn with, and the strips that come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from argus_tui.rendering.blocks import Settings
from argus_tui.rendering.inks import Ground
from argus_tui.rendering.pictures import Picture
from argus_tui.rendering.row import Row

TEXT_COLUMN = 4
"""Column where text begins; the bar hangs two before it."""
_RIGHT_MARGIN = 2
_WIDEST = 92
_MEASURE = 88
"""Cells a line of text has when there would be room for more than `_WIDEST`."""


def measure(pane_width: int) -> int:
    """Return the width of the text column in a pane."""
    room = pane_width - TEXT_COLUMN - _RIGHT_MARGIN
    return max(8, room if room <= _WIDEST else _MEASURE)


@dataclass(frozen=True, slots=True)
class View:
    """What all entries are drawn with; a new one means laying out anew."""

    settings: Settings
    drawn_width: int
    """Cells of a strip: the whole pane."""
    picture_rows: int
    pictures: Mapping[str, Picture | str]
    """Decoded pictures by digest, as far as they are there; a text says why one will not come."""
    only_256: bool
    """The terminal has 256 colours, in which pictures need care."""
    finish_strip: Callable[[Strip], Strip]
    """Applies the line filters, such as the one of NO_COLOR."""


def with_cursor(row: Row, view: View) -> Row:
    """Return the row with the cursor after its text; it may hang over the edge of the column."""
    glyph = view.settings.glyphs.cursor
    ground: Ground = "ground" if row.fill is None else "raised"
    cursor = Segment(glyph, view.settings.inks.style("accent", ground))
    return Row([*row.segments, cursor], row.cells + 1, fill=row.fill)


def strip_of(row: Row, bar: Segment, view: View, *, raised: bool) -> Strip:
    """Return the row as wide as the pane: margin, bar, text, ground to the right edge.

    In as few segments as can be: each costs the terminal some 40 bytes, at every paint.
    """
    settings, width = view.settings, view.drawn_width
    ground = settings.inks.style()
    inner = settings.inks.style(ground="raised") if raised else ground
    margin = " " * (TEXT_COLUMN - 2)
    lead = [Segment(margin, ground), bar] if raised else [Segment(margin + bar.text, bar.style)]
    segments = [*lead, Segment(" ", inner), *row.segments]
    used = TEXT_COLUMN + row.cells
    edge = TEXT_COLUMN + settings.width
    if row.fill is not None and used < edge:
        segments.append(Segment(" " * (edge - used), row.fill))
        used = edge
    if used < width:
        segments.append(Segment(" " * (width - used), ground))
    strip = Strip(_joined(segments), max(used, width))
    return strip.crop(0, width) if used > width else strip


def _joined(segments: list[Segment]) -> list[Segment]:
    """Join neighbours that look alike: of the same style, or blanks on the same ground."""
    joined: list[Segment] = []
    text, style = "", None
    for segment in segments:
        if text and (segment.style is style or _hides_in(segment, style)):
            text += segment.text
            continue
        if text:
            joined.append(Segment(text, style))
        text, style = segment.text, segment.style
    joined.append(Segment(text, style))
    return joined


def _hides_in(segment: Segment, style: Style | None) -> bool:
    """Return whether a segment of blanks would look the same in another style."""
    own = segment.style
    if own is None or style is None or not segment.text.isspace():
        return False
    return own.bgcolor == style.bgcolor and not (_marks_blanks(own) or _marks_blanks(style))


def _marks_blanks(style: Style) -> bool:
    return bool(style.underline or style.strike or style.reverse)
