"""Finds the fonts: JetBrains Mono, with DejaVu for what it lacks."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

CELL_WIDTH, CELL_HEIGHT = 10, 21
BASELINE = 16
"""Pixels from the top of a cell to the line that letters stand on."""

_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "~/Library/Fonts",
    "/Library/Fonts",
)
_NOWHERE = "\U0010fffe"
"""A character that no font has: it is drawn as what stands for a missing one."""
_FAMILIES = {
    "JetBrainsMono": ("-Regular", "-Bold", "-Italic", "-BoldItalic"),
    "DejaVuSansMono": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "DejaVuSans": ("", "-Bold", "-Oblique", "-BoldOblique"),
    "NotoSansMono": ("-Regular", "-Bold", "-Regular", "-Bold"),
}
_ADVANCE = {"JetBrainsMono": 0.6}
"""Width of a letter by the size of the font; DejaVu's by default."""


class NoFonts(Exception):
    """None of the fonts is on this machine."""


@lru_cache
def _files() -> dict[str, Path]:
    folders = [Path(folder).expanduser() for folder in _FOLDERS]
    return {path.stem: path for folder in folders if folder.is_dir() for path in folder.rglob("*.ttf")}


@lru_cache
def _fonts(bold: bool, italic: bool) -> tuple[ImageFont.FreeTypeFont, ...]:
    found = []
    for family, styles in _FAMILIES.items():
        path = _files().get(family + styles[bold + 2 * italic]) or _files().get(family + styles[0])
        if path:
            size = CELL_WIDTH / _ADVANCE.get(family, 0.602)
            found.append(ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC))
    if not found:
        raise NoFonts("Install JetBrains Mono and DejaVu (on Debian: fonts-jetbrains-mono fonts-dejavu).")
    return tuple(found)


@lru_cache(4096)
def font_for(character: str, bold: bool, italic: bool) -> ImageFont.FreeTypeFont:
    """Return the first font that has the character, upright if none has it in that style."""
    fonts = (*_fonts(bold, italic), *_fonts(False, False))
    return next((font for font in fonts if _shape(font, character) != _shape(font, _NOWHERE)), fonts[0])


def _shape(font: ImageFont.FreeTypeFont, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)
