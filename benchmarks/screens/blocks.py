"""Blocks, lines and braille dots as rectangles, the way good terminals draw them: they join from cell to cell."""

from __future__ import annotations

from benchmarks.screens.fonts import CELL_HEIGHT as HIGH
from benchmarks.screens.fonts import CELL_WIDTH as WIDE

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in a cell, the last two inclusive."""

_MIDDLE_X, _MIDDLE_Y = WIDE // 2, HIGH // 2
_RIGHT, _BOTTOM = WIDE - 1, HIGH - 1


def _left(eighths: int) -> Box:
    return (0, 0, max(1, WIDE * eighths // 8) - 1, _BOTTOM)


def _lower(eighths: int) -> Box:
    return (0, HIGH - max(1, round(HIGH * eighths / 8)), _RIGHT, _BOTTOM)


_SIMPLE: dict[str, Box] = {
    "█": (0, 0, _RIGHT, _BOTTOM),
    "▀": (0, 0, _RIGHT, _MIDDLE_Y - 1),
    "▄": (0, _MIDDLE_Y, _RIGHT, _BOTTOM),
    "▐": (_MIDDLE_X, 0, _RIGHT, _BOTTOM),
    "▔": (0, 0, _RIGHT, 2),
    "▕": (_RIGHT, 0, _RIGHT, _BOTTOM),
    "─": (0, _MIDDLE_Y, _RIGHT, _MIDDLE_Y),
    "━": (0, _MIDDLE_Y - 1, _RIGHT, _MIDDLE_Y + 1),
    "│": (_MIDDLE_X, 0, _MIDDLE_X, _BOTTOM),
    "┃": (_MIDDLE_X - 1, 0, _MIDDLE_X + 1, _BOTTOM),
    **{character: _left(eighths) for eighths, character in enumerate("▏▎▍▌▋▊▉", 1)},
    **{character: _lower(eighths) for eighths, character in enumerate("▁▂▃▅▆▇", 1) if eighths < 4},
    "▅": _lower(5),
    "▆": _lower(6),
    "▇": _lower(7),
}
_DOTS = ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3))
"""Column and row of each bit of a braille character."""


def boxes(character: str) -> list[Box] | None:
    """Return the rectangles that make up the character; None when it is one for a font."""
    if character in _SIMPLE:
        return [_SIMPLE[character]]
    bits = ord(character) - 0x2800
    if not 0 < bits < 0x100:
        return None
    corners = [(1 + column * 5, 1 + row * 5) for bit, (column, row) in enumerate(_DOTS) if bits >> bit & 1]
    return [(x, y, x + 2, y + 2) for x, y in corners]
