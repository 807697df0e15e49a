"""Two or more pages of one form or list: their names over a rule, the one that is shown in bold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from argus_tui.glyphs import FULL
from argus_tui.widgets.ink import ACCENT, MUTED, RULE, Drawn

_GAP = 4


class FormTabs(Drawn):
    """Names side by side, a heavy rule under the chosen one."""

    DEFAULT_CSS = "FormTabs { height: 2; padding: 0 0 0 2; }"

    chosen: reactive[int] = reactive(0)

    @dataclass(eq=False)
    class Clicked(Message):
        """Somebody clicked on the name of a page."""

        index: int

    def __init__(self, names: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names = tuple(names)

    def lines(self, width: int) -> Sequence[Content]:
        names = [Content.styled(name, "bold" if self._is(at) else MUTED) for at, name in enumerate(self._names)]
        rules = [
            Content.styled((FULL.heavy if self._is(at) else FULL.rule) * len(name), ACCENT if self._is(at) else RULE)
            for at, name in enumerate(self._names)
        ]
        rule = Content.styled(FULL.rule * _GAP, RULE).join(rules)
        rest = Content.styled(FULL.rule * max(0, width - rule.cell_length), RULE)
        return Content(" " * _GAP).join(names), rule + rest

    def _is(self, index: int) -> bool:
        return index == self.chosen

    def on_click(self, event: events.Click) -> None:
        start = self.gutter.left
        for index, name in enumerate(self._names):
            if start <= event.x < start + len(name):
                self.post_message(self.Clicked(index))
            start += len(name) + _GAP
