"""Terminals with 8 or 16 colours: each role has a colour of the terminal's own there, instead of the nearest grey.

Their grounds are the terminal's own ground, so what a raised ground parts elsewhere needs a rule here: the app has the
class `-few-colors` for that. What is picked lies on blue, which carries bright inks in a dark and a light terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from rich.color import Color, ColorType
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.color import Color as TextualColor
from textual.filter import LineFilter

from argus_tui.themes import Palette

FEW_COLORS: Final = "-few-colors"
"""The class of the app there."""
_DEFAULT: Final = Color.default()
_GROUNDS: Final = ("ground", "raised", "picked", "accent")
_INKS: Final = ("text", "muted", "rule", "accent", "on_accent", "warn", "code")
_DARK: Final = {"muted": 8, "rule": 8, "accent": 6, "on_accent": 0, "warn": 3, "code": 2}
_LIGHT: Final = {"muted": 8, "rule": 8, "accent": 4, "on_accent": 15, "warn": 1, "code": 5}
_ON_PICKED: Final = {"text": 15, "muted": 7, "rule": 7, "accent": 14, "on_accent": 15, "warn": 11, "code": 10}
"""Ink by role; one that is not named is the terminal's own."""
_PICKED: Final = 4
_PICTURE: Final = frozenset("▀")


def has_few_colors(system: str | None) -> bool:
    """Return whether a terminal with that colour system, as Rich names it, needs this."""
    return system == "standard"


class SixteenColors(LineFilter):
    """Draws the roles of a palette with the terminal's own colours.

    Args:
        palette: Returns the roles that are drawn with now.
        dark: Returns whether the theme is dark.
    """

    def __init__(self, palette: Callable[[], Palette], dark: Callable[[], bool]) -> None:
        super().__init__()
        self._palette = palette
        self._dark = dark

    def apply(self, segments: list[Segment], background: TextualColor) -> list[Segment]:
        palette, dark = self._palette(), self._dark()
        return [
            segment
            if segment.control or segment.style is None or _is_done(segment)
            else Segment(segment.text, _drawn(segment.style, palette, dark))
            for segment in segments
        ]


def _is_done(segment: Segment) -> bool:
    """Return whether it is part of a picture, or came through here before: what lies behind an overlay does."""
    style = segment.style or Style()
    drawn = any(color is not None and color.type is ColorType.STANDARD for color in (style.color, style.bgcolor))
    return drawn or _PICTURE.issuperset(segment.text)


@lru_cache(4096)
def _drawn(style: Style, palette: Palette, dark: bool) -> Style:
    ground = _role(style.bgcolor, _GROUNDS, palette) or "ground"
    ink = _role(style.color, _INKS, palette) or "text"
    inks = _ON_PICKED if ground == "picked" else _DARK if dark else _LIGHT
    if ground == "accent":
        ink = "on_accent"
    return style + Style(color=_color(inks, ink), bgcolor=_ground(inks, ground))


def _ground(inks: Mapping[str, int], role: str) -> Color:
    if role == "picked":
        return _standard(_PICKED)
    return _color(inks, role) if role == "accent" else _DEFAULT


def _color(inks: Mapping[str, int], role: str) -> Color:
    return _standard(inks[role]) if role in inks else _DEFAULT


def _standard(number: int) -> Color:
    return Color.from_ansi(number)


def _role(color: Color | None, roles: tuple[str, ...], palette: Palette) -> str | None:
    """Return the role whose colour is nearest; None for the terminal's own."""
    if color is None or color.is_default:
        return None
    return min(roles, key=lambda role: _distance(color.get_truecolor(), getattr(palette, role)))


def _distance(color: ColorTriplet, hex6: str) -> int:
    other = bytes.fromhex(hex6[1:])
    return sum((one - two) ** 2 for one, two in zip(color, other, strict=True))
