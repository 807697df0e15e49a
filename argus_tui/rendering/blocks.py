"""Markdown blocks to rows. Every block is laid out by itself, so that a streaming answer keeps what is finished.

How a block looks depends on its own source only: gaps inside lists follow the blank lines in the source, and each item
is as far indented as its own number. So items and blocks can be laid out one by one, and nothing moves later.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markdown_it.token import Token
from rich.cells import cell_len
from rich.segment import Segment

from argus_tui.glyphs import Glyphs
from argus_tui.rendering.code import CodeWriter
from argus_tui.rendering.inks import Inks, Look
from argus_tui.rendering.inline import InlineWriter, formula_look
from argus_tui.rendering.lexers import IMMEDIATE, Lexers
from argus_tui.rendering.parsing import Group, children, first_line, parse
from argus_tui.rendering.row import Row, Run, indented
from argus_tui.rendering.tables import Table, TableWriter
from argus_tui.rendering.tags import text_of_html
from argus_tui.rendering.wrapping import wrap

_TASK = re.compile(r"\[([ xX])\][ \t]+")
_NARROWEST = 8
"""Cells that a container leaves its contents at least; where it cannot, it has no mark and no indent."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the look of a document depends on besides its text."""

    inks: Inks
    glyphs: Glyphs
    width: int
    """Cells of the text column."""
    typed: bool = False
    """A person typed it: line ends in a paragraph stay line ends, and HTML is text."""
    lexers: Lexers = IMMEDIATE


class BlockWriter:
    """Lays out blocks of one document."""

    def __init__(self, settings: Settings, look: Look | None = None) -> None:
        self.settings = settings
        self._look = look or Look()
        inks, glyphs, width = settings.inks, settings.glyphs, settings.width
        self._inline = InlineWriter(inks, glyphs, keep_line_ends=settings.typed)
        self.code = CodeWriter(inks, glyphs, width, settings.lexers)
        self.tables = TableWriter(inks, glyphs, width)

    def blocks(self, groups: Sequence[Group], lines: Sequence[str]) -> list[Row]:
        """Return the rows of blocks that follow one another, a blank row between each two.

        `lines` are those of the source that the token maps count in.
        """
        rows: list[Row] = []
        for group in groups:
            block = self.block(group, lines)
            if rows and block and not rows[-1].closing:
                rows.append(Row([], 0))
            rows += block
        return rows

    def block(self, group: Group, lines: Sequence[str]) -> list[Row]:
        """Return the rows of one block; none when all of it is comments."""
        token = group[0]
        match token.type:
            case "paragraph_open":
                return wrap(self._inline.runs(group[1].children or [], self._look), self.settings.width)
            case "heading_open":
                runs = self._inline.runs(group[1].children or [], self._look._replace(bold=True))
                return wrap(runs, self.settings.width)
            case "bullet_list_open" | "ordered_list_open":
                return self._list(group, lines)
            case "blockquote_open":
                return self._quote(group, lines)
            case "fence" | "code_block":
                return self.code.block(token.content, token.info)
            case "math_block":
                return wrap([(token.content, self.settings.inks(formula_look(self._look)))], self.settings.width)
            case "table_open":
                return self.tables.table(self.read_table(group))
            case "hr":
                rule = self.settings.glyphs.rule * self.settings.width
                return [Row([Segment(rule, self.settings.inks.style("rule"))], self.settings.width)]
            case _:
                said = token.content.rstrip("\n") if self.settings.typed else text_of_html(token.content)
                return wrap([(said, self.settings.inks(self._look))], self.settings.width) if said else []

    def _inside(self, cells: int, look: Look | None = None) -> BlockWriter:
        """Return a writer for the contents of a container that is indented by `cells`."""
        settings = replace(self.settings, width=self.settings.width - cells)
        return BlockWriter(settings, look or self._look)

    def _mark(self, mark: str) -> str:
        """Return the mark, or nothing where it would leave no room."""
        return mark if self.settings.width - cell_len(mark) >= _NARROWEST else ""

    # Lists

    def _list(self, group: Group, lines: Sequence[str]) -> list[Row]:
        numbers = Numbers()
        rows: list[Row] = []
        for item in children(group):
            if rows and gap_before(item, lines) and not rows[-1].closing:
                rows.append(Row([], 0))
            rows += self.item(item, numbers.of(item), lines)
        return rows

    def item(self, item: Group, number: int | None, lines: Sequence[str]) -> list[Row]:
        """Return the rows of one item of a list; `number` is None for a bullet."""
        mark = f"{self.settings.glyphs.bullet} " if number is None else f"{number}. "
        contents = children(item)
        if (box := _take_task_box(contents)) is not None:
            mark = "[x] " if box else "[ ] "
        mark = self._mark(mark)
        inner = self._inside(len(mark))
        rows: list[Row] = []
        for group in contents:
            block = inner.block(group, lines)
            if rows and block and gap_before(group, lines) and not rows[-1].closing:
                rows.append(Row([], 0))
            rows += block
        first = Segment(mark, self.settings.inks.style("accent" if box else "muted"))
        rest = Segment(" " * len(mark), self.settings.inks(self._look))
        return indented(rows or [Row([], 0)], [first], [rest], len(mark))

    # Quotes

    def _quote(self, group: Group, lines: Sequence[str]) -> list[Row]:
        bar = self._mark(f"{self.settings.glyphs.quote} ")
        inner = self._inside(cell_len(bar), self._look._replace(ink="muted", italic=True))
        rows = inner.blocks(children(group), lines) or [Row([], 0)]
        lead = [Segment(bar, self.settings.inks.style("rule"))]
        return indented(rows, lead, lead, cell_len(bar))

    # Tables

    def read_table(self, group: Group) -> Table:
        """Return the table that these tokens are."""
        header, *rows = _table_rows(group)
        muted = self._look._replace(ink="muted")
        names = [self._inline.runs(cell[1].children or [], muted) for cell in header]
        table = Table(names, [_alignment(cell) for cell in header])
        for row in rows:
            table.add([self.cell(cell[1].children or []) for cell in row])
        return table

    def cell(self, tokens: Sequence[Token]) -> list[Run]:
        """Return the runs of a cell below the header."""
        return self._inline.runs(tokens, self._look)


def render(source: str, settings: Settings) -> list[Row]:
    """Return the rows of a whole document; `source` is clean."""
    return BlockWriter(settings).blocks(parse(source, typed=settings.typed), source.split("\n"))


class Numbers:
    """The numbers of a list: as they were written, and counted on where one is written again."""

    def __init__(self) -> None:
        self._written: str | None = None
        self._shown = 0

    def of(self, item: Group) -> int | None:
        """Return the number of the next item, None for a bullet."""
        written = item[0].info
        if not written:
            return None
        is_again = self._written is not None and (written == self._written or int(written) == self._shown)
        self._shown = self._shown + 1 if is_again else int(written)
        self._written = written
        return self._shown

    def copy(self) -> Numbers:
        """Return numbers that go on from here apart."""
        other = Numbers()
        other._written, other._shown = self._written, self._shown
        return other


def gap_before(group: Group, lines: Sequence[str]) -> bool:
    """Return whether a blank line of the source stands before a block; the marks of quotes do not count."""
    at = first_line(group)
    return 0 < at <= len(lines) and not lines[at - 1].strip(" \t>")


def _table_rows(group: Group) -> list[list[Group]]:
    """Return the cells of each row, header first."""
    rows: list[list[Group]] = []
    for part in children(group):
        rows += [children(row) for row in children(part)]
    return rows


def _alignment(cell: Group) -> str:
    return str(cell[0].attrs.get("style", "")).removeprefix("text-align:")


def _take_task_box(contents: Sequence[Group]) -> bool | None:
    """Take the box off the first paragraph of an item; return whether it is ticked, None when there is none."""
    if not contents or contents[0][0].type != "paragraph_open":
        return None
    pieces = contents[0][1].children or []
    if not pieces or pieces[0].type != "text" or not (found := _TASK.match(pieces[0].content)):
        return None
    pieces[0].content = pieces[0].content[found.end() :]
    return found[1] != " "
