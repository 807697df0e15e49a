"""f1: every key and every command, to look through or to filter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.screens.overlay import ListOverlay, overlay_keys, search_row
from argus_tui.widgets.ink import MUTED
from argus_tui.widgets.rows import Rows

HelpRow = tuple[str, str, str]
"""Keys as Textual names them, joined by commas; a slash command with its argument; what it does."""

WRITING: Final[tuple[HelpRow, ...]] = (
    ("enter", "", "send"),
    ("ctrl+j,shift+enter,alt+enter", "", "new line"),
    ("up,down", "", "on the first and last line: what you asked before"),
    ("f8", "", "open a folded paste in place"),
    ("ctrl+a,ctrl+e", "", "to the start, to the end of the line"),
    ("ctrl+w,ctrl+u", "", "delete the word, the line before the cursor"),
    ("ctrl+z,ctrl+y", "", "undo what was typed, bring it back"),
    ("tab", "", "complete a command; else on to the next place"),
)
IN_THE_LIST: Final[tuple[HelpRow, ...]] = (
    ("enter", "", "open the conversation"),
    ("slash", "", "show only titles with some words"),
    ("r", "", "give it another title"),
    ("p", "", "pin or unpin it"),
    ("delete", "", "delete it (can be undone)"),
)
_KEY_NAMES: Final = {"escape": "esc", "slash": "/"}
_WIDE = 90
"""Cells from which a second key is shown."""
_USAGE_CELLS = 16


def shown_keys(keys: str, most: int = 9) -> str:
    """Return keys as they are pressed: `^k`, `f1 or ^g`."""
    names = [part.replace("ctrl+", "^") for part in keys.split(",") if part]
    return " or ".join(_KEY_NAMES.get(name, name.replace("page", "page ")) for name in names[:most])


def laid_out(row: HelpRow, width: int) -> list[Content]:
    """Return a row as lines: what it does is wrapped in its own column."""
    keys, usage, about = row
    first = fmt.fit(shown_keys(keys, 2), 24) if width >= _WIDE else fmt.fit(shown_keys(keys, 1), 13)
    room = max(10, width - len(first) - _USAGE_CELLS - 4)
    wrapped = Content.styled(about, MUTED).wrap(room)
    lead, blank = f"  {first}", " " * (len(first) + _USAGE_CELLS + 2)
    if len(usage) >= _USAGE_CELLS:  # it has a line of its own
        return [Content(lead + usage), *(Content(blank) + line for line in wrapped)]
    lead += fmt.fit(usage, _USAGE_CELLS)
    return [Content(lead if at == 0 else blank) + line for at, line in enumerate(wrapped)]


class HelpRows(Rows, can_focus=False):
    """The table; its rows are only read, the cursor is what the arrows scroll by."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Sequence[HelpRow | str] = ()
        self._lines: list[Content] = []

    def show(self, rows: Sequence[HelpRow | str]) -> None:
        """Show these; a string is a heading."""
        self._rows = rows
        self._lay_out()
        self.scroll_to(y=0, animate=False)

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.outer_size.width
        self._lines = [
            line
            for row in self._rows
            for line in ([Content.assemble("  ", (row, MUTED))] if isinstance(row, str) else laid_out(row, width))
        ]
        self.rows_changed()

    def row_count(self) -> int:
        return len(self._lines)

    def action_move(self, step: int) -> None:
        self.scroll_relative(y=step, animate=False)

    def action_page(self, direction: int) -> None:
        self.scroll_relative(y=direction * max(1, self.size.height - 1), animate=False)

    def action_choose(self) -> None:
        """Nothing is chosen here."""

    def draw_row(self, index: int, width: int) -> Content:
        return self._lines[index]


class Help(ListOverlay[None]):
    """The keys and the commands, from the table they are made from."""

    def __init__(self, commands: Iterable[HelpRow]) -> None:
        super().__init__()
        self._groups: tuple[tuple[str, Sequence[HelpRow]], ...] = (
            ("Everywhere", tuple(commands)),
            ("While writing", WRITING),
            ("In the list of conversations", IN_THE_LIST),
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="help"):
            yield search_row("type to find a key or a command")
            yield HelpRows()
            yield overlay_keys((("↑↓", "scroll"),), ("esc", "close"))

    def on_mount(self) -> None:
        self._show("")

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        event.stop()
        self._show(clean_line(event.value).lower())

    def _show(self, words: str) -> None:
        rows: list[HelpRow | str] = []
        for name, group in self._groups:
            found = [row for row in group if words in " ".join((shown_keys(row[0]), *row)).lower()]
            if found:
                rows += [*([""] if rows else []), name, *found]
        self.query_one(HelpRows).show(rows or ["Nothing has this in its words"])
