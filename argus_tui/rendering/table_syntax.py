"""The syntax of tables: that of GitHub's Markdown, but no text of a row is lost.

A pipe in code or in a formula splits no cells, and what a row has more than the head stays in its last cell.
"""

from __future__ import annotations

import re
from typing import Final

from markdown_it.rules_block import StateBlock

from argus_tui.rendering.formulas import formula_end

MOST_MISSING: Final = 0x10000
"""Cells that rows may lack altogether; a table ends there, as in markdown-it: else a small text asks for a huge one."""
_DELIMITERS = re.compile(r"(?!-[ \t])(?=..)\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?")
_BLANKS = " \t"
_SIGNS = re.compile(r"\\.|`+|[|$]")


def table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Block rule in place of markdown-it's, with its tokens; a row has no tokens for cells that it lacks."""
    if start_line + 2 > end_line or state.sCount[start_line + 1] < state.blkIndent:
        return False
    if state.is_code_block(start_line) or state.is_code_block(start_line + 1):
        return False
    styles = _styles(_line(state, start_line + 1))
    head = _head(_line(state, start_line), len(styles))
    if not head:
        return False
    if silent:
        return True
    parent, state.parentType = state.parentType, "table"
    opening = state.push("table_open", "table", 1)
    state.push("thead_open", "thead", 1)
    _push_row(state, start_line, "th", head, styles)
    state.push("thead_close", "thead", -1)
    line = _push_body(state, start_line + 2, end_line, styles)
    state.push("table_close", "table", -1)
    opening.map = [start_line, line]
    state.parentType, state.line = parent, line
    return True


def _push_body(state: StateBlock, line: int, end_line: int, styles: list[str]) -> int:
    """Push the rows from `line` on; return the line after them."""
    missing, first = 0, line
    while line < end_line and _is_row(state, line, end_line):
        cells = split_row(_line(state, line), len(styles))
        missing += len(styles) - len(cells)
        if missing > MOST_MISSING:
            break
        if line == first:
            state.push("tbody_open", "tbody", 1)
        _push_row(state, line, "td", cells, styles)
        line += 1
    if line > first:
        state.push("tbody_close", "tbody", -1)
    return line


def _is_row(state: StateBlock, line: int, end_line: int) -> bool:
    if state.sCount[line] < state.blkIndent or state.isEmpty(line) or state.is_code_block(line):
        return False
    return not any(rule(state, line, end_line, True) for rule in state.md.block.ruler.getRules("blockquote"))


def _push_row(state: StateBlock, line: int, tag: str, cells: list[str], styles: list[str]) -> None:
    state.push("tr_open", "tr", 1).map = [line, line + 1]
    for cell, style in zip(cells, styles, strict=False):
        opening = state.push(f"{tag}_open", tag, 1)
        if style:
            opening.attrs = {"style": f"text-align:{style}"}
        inline = state.push("inline", "", 0)
        inline.map, inline.content, inline.children = [line, line + 1], cell, []
        state.push(f"{tag}_close", tag, -1)
    state.push("tr_close", "tr", -1)


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].strip(_BLANKS)


def _styles(line: str) -> list[str]:
    """Return the alignment of each column, empty where nothing is said; an empty list when these are no delimiters."""
    if not _DELIMITERS.fullmatch(line):
        return []
    columns = [column.strip(_BLANKS) for column in line.removeprefix("|").removesuffix("|").split("|")]
    signs = {(False, False): "", (True, False): "left", (False, True): "right", (True, True): "center"}
    return [signs[column.startswith(":"), column.endswith(":")] for column in columns]


# Rows


def _head(line: str, count: int) -> list[str]:
    """Return the cells of a head of `count` columns; an empty list when it has not as many."""
    if not count or "|" not in line:
        return []
    return next((cells for cells in (_split(line, whole=True), _split(line, whole=False)) if len(cells) == count), [])


def split_row(line: str, count: int) -> list[str]:
    """Return the cells of a row in a table of `count` columns, at most as many."""
    cells = _split(line, whole=True)
    if len(cells) < count and len(cells) < len(other := _split(line, whole=False)) <= count:
        cells = other
    return cells if len(cells) <= count else [*cells[: count - 1], " | ".join(cells[count - 1 :])]


def _split(line: str, *, whole: bool) -> list[str]:
    """Cut a row at its pipes; with `whole` not inside code and formulas."""
    line = line.strip(_BLANKS)
    cells = [""]
    at = 0
    while (found := _SIGNS.search(line, at)) is not None:
        cells[-1] += line[at : found.start()]
        piece, at = _piece(line, found, whole)
        if piece == "|" and found.group() == "|":
            cells.append("")
        else:
            cells[-1] += piece
    cells[-1] += line[at:]
    if not cells[0]:
        del cells[0]
    if cells and not cells[-1]:
        del cells[-1]
    return [cell.strip(_BLANKS) for cell in cells]


def _piece(line: str, found: re.Match[str], whole: bool) -> tuple[str, int]:
    """Return what a sign begins, with pipes that were escaped, and where that ends."""
    sign, start, end = found.group(), found.start(), found.end()
    if whole and sign[0] == "`":
        close = re.compile(rf"(?<!`){sign}(?!`)").search(line, end)
        end = close.end() if close else end
        return line[start:end].replace(r"\|", "|"), end
    if whole and (closed := formula_end(line, start)) > 0:
        return line[start:closed], closed
    return ("|" if sign == r"\|" else sign), end
