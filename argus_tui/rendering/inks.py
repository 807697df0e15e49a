"""Rich styles by role: one object per combination, so that styles compare and cache cheaply."""

from __future__ import annotations

from typing import Literal, NamedTuple

from rich.style import Style

from argus_tui.themes import Palette

Ink = Literal["text", "muted", "rule", "accent", "warn", "code", "raised", "on_accent"]
Ground = Literal["ground", "raised", "picked", "accent"]


class Look(NamedTuple):
    """How a piece of text is drawn."""

    ink: Ink = "text"
    ground: Ground = "ground"
    bold: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False


class Inks:
    """Turns looks into styles of one palette."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self._styles: dict[Look, Style] = {}

    def __call__(self, look: Look) -> Style:
        style = self._styles.get(look)
        if style is None:
            style = self._styles[look] = Style(
                color=getattr(self.palette, look.ink),
                bgcolor=getattr(self.palette, look.ground),
                bold=look.bold or None,
                italic=look.italic or None,
                underline=look.underline or None,
                strike=look.strike or None,
            )
        return style

    def style(self, ink: Ink = "text", ground: Ground = "ground", *, bold: bool = False) -> Style:
        """Return a plain or bold style."""
        return self(Look(ink, ground, bold))
