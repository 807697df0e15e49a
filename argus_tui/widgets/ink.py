"""How our own widgets write on the screen: text in roles, one line at a time, never through markup."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, Self, TypeAlias

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.widgets.kept_lines import KeptLines

MUTED: Final = "$argus-muted"
RULE: Final = "$argus-rule"
ACCENT: Final = "$argus-accent"
WARN: Final = "$argus-warn"
ON_PICKED: Final = "on $argus-picked"
ON_RAISED: Final = "on $argus-raised"
FILLED: Final = "$argus-on-accent on $argus-accent"
HIT: Final = "bold $argus-accent"

Hint: TypeAlias = tuple[str, str]
"""A key as it is pressed and what it does, such as `("esc", "stop")`."""


def keys(hints: Iterable[Hint]) -> Content:
    """Return `^k jump   ^p all`: keys in text, meanings muted."""
    return Content("   ").join(Content.assemble(key, " ", (word, MUTED)) for key, word in hints)


def spread(left: Content, right: Content, width: int) -> Content:
    """Return both on one line of exactly `width` cells; the left one gives way, with `…`, when they do not fit."""
    room = max(0, width - right.cell_length - (2 if right.cell_length else 0))
    left = left.truncate(room, ellipsis=True)
    gap = max(0, width - left.cell_length - right.cell_length)
    return (left + Content(" " * gap) + right).truncate(width)


def reads_right_to_left(text: str) -> bool:
    """Tell whether the first strong letter is of a right-to-left script."""
    for letter in text:
        direction = unicodedata.bidirectional(letter)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def title(text: str, width: int, style: str = "") -> Content:
    """Return a title from outside, cleaned, in exactly `width` cells; a right-to-left one stands at the right."""
    shown = fmt.clip(clean_line(text), width)
    content = Content.styled(shown, style)
    gap = max(0, width - content.cell_length)
    return content.pad_left(gap) if reads_right_to_left(shown) else content.pad_right(gap)


def draw(widget: Widget, content: Content, width: int) -> Strip:
    """Return one line of `width` cells on the widget's own ground."""
    base = widget.visual_style
    segments = [Segment(text, style.rich_style) for text, style in content.render(base, end="")]
    return Strip(segments).adjust_cell_length(width, base.rich_style)


class Drawn(KeptLines):
    """A widget that is some lines: they are asked for once per width and after each `refresh()`."""

    ALLOW_SELECT = False

    _drawn: tuple[int, Sequence[Content]] | None = None

    def lines(self, width: int) -> Sequence[Content]:
        """Return the lines for this width."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._drawn is None or self._drawn[0] != width:
            self._drawn = (width, self.lines(width))
        lines = self._drawn[1]
        return draw(self, lines[y] if y < len(lines) else Content.empty(), width)

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        self._drawn = None
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
