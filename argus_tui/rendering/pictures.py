"""Pictures as half blocks: two pixels in each cell, one above the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from argus_tui.glyphs import Glyphs
from argus_tui.rendering.few_colors import Pixel, few_colors
from argus_tui.rendering.row import Row

MOST_COLUMNS: Final = 40
"""Cells a picture in the transcript is wide at most."""
_MOST_PIXELS: Final = 160
"""Pixels along the longer side that are kept: enough for any terminal, small enough for plain Python."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A small decoded picture: `pixels` are rows of red, green and blue bytes."""

    width: int
    height: int
    pixels: bytes

    def average(self, left: int, top: int, right: int, bottom: int) -> Pixel:
        """Return the mean colour of a rectangle of at least one pixel."""
        red = green = blue = 0
        for y in range(top, bottom):
            line = self.pixels[(y * self.width + left) * 3 : (y * self.width + right) * 3]
            red += sum(line[0::3])
            green += sum(line[1::3])
            blue += sum(line[2::3])
        count = (right - left) * (bottom - top)
        return red // count, green // count, blue // count


def decode(data: bytes) -> Picture:
    """Return a small picture of encoded bytes, which were checked when they were stored. Slow: call it in a thread.

    Raises:
        OSError: The bytes are not a picture.
    """
    from io import BytesIO

    from PIL import Image

    try:
        with Image.open(BytesIO(data)) as image:
            image.draft("RGB", (_MOST_PIXELS, _MOST_PIXELS))
            small = image.convert("RGB")
    except (SyntaxError, ValueError, EOFError, MemoryError, Image.DecompressionBombError) as error:
        raise OSError("it is no picture that can be drawn") from error
    small.thumbnail((_MOST_PIXELS, _MOST_PIXELS))
    return Picture(small.width, small.height, small.tobytes())


def cells_for(width: int, height: int, columns: int, rows: int) -> tuple[int, int]:
    """Return columns and rows for a picture of this shape inside the room, keeping its shape; at least 2 × 1."""
    width, height = (width, height) if width > 0 and height > 0 else (4, 3)
    scale = min(columns / width, rows * 2 / height)
    return max(2, min(columns, round(width * scale))), max(1, min(rows, round(height * scale / 2)))


def half_blocks(picture: Picture, columns: int, rows: int, glyphs: Glyphs, *, only_256: bool = False) -> list[Row]:
    """Return the picture stretched to so many cells. On plain fonts each cell is a blank of the mean colour."""
    halves = glyphs.upper_half != " "
    lines = rows * 2 if halves else rows
    pixels = [_line(picture, columns, lines, y) for y in range(lines)]
    grid = [[Color.from_rgb(*pixel) for pixel in line] for line in (few_colors(pixels) if only_256 else pixels)]
    if not halves:
        return [Row([Segment(" ", Style(bgcolor=color)) for color in line], columns) for line in grid]
    return [
        Row(_pairs(above, below, glyphs.upper_half), columns)
        for above, below in zip(grid[0::2], grid[1::2], strict=True)
    ]


def _line(picture: Picture, columns: int, lines: int, y: int) -> list[Pixel]:
    top, bottom = _share(picture.height, lines, y)
    pixels = []
    for x in range(columns):
        left, right = _share(picture.width, columns, x)
        pixels.append(picture.average(left, top, right, bottom))
    return pixels


def _share(pixels: int, cells: int, at: int) -> tuple[int, int]:
    start = min(pixels - 1, at * pixels // cells)
    return start, max(start + 1, min(pixels, (at + 1) * pixels // cells))


def _pairs(above: list[Color], below: list[Color], glyph: str) -> list[Segment]:
    """Return one segment for each run of cells that look alike."""
    segments: list[Segment] = []
    start, pairs = 0, list(zip(above, below, strict=True))
    for at in range(1, len(pairs) + 1):
        if at == len(pairs) or pairs[at] != pairs[start]:
            upper, lower = pairs[start]
            segments.append(Segment(glyph * (at - start), Style(color=upper, bgcolor=lower)))
            start = at
    return segments
