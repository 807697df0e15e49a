"""A row of the text column: what is laid out once and drawn many times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Run: TypeAlias = tuple[str, Style]
"""Text in one style, without line breaks."""


class Row:
    """Styled text without bar and margins. `strip` is filled in by the widget that draws it, and kept."""

    __slots__ = ("cells", "closing", "fill", "segments", "strip")

    def __init__(
        self, segments: list[Segment], cells: int, *, fill: Style | None = None, closing: bool = False
    ) -> None:
        self.segments = segments
        self.cells = cells
        """Width of the segments in terminal cells."""
        self.fill = fill
        """The ground from the last segment to the right edge; None for the widget's own."""
        self.closing = closing
        """Whether this row is only the lower edge of a block of code, and so the gap after it."""
        self.strip: Strip | None = None

    @property
    def text(self) -> str:
        """The text of the row without its padding."""
        return "".join([segment.text for segment in self.segments]).rstrip()


def row_of(runs: Iterable[Run], *, fill: Style | None = None) -> Row:
    """Return a row of some runs, measured."""
    segments = [Segment(text, style) for text, style in runs if text]
    return Row(segments, sum([cell_len(segment.text) for segment in segments]), fill=fill)


def indented(rows: list[Row], first: list[Segment], rest: list[Segment], cells: int) -> list[Row]:
    """Put `first` before the first row and `rest` before the others, in place; both are `cells` wide."""
    lead = first
    for row in rows:
        row.segments[:0] = lead
        row.cells += cells
        lead = rest
    return rows
