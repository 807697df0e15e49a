"""Open blocks that grow by whole pieces: items of a list, lines of code, rows of a table.

Each takes the complete pieces out of the text and lays them out once, so that a long block costs no more per character
than prose. `take()` sees only what it has not taken before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Protocol

from markdown_it.token import Token

from argus_tui.rendering.blocks import BlockWriter, Numbers, gap_before
from argus_tui.rendering.code import language_of
from argus_tui.rendering.parsing import LINES_OF_A_START, Group, children, first_line, line_after, offset_of_line
from argus_tui.rendering.row import Row, Run
from argus_tui.rendering.table_syntax import MOST_MISSING, split_row
from argus_tui.rendering.tables import Table

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SURE_ROW = re.compile(r" {0,3}\|").match
"""A line that begins with a pipe begins no other block and so is a row of an open table."""
_CONTEXT_LINES = 12
"""Lines of code above new ones that a lexer is given at most, to know what they are part of."""


@dataclass(slots=True)
class Taken:
    """What a growing block made of some text."""

    used: int = 0
    """Characters that need not be given again."""
    ended: bool = False
    kept: list[Row] = field(default_factory=list)
    """Rows to add to the block for good."""
    live: list[Row] = field(default_factory=list)
    """Rows for what was not used."""
    afresh: bool = False
    """`kept` are all rows of the block, in place of those given before."""


class Parser(Protocol):
    """Parses pieces of the document that the block is part of."""

    def blocks(self, source: str) -> list[Group]: ...
    def inline(self, source: str) -> list[Token]: ...


class Growing(Protocol):
    """An open block that takes text."""

    is_final: bool
    """Whether rows once kept stay as they are."""

    def take(self, rest: str, complete: int, *, closing: bool) -> Taken:
        """Take the pieces of `rest` that are whole.

        The first `complete` characters of it end in a newline. With `closing` no more text comes and all is whole.
        """


def grow(group: Group, rest: str, complete: int, writer: BlockWriter, parser: Parser) -> Growing | None:
    """Return what lets this block, which begins `rest`, grow by pieces; None when it is not worth it."""
    token = group[0]
    lines_complete = rest.count("\n", 0, complete)
    if token.type in ("bullet_list_open", "ordered_list_open") and len(children(group)) > 1:
        return GrowingList(writer, parser)
    if token.type == "fence" and lines_complete > 1 and rest.startswith(token.markup):
        return GrowingCode(token.markup, token.info, writer)
    if token.type == "table_open" and lines_complete > 2:
        head = rest[: offset_of_line(rest, LINES_OF_A_START)]
        return GrowingTable(head, writer.read_table(parser.blocks(head)[0]), writer, parser)
    return None


class GrowingList:
    """A list: an item is whole when the next one has begun."""

    is_final = True

    def __init__(self, writer: BlockWriter, parser: Parser) -> None:
        self._numbers = Numbers()
        self._writer = writer
        self._parser = parser
        self._gap_first = False
        self._ends_in_code = False

    def take(self, rest: str, complete: int, *, closing: bool) -> Taken:
        groups = self._parser.blocks(rest)
        if not groups or not groups[0][0].type.endswith("_list_open"):
            return Taken(ended=True)
        lines_complete = rest.count("\n", 0, complete)
        following = first_line(groups[1]) + LINES_OF_A_START <= lines_complete if len(groups) > 1 else False
        taken = Taken(ended=closing or following)
        items, lines = children(groups[0]), rest.split("\n")
        whole = len(items) if taken.ended else self._count_whole(items, lines_complete)
        for index, item in enumerate(items[:whole]):
            taken.kept += self._item(item, lines, self._gap_first if index == 0 else gap_before(item, lines))
        if taken.ended:
            taken.used = offset_of_line(rest, line_after(groups[0]))
            return taken
        taken.used = offset_of_line(rest, first_line(items[whole]))
        self._gap_first = gap_before(items[whole], lines) if whole else self._gap_first
        taken.live = self._rows_of_open(items[whole:], lines, groups[1:])
        return taken

    @staticmethod
    def _count_whole(items: list[Group], lines_complete: int) -> int:
        begun = [index for index, item in enumerate(items) if first_line(item) < lines_complete]
        return begun[-1] if begun else 0

    def _item(self, item: Group, lines: list[str], gap: bool) -> list[Row]:
        rows = self._writer.item(item, self._numbers.of(item), lines)
        lead = [Row([], 0)] if gap and not self._ends_in_code else []
        self._ends_in_code = rows[-1].closing
        return lead + rows

    def _rows_of_open(self, items: list[Group], lines: list[str], following: list[Group]) -> list[Row]:
        numbers, ends_in_code = self._numbers.copy(), self._ends_in_code
        rows: list[Row] = []
        for index, item in enumerate(items):
            rows += self._item(item, lines, self._gap_first if index == 0 else gap_before(item, lines))
        self._numbers, self._ends_in_code = numbers, ends_in_code
        after = self._writer.blocks(following, lines)
        if after and rows and not rows[-1].closing:
            rows.append(Row([], 0))
        return rows + after


class GrowingCode:
    """A fenced block: a line is whole when the next one has begun; all is coloured once more at the end."""

    is_final = False

    def __init__(self, fence: str, info: str, writer: BlockWriter) -> None:
        self._is_end = re.compile(rf" {{0,3}}{re.escape(fence[0])}{{{len(fence)},}}[ \t]*").fullmatch
        self._mark = fence[0]
        self._info = info
        self._code = writer.code
        self._lines: list[str] = []
        self._opened = False

    def take(self, rest: str, complete: int, *, closing: bool) -> Taken:
        taken, first = Taken(), len(self._lines)
        text = rest if closing else rest[:complete]
        for line in _LINE.findall(text):
            taken.used += len(line)
            bare = line.removesuffix("\n")
            if not self._opened:
                self._opened = True
                taken.kept += self._code.head(self._info)
            elif self._is_end(bare):
                taken.ended = True
                break
            else:
                self._lines.append(bare)
        if taken.ended or closing:
            taken.ended = taken.afresh = True
            taken.kept = self._code.block("\n".join(self._lines) + "\n" * bool(self._lines), self._info)
            return taken
        taken.kept += self._rows_from(first)
        open_line = rest[complete:]
        if open_line.strip(f" {self._mark}"):  # half of the closing fence is not shown
            taken.live += self._code.lines(open_line, "")
        taken.live.append(self._code.edge())
        return taken

    def _rows_from(self, first: int) -> list[Row]:
        if first == len(self._lines):
            return []
        start = first
        while start > max(0, first - _CONTEXT_LINES) and self._lines[start - 1].strip():
            start -= 1
        return self._code.lines("\n".join(self._lines[start:]) + "\n", language_of(self._info), skip=first - start)


class GrowingTable:
    """A table: a row is whole when its line is; the rows are drawn again only when a column gets wider."""

    is_final = False

    def __init__(self, head: str, table: Table, writer: BlockWriter, parser: Parser) -> None:
        self._head = head
        self._table = table
        self._writer = writer
        self._parser = parser
        self._opened = False
        self._missing = 0

    def take(self, rest: str, complete: int, *, closing: bool) -> Taken:
        taken = Taken(afresh=not self._opened)
        if not self._opened:
            self._opened, taken.used = True, len(self._head)
        table = self._table
        shape, first = table.shape, len(table.rows)
        for line in _LINE.findall(rest, taken.used, len(rest) if closing else complete):
            cells = self._cells(line)
            if cells is None:
                taken.ended = True
                break
            taken.used += len(line)
            table.add(cells)
        taken.ended = taken.ended or closing
        taken.afresh = taken.afresh or table.shape != shape
        tables = self._writer.tables
        taken.kept = tables.table(table) if taken.afresh else tables.body(table, first)
        if not taken.ended and complete < len(rest):
            taken.live = self._open_line(rest[complete:])
        return taken

    def _cells(self, line: str) -> list[list[Run]] | None:
        """Return the cells that a line adds to the table, None when the table ends before it."""
        if not _SURE_ROW(line) and line_after(self._parser.blocks(self._head + line)[0]) == LINES_OF_A_START:
            return None
        texts = split_row(line.removesuffix("\n"), len(self._table.header))
        self._missing += len(self._table.header) - len(texts)
        if self._missing > MOST_MISSING:
            return None
        return [self._writer.cell(self._parser.inline(text)) for text in texts]

    def _open_line(self, line: str) -> list[Row]:
        """Return the rows of a line that is still being written, in the columns as they are."""
        missing = self._missing
        cells = self._cells(line)
        self._missing = missing
        if cells is not None:
            return self._writer.tables.body(self._table.with_row(cells), len(self._table.rows))
        rows = self._writer.blocks(self._parser.blocks(line), [line])
        return [Row([], 0), *rows] if rows else []
