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
from argus_tui.rendering.wrapping import printable, wrap

Cell: TypeAlias = list[Run]
_GAP = "   "
_NUMBER = re.compile(r"[^\w]{0,3}\d[\d.,:/ ]*\s?[^\W\d]{0,4}%?")


class Table:
    """A table as runs; rows can be added while it streams."""

    def __init__(self, header: Sequence[Cell], aligned: Sequence[str]) -> None:
        self.header = [flat(cell) for cell in header]
        self.aligned = list(aligned)
        """`left`, `right` or `center` per column; empty when the writer of the table did not say."""
        self.widths = [cells_of(cell) for cell in self.header]
        self._numeric = [True] * len(self.header)
        self.rows: list[list[Cell]] = []

    def add(self, row: Sequence[Cell]) -> None:
        """Add a row; missing cells are empty, extra ones are dropped."""
        cells = [flat(cell) for cell in row[: len(self.header)]]
        cells += [[] for _ in range(len(self.header) - len(cells))]
        self.rows.append(cells)
        for column, cell in enumerate(cells):
            self.widths[column] = max(self.widths[column], cells_of(cell))
            if self._numeric[column] and (text := text_of(cell)):
                self._numeric[column] = _NUMBER.fullmatch(text) is not None

    def with_row(self, row: Sequence[Cell]) -> Table:
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
        """Return header and hairline; nothing when the table is folded."""
        if not table.fits(self._width):
            return []
        width = sum(table.widths) + len(_GAP) * (len(table.widths) - 1)
        line = Row([Segment(self._glyphs.rule * width, self._inks.style("rule"))], width)
        return [self._side_by_side(table, table.header, table.shape), line]

    def body(self, table: Table, start: int) -> list[Row]:
        """Return the rows of the body from number `start` on."""
        if table.fits(self._width):
            shape = table.shape
            return [self._side_by_side(table, cells, shape) for cells in table.rows[start:]]
        rows: list[Row] = []
        for number, cells in enumerate(table.rows[start:], start):
            if number:
                rows.append(Row([], 0))
            rows += self._folded(table.header, cells)
        return rows

    def _side_by_side(
        self, table: Table, cells: Sequence[Cell], shape: tuple[tuple[int, ...], tuple[bool, ...]]
    ) -> Row:
        plain = self._inks(Look())
        segments: list[Segment] = []
        for column, (cell, width, flush_right) in enumerate(zip(cells, *shape, strict=True)):
            if column:
                segments.append(Segment(_GAP, plain))
            room = width - cells_of(cell)
            before = room if flush_right else room // 2 if table.aligned[column] == "center" else 0
            if before:
                segments.append(Segment(" " * before, plain))
            segments += [Segment(text, style) for text, style in cell]
            if room > before:
                segments.append(Segment(" " * (room - before), plain))
        return Row(segments, sum(table.widths) + len(_GAP) * (len(table.widths) - 1))

    def _folded(self, header: Sequence[Cell], cells: Sequence[Cell]) -> list[Row]:
        rows: list[Row] = []
        muted, plain = self._inks.style("muted"), self._inks(Look())
        for name, cell in zip(header, cells, strict=True):
            label: Cell = [*name, (": ", muted)] if name else []
            lines = wrap([*label, *cell], max(1, self._width - 2))
            rows += lines[:1] + indented(lines[1:], [Segment("  ", plain)], [Segment("  ", plain)], 2)
        return rows


def flat(cell: Cell) -> Cell:
    """Return the cell on one line, safe to print."""
    return [(printable(text), style) for text, style in cell if text]


def cells_of(cell: Cell) -> int:
    """Return the width of a cell of a table in terminal cells."""
    return sum([cell_len(text) for text, _ in cell])


def text_of(cell: Cell) -> str:
    """Return the plain text of a cell."""
    return "".join([text for text, _ in cell]).strip()
