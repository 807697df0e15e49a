"""Wrapping styled text by terminal cells. Text of plain width, which is nearly all, takes a short way."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len, get_character_cell_size, split_graphemes
from rich.segment import Segment
from rich.style import Style

from argus_core.text.clean import FORBIDDEN, LINE_ENDS
from argus_tui.rendering.row import Row, Run

_WIDE = (
    "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6\U00020000-\U0003fffd"
)
_PIECES = re.compile(rf"[{_WIDE}]| +|[^ {_WIDE}]+")
"""Chinese, Japanese and Korean break anywhere, other scripts at spaces."""

Span = tuple[int, int, int]
"""Start, end and width in cells of a line in its text."""


def printable(text: str) -> str:
    """Return text without line ends, tabs and what must never reach a terminal: the last line of defence."""
    if text.isprintable():
        return text
    return FORBIDDEN.sub("\ufffd", text.expandtabs(4).replace("\n", " "))


def is_plain_width(text: str) -> bool:
    """Return whether every character is exactly one cell wide, so that lengths are widths."""
    return text.isascii() or all(get_character_cell_size(character) == 1 for character in set(text))


def line_spans(text: str, width: int) -> list[Span]:
    """Return where the lines of one paragraph begin and end; words longer than a line are broken."""
    return _plain_spans(text, width) if is_plain_width(text) else _measured_spans(text, width)


def _plain_spans(text: str, width: int) -> list[Span]:
    spans: list[Span] = []
    start, length = 0, len(text)
    while length - start > width:
        cut = text.rfind(" ", start, start + width + 1)
        if cut <= start:
            cut = start + width
        end = cut
        while end > start and text[end - 1] == " ":
            end -= 1
        if end > start:
            spans.append((start, end, end - start))
        start = cut
        while start < length and text[start] == " ":
            start += 1
    if start < length or not spans:
        spans.append((start, length, length - start))
    return spans


def _measured_spans(text: str, width: int) -> list[Span]:
    spans: list[Span] = []
    start = end = position = cells = 0
    pending = 0  # blanks after `end`, counted only when a word follows on the same line
    for piece in _PIECES.findall(text):
        size = cell_len(piece)
        if piece[0] == " ":
            pending += size
        elif cells + pending + size <= width:
            end, cells, pending = position + len(piece), cells + pending + size, 0
        else:
            if end > start:
                spans.append((start, end, cells))
            start, end, cells, pending = position, position + len(piece), size, 0
            if size > width:
                *full, last = broken_word(piece, width)
                spans += [(start + a, start + b, c) for a, b, c in full]
                start, cells = start + last[0], last[2]
        position += len(piece)
    spans.append((start, end, cells))
    return spans


def broken_word(word: str, width: int) -> list[Span]:
    """Return the spans of a word cut into pieces of at most `width` cells, never inside a cluster of characters."""
    if is_plain_width(word):
        length = len(word)
        return [(at, min(at + width, length), min(width, length - at)) for at in range(0, max(length, 1), width)]
    spans: list[Span] = []
    start = end = cells = 0
    for first, after, size in split_graphemes(word)[0]:
        if cells + size > width and end > start:
            spans.append((start, end, cells))
            start, cells = first, 0
        end, cells = after, cells + size
    spans.append((start, end, cells))
    return spans


def wrap(runs: Sequence[Run], width: int) -> list[Row]:
    """Return the rows of some runs; a newline in a run ends the line. Always at least one row."""
    rows: list[Row] = []
    for line in hard_lines(runs):
        rows += _wrap_line(line, max(1, width))
    return rows


def hard_lines(runs: Sequence[Run]) -> list[list[Run]]:
    """Return the runs of each line, printable: a line end in a run ends the line. Always at least one line."""
    lines: list[list[Run]] = [[]]
    for text, style in runs:
        first, *others = (text if text.isprintable() else LINE_ENDS.sub("\n", text)).split("\n")
        lines[-1].append((printable(first), style))
        lines += [[(printable(other), style)] for other in others]
    return lines


def _wrap_line(runs: list[Run], width: int) -> list[Row]:
    if len(runs) == 1:
        text, style = runs[0]
        return [_single(text[start:end], cells, style) for start, end, cells in line_spans(text, width)]
    text = "".join([text for text, _ in runs])
    return [Row(_slice(runs, start, end), cells) for start, end, cells in line_spans(text, width)]


def _single(text: str, cells: int, style: Style) -> Row:
    return Row([Segment(text, style)] if text else [], cells)


def _slice(runs: list[Run], start: int, end: int) -> list[Segment]:
    segments: list[Segment] = []
    position = 0
    for text, style in runs:
        after = position + len(text)
        if after > start and position < end:
            segments.append(Segment(text[max(0, start - position) : end - position], style))
        position = after
        if position >= end:
            break
    return segments


def break_anywhere(runs: Sequence[Run], width: int) -> list[list[Run]]:
    """Return the lines of runs that are cut at the edge and not at spaces, as code is. Always at least one line."""
    lines: list[list[Run]] = [[]]
    room = width
    for text, style in runs:
        if cell_len(text) <= room:
            lines[-1].append((text, style))
            room -= cell_len(text)
            continue
        for cluster_start, cluster_end, size in split_graphemes(text)[0]:
            if size > room and room < width:
                lines.append([])
                room = width
            lines[-1].append((text[cluster_start:cluster_end], style))
            room -= size
    return lines
