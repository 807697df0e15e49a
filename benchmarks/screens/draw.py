"""The lines of a screen -> a picture."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw
from rich.cells import cell_len
from rich.color import Color, ColorSystem
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.strip import Strip

from benchmarks.screens.blocks import boxes
from benchmarks.screens.fonts import BASELINE, CELL_HEIGHT, CELL_WIDTH, font_for

Rgb = tuple[int, int, int]
_MARGIN = 12
_FIRST_MARK = 0x300
"""Above this, a character without width is a mark that sits on the letter before it."""


class Painter:
    """Draws strips; `few` shows what a terminal of 256 colours would."""

    def __init__(self, theme: TerminalTheme, *, few: bool = False) -> None:
        self._theme = theme
        self._few = few

    def shown(self, color: Rgb) -> Rgb:
        """Return a colour as this terminal shows it."""
        return self._rgb(Color.from_rgb(*color), foreground=False)

    def paint(self, strips: Sequence[Strip], ground: Rgb) -> Image.Image:
        """Return the picture, with a margin of the ground colour."""
        columns = max(strip.cell_length for strip in strips)
        size = (columns * CELL_WIDTH + 2 * _MARGIN, len(strips) * CELL_HEIGHT + 2 * _MARGIN)
        image = Image.new("RGB", size, ground)
        canvas = ImageDraw.Draw(image)
        for row, strip in enumerate(strips):
            self._line(canvas, strip, _MARGIN + row * CELL_HEIGHT)
        return image

    def _line(self, canvas: ImageDraw.ImageDraw, strip: Strip, y: int) -> None:
        """Draw all grounds of a line first: a letter may lean over its cell."""
        x = _MARGIN
        runs = []
        for text, style, control in strip:
            if control:
                continue
            ink, ground = self._colors(style or Style())
            width = cell_len(text) * CELL_WIDTH
            if width:
                canvas.rectangle((x, y, x + width - 1, y + CELL_HEIGHT - 1), fill=ground)
            runs.append((x, text, style or Style(), ink))
            x += width
        for start, text, style, ink in runs:
            self._run(canvas, (start, y), text, style, ink)

    def _run(self, canvas: ImageDraw.ImageDraw, at: tuple[int, int], text: str, style: Style, ink: Rgb) -> None:
        x, y = at
        end = x + cell_len(text) * CELL_WIDTH
        if style.underline and end > x:
            canvas.line((x, y + CELL_HEIGHT - 3, end - 1, y + CELL_HEIGHT - 3), fill=ink)
        if style.strike and end > x:
            canvas.line((x, y + CELL_HEIGHT // 2, end - 1, y + CELL_HEIGHT // 2), fill=ink)
        for character in text:
            cells = cell_len(character)
            if cells:
                _draw(canvas, (x, y), character, style, ink, cells)
            elif ord(character) >= _FIRST_MARK:
                _draw(canvas, (x - CELL_WIDTH, y), character, style, ink, 1)
            x += cells * CELL_WIDTH

    def _colors(self, style: Style) -> tuple[Rgb, Rgb]:
        ink = self._rgb(style.color, foreground=True)
        ground = self._rgb(style.bgcolor, foreground=False)
        if style.dim:
            ink = (
                (ink[0] + ground[0]) // 2,
                (ink[1] + ground[1]) // 2,
                (ink[2] + ground[2]) // 2,
            )
        return (ground, ink) if style.reverse else (ink, ground)

    def _rgb(self, color: Color | None, *, foreground: bool) -> Rgb:
        color = color or Color.default()
        if self._few and not color.is_default:
            color = color.downgrade(ColorSystem.EIGHT_BIT)
        red, green, blue = color.get_truecolor(self._theme, foreground=foreground)
        return red, green, blue


def _draw(canvas: ImageDraw.ImageDraw, at: tuple[int, int], character: str, style: Style, ink: Rgb, cells: int) -> None:
    x, y = at
    if character.isspace():
        return
    parts = boxes(character)
    if parts is not None:
        for left, top, right, bottom in parts:
            canvas.rectangle((x + left, y + top, x + right, y + bottom), fill=ink)
        return
    font = font_for(character, bool(style.bold), bool(style.italic))
    excess = max(0.0, font.getlength(character) - CELL_WIDTH * cells)
    canvas.text((x - excess / 2, y + BASELINE), character, fill=ink, font=font, anchor="ls")
