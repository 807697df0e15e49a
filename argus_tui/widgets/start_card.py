"""What an empty conversation shows: three things to ask, six keys, and who answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from argus_core.text.clean import clean_line
from argus_tui.glyphs import FULL
from argus_tui.widgets.eye import mark
from argus_tui.widgets.ink import ACCENT, MUTED, ON_RAISED, RULE, Drawn, keys, reads_right_to_left, spread

EXAMPLES: Final = (
    ("Explain this traceback and fix it", "paste it, or ^o the file"),
    ("What is wrong with this plant?", "▣ with a photo"),
    ("برای شیراز یک برنامهٔ سه‌روزه بنویس", ""),
)
"""A question and a word on how to go about it."""

_KEYS: Final = (
    (("enter", "send"), ("ctrl+k", "jump"), ("/", "commands")),
    (("ctrl+j", "new line"), ("ctrl+o", "attach"), ("f1", "help")),
)
_COLUMNS: Final = ((9, 15), (9, 15), (4, 0))
"""Cells of the key and of its meaning."""
INVITATION: Final = "Ask, show a picture, or have one made."
_WIDEST: Final = 68
_SMALL: Final = 24
"""Fewer rows than this: one empty row between groups instead of two."""


class StartCard(Drawn, can_focus=True):
    """The empty place of a new conversation; it teaches what a newcomer needs and no more."""

    DEFAULT_CSS = "StartCard { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,down", "step(1)", "Next", id="start.next", tooltip="The next example", show=False),
        Binding("shift+tab,up", "step(-1)", "Previous", id="start.previous", tooltip="The one above", show=False),
        Binding("enter", "take", "Take", id="start.take", tooltip="Put it into the composer", show=False),
    ]
    model: reactive[str] = reactive("")
    reads: reactive[str] = reactive("")
    """How much the model reads, such as `1M tokens`; empty when not known."""
    eye: reactive[bool] = reactive(True)
    """Draw the mark; off with plain glyphs."""
    chosen: reactive[int] = reactive(0)

    @dataclass(eq=False)
    class ExampleTaken(Message):
        """Somebody wants to begin with this question."""

        text: str

    def lines(self, width: int) -> Sequence[Content]:
        height = self.size.height
        room = min(_WIDEST, width - 8)
        gap = [Content.empty()] * (1 if height < _SMALL else 2)
        top_rows = mark(INVITATION, eye=self.eye)
        block = [*top_rows, *gap, *self._examples(room), *gap, *map(_key_line, _KEYS), *gap, self._answerer()]
        top = max(0, (height - len(block)) * 2 // 5)
        left = " " * ((width - room) // 2)
        self._first_example = top + (5 if len(gap) == 1 else 6) + 1
        return [*[Content.empty()] * top, *(Content(left) + line for line in block)]

    def _examples(self, room: int) -> list[Content]:
        heading = spread(Content.styled("Try one", MUTED), keys((("tab", "choose"), ("enter", "take"))), room - 4)
        return [Content("  ") + heading, *(self._example(number, room) for number in range(len(EXAMPLES)))]

    def _example(self, number: int, room: int) -> Content:
        ask, hint = EXAMPLES[number]
        inner = room - 4
        said = Content(ask).right(inner) if reads_right_to_left(ask) else _asked(ask, hint, inner)
        here = number == self.chosen
        bar = (FULL.you, ACCENT if self.has_focus else RULE) if here else " "
        line = Content.assemble(bar, " ", said, "  ")
        return line.stylize_before(ON_RAISED) if here else line

    def _answerer(self) -> Content:
        if not self.model:
            return Content.empty()
        size = f"· {self.reads} · " if self.reads else "· "
        return Content.assemble(f"  {clean_line(self.model)} answers ", (size, MUTED), "/model", (" changes it", MUTED))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        number = event.y - self._first_example
        if 0 <= number < len(EXAMPLES):
            self.chosen = number
            self.action_take()

    def action_step(self, step: int) -> None:
        """Choose another example; past the last one the focus moves on."""
        if not 0 <= self.chosen + step < len(EXAMPLES):
            raise SkipAction
        self.chosen += step

    def action_take(self) -> None:
        """Put the example into the composer."""
        self.post_message(self.ExampleTaken(EXAMPLES[self.chosen][0]))


def _asked(ask: str, hint: str, room: int) -> Content:
    right = Content.styled(hint, MUTED)
    fits = len(ask) + right.cell_length + 2 <= room
    return spread(Content(ask), right if fits else Content.empty(), room)


def _key_line(hints: Sequence[tuple[str, str]]) -> Content:
    parts: list[str | tuple[str, str]] = ["  "]
    for (key, word), (key_cells, word_cells) in zip(hints, _COLUMNS, strict=True):
        parts += [key.ljust(key_cells), (word.ljust(word_cells), MUTED)]
    return Content.assemble(*parts)
