"""The line at the top: which conversation, how full it is, who answers."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.reactive import reactive

from argus_core.text.clean import clean_line
from argus_tui.glyphs import FULL
from argus_tui.widgets.ink import ACCENT, MUTED, RULE, Drawn, spread


class Head(Drawn):
    """Title at the left, model at the right; in its last row the label of a message that is cut at the top.

    Three rows high it begins with an empty one, two rows high it does not.
    """

    DEFAULT_CSS = "Head { height: 3; padding: 0 2; }"

    title: reactive[str] = reactive("")
    model: reactive[str] = reactive("")
    used: reactive[str] = reactive("")
    """How much of what the model reads is used, such as `4 % of 1M`."""
    company: reactive[str] = reactive("")
    """Who else has it open, such as `also open on laptop`; the first to give way."""
    cut_label: reactive[str] = reactive("")
    """Such as `gemini · 14:02 · ↑ 3 lines`; empty when the top message is whole."""
    cut_yours: reactive[bool] = reactive(False)
    """Whether the cut message is the user's."""

    def lines(self, width: int) -> Sequence[Content]:
        right = Content.assemble((self.used, MUTED), "   " if self.used else "", clean_line(self.model))
        company = f"   {clean_line(self.company)}" if self.company else ""
        left = Content.assemble("  ", (clean_line(self.title), "bold"), (company, MUTED))
        return (*[Content.empty()] * (self.size.height - 2), spread(left, right, width), self._cut())

    def _cut(self) -> Content:
        if not self.cut_label:
            return Content.empty()
        bar = (FULL.you, ACCENT) if self.cut_yours else (FULL.model, RULE)
        return Content.assemble(bar, " ", (clean_line(self.cut_label), MUTED))
