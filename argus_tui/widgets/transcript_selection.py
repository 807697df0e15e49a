"""Text of the transcript that the mouse selects: where it is, how it is drawn, what is copied.

A selection counts rows as the ordinal of the message times `ROWS_OF_ENTRY`, plus the row in it, so that it holds while
other messages come. Its columns are characters of the row, without bar and margins.
"""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

from argus_tui.widgets.transcript_column import Column
from argus_tui.widgets.transcript_entry import Entry
from argus_tui.widgets.transcript_view import TEXT_COLUMN, View

ROWS_OF_ENTRY: Final = 1 << 20


def row_number(entry: Entry, row: int) -> int:
    """Return the number of a row of a message in selections."""
    return entry.ordinal * ROWS_OF_ENTRY + row


def with_offsets(strip: Strip, cells: int, row: int) -> Strip:
    """Return the strip, its `cells` of text marked with the places by which Textual finds what the mouse is on."""
    margin, text, rest = _parts(strip, cells)
    return Strip.join([margin, text.apply_offsets(0, row), rest])


def with_selection(strip: Strip, cells: int, span: tuple[int, int], style: Style) -> Strip:
    """Return the strip with the characters of `span` in the style of the selection; -1 is the end of the line."""
    margin, text, rest = _parts(strip, cells)
    plain = text.text
    left = cell_len(plain[: span[0]])
    right = text.cell_length if span[1] == -1 else cell_len(plain[: span[1]])
    if left >= right:
        return strip
    inside = Strip(Segment.apply_style(text.crop(left, right), post_style=style), right - left)
    return Strip.join([margin, text.crop(0, left), inside, text.crop(right, text.cell_length), rest])


def _parts(strip: Strip, cells: int) -> tuple[Strip, Strip, Strip]:
    end = min(strip.cell_length, TEXT_COLUMN + cells)
    return strip.crop(0, TEXT_COLUMN), strip.crop(TEXT_COLUMN, end), strip.crop(end, strip.cell_length)


def selected_text(column: Column, selection: Selection, view: View, now: float) -> str:
    """Return the text that is selected, line by line as it is drawn."""
    lines: list[str] = []
    for entry in column.entries:
        if not _touches(selection, row_number(entry, 0), row_number(entry, entry.height)):
            continue
        entry.lay_out(view, now)
        for number in range(entry.height + 1):
            if (span := selection.get_span(row_number(entry, number))) is not None:
                row = entry.row(number)
                lines.append(_part(row.text, span) if row else "")
    return "\n".join(lines).strip("\n")


def _touches(selection: Selection, first: int, last: int) -> bool:
    start, end = selection
    return (start is None or start.y <= last) and (end is None or end.y >= first)


def _part(text: str, span: tuple[int, int]) -> str:
    return text[span[0] :] if span[1] == -1 else text[span[0] : span[1]]
