"""The two lines at the foot: how the answer is getting on, and the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from textual.content import Content
from textual.reactive import reactive

from argus_core.text.clean import clean
from argus_tui.glyphs import FULL
from argus_tui.widgets.ink import ACCENT, MUTED, WARN, Drawn, Hint, keys, spread

Dot = Literal["none", "connected", "offline"]


class StatusLine(Drawn):
    """What happens now in words at the left, the key that matters now at the right."""

    DEFAULT_CSS = "StatusLine { height: 1; padding: 0 2; }"

    words: reactive[str] = reactive("")
    """Such as `42 tok/s · 318 tokens · 7 s`; counts padded by the caller."""
    running: reactive[bool] = reactive(False)
    """Shows the spinner."""
    spinner_frame: reactive[int] = reactive(0, repaint=False)
    """Counts up 10 times a second while something runs; in step with the sidebar."""
    dot: reactive[Dot] = reactive("none")
    """The sign of the connection; only where the sidebar that has it is hidden, or when it is lost."""
    hints: reactive[tuple[Hint, ...]] = reactive(())
    """The keys at the right, such as `(("esc", "stop"),)`."""

    def lines(self, width: int) -> Sequence[Content]:
        left = Content.assemble(self._sign(), " ", (clean(self.words).replace("\n", " "), MUTED))
        return (spread(left, keys(self.hints), width),)

    def _sign(self) -> tuple[str, str]:
        if self.running:
            return FULL.spinner[self.spinner_frame % len(FULL.spinner)], ACCENT
        if self.dot == "none":
            return " ", ""
        return (FULL.connected, ACCENT) if self.dot == "connected" else (FULL.offline, WARN)

    def watch_spinner_frame(self) -> None:
        if self.running:
            self.refresh()


class KeyRow(Drawn):
    """The keys that are always there, and at the right the one that has all of them."""

    DEFAULT_CSS = "KeyRow { height: 2; padding: 0 2 0 4; }"

    hints: reactive[tuple[Hint, ...]] = reactive(())
    last: reactive[tuple[Hint, ...]] = reactive((("^p", "all"),))

    def __init__(self, hints: Sequence[Hint] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.set_reactive(KeyRow.hints, tuple(hints))

    def lines(self, width: int) -> Sequence[Content]:
        right = keys(self.last)
        shown = list(self.hints)
        while shown and keys(shown).cell_length + right.cell_length + 3 > width:
            shown.pop()  # whole keys go, never half of one
        return (spread(keys(shown), right, width),)
