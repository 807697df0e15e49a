"""Tables without verticals: muted header, one hairline, three spaces; too wide ones fold into `name: value` lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from rich.cells import cell_len
from rich.segment import Segment

from argus_tui.glyphs import Glyphs
from argus_tui.rendering.inks import Inks, Look
from argus_tui.rendering.row import Row, Run, indented
from argus_tui.rendering.wrapping import hard_lines, wrap

Cell: TypeAlias = list[list[Run]]
"""The lines of a cell."""
_GAP = "   "
_NUMBER = re.compile(r"[^\w]{0,3}\d[\d.,:/ ]*\s?[^\W\d]{0,4}%?")


class Table:
    """A table as runs; rows can be added while it streams."""

    def __init__(self, header: Sequence[Sequence[Run]], aligned: Sequence[str]) -> None:
        self.header = [hard_lines(cell) for cell in header]
        self.aligned = list(aligned)
        """`left`, `right` or `center` per column; empty when the writer of the table did not say."""
        self.widths = [cells_of(cell) for cell in self.header]
        self._numeric = [True] * len(self.header)
        self.rows: list[list[Cell]] = []

    def add(self, row: Sequence[Sequence[Run]]) -> None:
        """Add a row of as many cells as the header has, or fewer."""
        cells = [hard_lines(cell) for cell in row]
        cells += [[[]] for _ in range(len(self.header) - len(cells))]
        self.rows.append(cells)
        for column, cell in enumerate(cells):
            self.widths[column] = max(self.widths[column], cells_of(cell))
            if self._numeric[column] and (text := text_of(cell)):
                self._numeric[column] = _NUMBER.fullmatch(text) is not None

    def with_row(self, row: Sequence[Sequence[Run]]) -> Table:
        """Return a table that is this one and a row more, at little cost: earlier rows are shared."""
        other = Table([], [])
        other.header, other.aligned = self.header, self.aligned
        other.widths, other._numeric, other.rows = list(self.widths), list(self._numeric), list(self.rows)
        other.add(row)
        other._numeric = self._numeric
        return other

    @property
    def shape(self) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        """Width of each column and whether it is flush right: while this stays, drawn rows stay."""
        return tuple(self.widths), tuple(self._is_right(column) for column in range(len(self.header)))

    def _is_right(self, column: int) -> bool:
        said = self.aligned[column]
        return said == "right" or (not said and self._numeric[column] and bool(self.rows))

    def fits(self, width: int) -> bool:
        """Return whether the columns stand side by side."""
        return sum(self.widths) + len(_GAP) * (len(self.widths) - 1) <= width


class TableWriter:
    """Lays tables out in one palette and width."""

    def __init__(self, inks: Inks, glyphs: Glyphs, width: int) -> None:
        self._inks = inks
        self._glyphs = glyphs
        self._width = width

    def table(self, table: Table) -> list[Row]:
        """Return all rows of a table."""
        return [*self.head(table), *self.body(table, 0)]

    def head(self, table: Table) -> list[Row]:
        """Return header and hairline; of a folded table, whose rows repeat the header, nothing once it has rows."""
        if not table.fits(self._width):
            names = [run for cell in table.header for run in [*_flat(cell), ("\n", self._inks(Look()))]]
            return [] if table.rows else wrap(names[:-1], self._width)
        width = sum(table.widths) + len(_GAP) * (len(table.widths) - 1)
        line = Row([Segment(self._glyphs.rule * width, self._inks.style("rule"))], width)
        return [*self._side_by_side(table, table.header, table.shape), line]

    def body(self, table: Table, start: int) -> list[Row]:
        """Return the rows of the body from number `start` on."""
        if table.fits(self._width):
            shape = table.shape
            return [row for cells in table.rows[start:] for row in self._side_by_side(table, cells, shape)]
        rows: list[Row] = []
        for number, cells in enumerate(table.rows[start:], start):
            if number:
                rows.append(Row([], 0))
            rows += self._folded(table.header, cells)
        return rows

    def _side_by_side(
        self, table: Table, cells: Sequence[Cell], shape: tuple[tuple[int, ...], tuple[bool, ...]]
    ) -> list[Row]:
        rows: list[Row] = []
        for number in range(max(map(len, cells))):
            segments: list[Segment] = []
            for column, (cell, width, flush_right) in enumerate(zip(cells, *shape, strict=True)):
                line = cell[number] if number < len(cell) else []
                room = width - _width(line)
                before = room if flush_right else room // 2 if table.aligned[column] == "center" else 0
                segments += self._blank(before + len(_GAP) * bool(column))
                segments += [Segment(text, style) for text, style in line if text]
                segments += self._blank(room - before)
            rows.append(Row(segments, sum(table.widths) + len(_GAP) * (len(table.widths) - 1)))
        return rows

    def _blank(self, cells: int) -> list[Segment]:
        return [Segment(" " * cells, self._inks(Look()))] if cells else []

    def _folded(self, header: Sequence[Cell], cells: Sequence[Cell]) -> list[Row]:
        rows: list[Row] = []
        muted, plain = self._inks.style("muted"), self._inks(Look())
        for name, cell in zip(header, cells, strict=True):
            label = [*_flat(name), (": ", muted)] if text_of(name) else []
            lines = wrap([*label, *_flat(cell, "\n")], max(1, self._width - 2))
            rows += lines[:1] + indented(lines[1:], [Segment("  ", plain)], [Segment("  ", plain)], 2)
        return rows


def cells_of(cell: Cell) -> int:
    """Return the width of a cell of a table in terminal cells."""
    return max([_width(line) for line in cell])


def _width(line: Sequence[Run]) -> int:
    return sum([cell_len(text) for text, _ in line])


def text_of(cell: Cell) -> str:
    """Return the plain text of a cell."""
    return " ".join(["".join([text for text, _ in line]) for line in cell]).strip()


def _flat(cell: Cell, line_end: str = " ") -> list[Run]:
    """Return the runs of a cell, its lines joined."""
    runs = list(cell[0])
    for line in cell[1:]:
        runs += [(line_end, line[0][1]), *line]
    return runs
