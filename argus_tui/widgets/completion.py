"""The commands that begin with what was typed, above the composer."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from argus_tui import format as fmt
from argus_tui.glyphs import FULL
from argus_tui.widgets.ink import ACCENT, MUTED, ON_PICKED, spread
from argus_tui.widgets.rows import Rows

_USAGE_CELLS = 18


def matching(commands: Sequence[tuple[str, str]], text: str) -> list[tuple[str, str]]:
    """Return the commands, usage and meaning, that `text` may become: `/` and the start of a name, nothing after it."""
    if not text.startswith("/") or "/" in text[1:] or any(letter.isspace() for letter in text):
        return []
    return [command for command in commands if command[0].partition(" ")[0].startswith(text.lower())]


class Completion(Rows, can_focus=False):
    """A pop-up over the transcript; the composer keeps the focus and passes the keys on."""

    DEFAULT_CSS = """
    Completion {
        display: none; overlay: screen; offset-y: -100%; height: auto; max-height: 8; width: 100%;
    }
    Completion.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._commands: Sequence[tuple[str, str]] = ()

    @property
    def current(self) -> str | None:
        """The usage of the command under the cursor."""
        return self._commands[self.cursor][0] if self.cursor is not None and self.cursor < len(self._commands) else None

    def offer(self, commands: Sequence[tuple[str, str]]) -> None:
        """Show these commands, or nothing when there are none."""
        if commands != self._commands:
            self._commands = commands
            self.cursor = 0 if commands else None
            self.rows_changed()
        self.set_class(bool(commands), "-open")

    def row_count(self) -> int:
        return len(self._commands)

    def draw_row(self, index: int, width: int) -> Content:
        usage, about = self._commands[index]
        name, _, argument = usage.partition(" ")
        here = index == self.cursor
        gap = " " * max(2, _USAGE_CELLS - len(usage))
        row = Content.assemble(
            (FULL.chosen, ACCENT) if here else " ",
            " ",
            (name, "bold" if here else ""),
            (f" {argument}{gap}" if argument else gap, MUTED),
            (fmt.clip(about, width), MUTED),
        )
        line = spread(row, Content("  "), width)
        return line.stylize_before(ON_PICKED) if here else line
