"""One of several: the command palette, and the themes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from argus_core.text.clean import clean_line
from argus_tui.glyphs import FULL
from argus_tui.screens.fuzzy import best
from argus_tui.screens.overlay import ListOverlay, overlay_keys, search_row
from argus_tui.widgets.ink import ACCENT, HIT, MUTED, ON_PICKED, spread
from argus_tui.widgets.rows import Rows


@dataclass(frozen=True, slots=True)
class Choice:
    """Something to choose."""

    id: str
    label: str
    hint: str = ""
    """Such as its keys; at the right, muted."""


class ChoiceRows(Rows, can_focus=False):
    """The choices that match, best first."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: Sequence[tuple[Choice, tuple[tuple[int, int], ...]]] = ()

    def show(self, lines: Sequence[tuple[Choice, tuple[tuple[int, int], ...]]], cursor: int = 0) -> None:
        """Show these, each with the letters that matched."""
        self._lines = lines
        self.cursor = cursor if lines else None
        self.rows_changed()

    @property
    def current(self) -> Choice | None:
        """The choice under the cursor."""
        return self._lines[self.cursor][0] if self.cursor is not None and self.cursor < len(self._lines) else None

    def row_count(self) -> int:
        return len(self._lines)

    def draw_row(self, index: int, width: int) -> Content:
        choice, spans = self._lines[index]
        here = index == self.cursor
        label = Content(choice.label)
        for start, end in spans:
            label = label.stylize(HIT, start, end)
        left = Content.assemble((FULL.chosen, ACCENT) if here else " ", " ", label)
        line = spread(left, Content.styled(f"{choice.hint}  ", MUTED), width)
        return line.stylize_before(ON_PICKED) if here else line


class Choose(ListOverlay[str | None]):
    """Asks for one of `choices`; returns its id, None when it is left."""

    def __init__(self, placeholder: str, choices: Sequence[Choice], current: str = "") -> None:
        super().__init__()
        self._placeholder = placeholder
        self._choices = choices
        self._current = current

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="choose"):
            yield search_row(self._placeholder)
            yield ChoiceRows()
            yield overlay_keys((("↑↓", "choose"), ("enter", "take")), ("esc", "leave"))

    def on_mount(self) -> None:
        ids = [choice.id for choice in self._choices]
        cursor = ids.index(self._current) if self._current in ids else 0
        self.query_one(ChoiceRows).show([(choice, ()) for choice in self._choices], cursor)

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        event.stop()
        words = clean_line(event.value)
        found = best(words, self._choices, lambda choice: f"{choice.label} {choice.hint}", len(self._choices))
        shown = [(one.item, tuple(span for span in one.spans if span[1] <= len(one.item.label))) for one in found]
        self.query_one(ChoiceRows).show(shown)

    @on(Rows.Chosen)
    def _chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        choice = self.query_one(ChoiceRows).current
        if choice is not None:
            self.dismiss(choice.id)
