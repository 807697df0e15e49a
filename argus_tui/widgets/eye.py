"""The mark: an almond eye in braille dots, made of two arcs and a disc."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from argus_tui.widgets.ink import ACCENT, MUTED

_EYE: Final = (
    " ⢀⡠⠒⠉⠉⠉⠒⢄⡀ ",
    "⡠⠋ ⢠⣾⡟⢳⡄ ⠙⢄",
    "⠑⣄ ⠘⢿⣿⡿⠃ ⣠⠊",
    " ⠈⠑⠤⣀⣀⣀⠤⠊⠁ ",
)
_IRIS: Final = slice(3, 8)


def mark(under: str, *, eye: bool) -> list[Content]:
    """Return the four rows of the mark: the eye, beside it the name and a line under that; no eye on poor fonts."""
    words: Sequence[Content] = (
        Content.empty(),
        Content.styled("  argus", "bold"),
        Content.styled(f"  {under}", MUTED),
        Content.empty(),
    )
    return [_eye_line(row) + said for row, said in enumerate(words)] if eye else list(words)


def _eye_line(row: int) -> Content:
    """Return a row of the eye: the lids quiet, the iris in the accent."""
    dots = Content.styled(_EYE[row], MUTED)
    return dots.stylize(ACCENT, _IRIS.start, _IRIS.stop) if 0 < row < len(_EYE) - 1 else dots
