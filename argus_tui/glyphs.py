"""The signs on the screens, and what stands in for them on poor fonts: same width, cell for cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One sign per meaning, each one cell wide, except `spinner`, which holds its frames."""

    you: str = "┃"
    model: str = "│"
    chosen: str = "▌"
    cursor: str = "▍"
    quote: str = "▎"
    eye: str = "◉"
    connected: str = "●"
    offline: str = "○"
    filter: str = "⌕"
    spinner: str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
    picture: str = "▣"
    pinned: str = "★"
    remove: str = "✕"
    price: str = "▪"
    folded: str = "▸"
    unfolded: str = "▾"
    bullet: str = "•"
    cut: str = "…"
    up: str = "↑"
    down: str = "↓"
    left: str = "←"
    right: str = "→"
    heavy: str = "━"
    rule: str = "─"
    lower_half: str = "▄"
    upper_half: str = "▀"
    times: str = "×"

    def spinner_at(self, seconds: float) -> str:
        """Return the frame of the spinner at a monotonic time: all spinners of a screen turn in step, 10 a second."""
        return self.spinner[int(seconds * 10) % len(self.spinner)]


FULL: Final = Glyphs()
PLAIN: Final = Glyphs(
    you="|",
    model=":",
    chosen=">",
    cursor="_",
    quote="|",
    eye="O",
    connected="*",
    offline="o",
    filter="?",
    spinner="/-\\|",
    picture="#",
    pinned="^",
    remove="x",
    price="*",
    folded="+",
    unfolded="-",
    bullet="*",
    cut="~",
    up="^",
    down="v",
    left="<",
    right=">",
    heavy="=",
    rule="-",
    lower_half=" ",
    upper_half=" ",
    times="x",
)


def glyph_names() -> tuple[str, ...]:
    """Return the names of all signs."""
    return tuple(field.name for field in fields(Glyphs))


def choose(setting: str, environment: Mapping[str, str]) -> Glyphs:
    """Return the table for `setting` (`auto`, `full` or `plain`).

    `auto` is plain on the Linux console and where the locale is not UTF-8.
    """
    if setting != "auto":
        return PLAIN if setting == "plain" else FULL
    locale = next((environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), "UTF-8")
    speaks_utf8 = "utf8" in locale.lower().replace("-", "")
    return FULL if speaks_utf8 and environment.get("TERM") != "linux" else PLAIN
