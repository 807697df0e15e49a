"""Builders for the tests of Markdown."""

from __future__ import annotations

from argus_core.text.clean import clean
from argus_tui.glyphs import FULL
from argus_tui.rendering.blocks import Settings, render
from argus_tui.rendering.inks import Inks
from argus_tui.rendering.row import Row
from argus_tui.themes import NIGHT

INKS = Inks(NIGHT)


def settings(width: int = 40, *, typed: bool = False) -> Settings:
    return Settings(INKS, FULL, width, typed)


def rows(source: str, width: int = 40) -> list[Row]:
    return render(clean(source), settings(width))


def texts(source: str, width: int = 40) -> list[str]:
    return [row.text for row in rows(source, width)]


def ink_of(row: Row, word: str) -> str:
    """Return the role of the colour that `word` is drawn in."""
    for segment in row.segments:
        if word in segment.text and segment.style is not None and segment.style.color is not None:
            triplet = segment.style.color.get_truecolor().hex
            return next(
                name for name in ("text", "muted", "rule", "accent", "warn", "code") if getattr(NIGHT, name) == triplet
            )
    raise AssertionError(f"{word!r} is not in {row.text!r}")


def is_styled(row: Row, word: str, attribute: str) -> bool:
    return any(bool(getattr(segment.style, attribute)) for segment in row.segments if word in segment.text)


def drawn(found: list[Row]) -> list[tuple[list[tuple[str, object]], int, bool]]:
    """Return what can be seen of rows, for comparing."""
    return [([(s.text, s.style) for s in row.segments if s.text], row.cells, row.closing) for row in found]
