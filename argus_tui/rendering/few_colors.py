"""Pictures on terminals with 256 colours: plain nearest colour turns dusk into mud, so part of the error is spread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from rich.color import Color

Pixel: TypeAlias = tuple[int, int, int]

_FIXED: Final[tuple[Pixel, ...]] = tuple(
    (triplet.red, triplet.green, triplet.blue)
    for triplet in (Color.from_ansi(number).get_truecolor() for number in range(16, 256))
)
"""The 240 colours that are the same everywhere; the first 16 differ from user to user."""
_LIFT: Final = 0.85
"""Gamma by which shadows are lifted: the ramp has few dark colours."""
_SHARE: Final = 3
"""One in so many parts of each pixel's error is spread to its neighbours (Floyd and Steinberg's weights)."""
_NEIGHBOURS: Final = ((1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1))


@lru_cache(4096)
def nearest(red: int, green: int, blue: int) -> Pixel:
    """Return the closest fixed colour, weighted as eyes weigh them (the "redmean" distance)."""

    def distance(pixel: Pixel) -> float:
        mean = (pixel[0] + red) / 512
        return (2 + mean) * (pixel[0] - red) ** 2 + 4 * (pixel[1] - green) ** 2 + (3 - mean) * (pixel[2] - blue) ** 2

    return min(_FIXED, key=distance)


def few_colors(grid: Sequence[Sequence[Pixel]]) -> list[list[Pixel]]:
    """Return rows of pixels in fixed colours only."""
    wanted = [[[255 * (value / 255) ** _LIFT for value in pixel] for pixel in row] for row in grid]
    return [[_settle(wanted, x, y) for x in range(len(row))] for y, row in enumerate(wanted)]


def _settle(wanted: list[list[list[float]]], x: int, y: int) -> Pixel:
    """Choose the colour of a pixel and spread what is wrong with it to the pixels that come later."""
    want = [min(255.0, max(0.0, value)) for value in wanted[y][x]]
    red, green, blue = (min(255, round(value / 4) * 4) for value in want)
    got = nearest(red, green, blue)
    for right, down, weight in _NEIGHBOURS:
        if y + down < len(wanted) and 0 <= x + right < len(wanted[y + down]):
            pixel = wanted[y + down][x + right]
            for channel in range(3):
                pixel[channel] += (want[channel] - got[channel]) * weight / (16 * _SHARE)
    return got
