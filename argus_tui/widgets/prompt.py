"""The text of the next message: a text area whose enter sends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from argus_core.text.clean import clean
from argus_tui.commands import holds_password, with_password_hidden
from argus_tui.widgets.field import JOINERS
from argus_tui.widgets.pasting import Folds, dropped_pictures, is_long

_NEW_LINE = frozenset({"ctrl+j", "shift+enter", "alt+enter"})
_ELSEWHERE = frozenset({"ctrl+k", "ctrl+f", "ctrl+y", "ctrl+shift+k", "ctrl+d", "f6", "f7"})
"""Keys of a text area that do something else in Argus."""
_LONGEST_DRAFT_OPEN = 20_000
"""A longer draft comes back folded: laying it out would be felt."""
_LONGEST_OPEN, _LONGEST_LINE_OPEN = 100_000, 10_000
"""A longer paste, or one with a longer line, stays folded: each key after it would take a tenth of a second."""


def _editing_bindings() -> list[BindingType]:
    """Return the text area's own bindings without the keys that Argus needs, each with an id of ours."""
    kept: list[BindingType] = []
    for binding in Binding.make_bindings(TextArea.BINDINGS):
        if binding.key in _ELSEWHERE:
            continue
        name = binding.action.replace("(True)", "_select").replace("(", "_").replace(")", "")
        kept.append(
            replace(
                binding, id=f"prompt.{name}.{binding.key}", tooltip=binding.tooltip or binding.description, show=False
            )
        )
    return kept


class Prompt(TextArea, inherit_bindings=False):
    """A text area: enter sends, long pastes are folded, up and down at the edges go through what was asked before."""

    DEFAULT_CSS = """
    Prompt, Prompt:focus { height: auto; min-height: 1; max-height: 30vh; border: none; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *_editing_bindings(),
        Binding("f8", "open_fold", "Open the paste", id="prompt.open_fold", tooltip="Open a folded paste", show=False),
    ]

    @dataclass(eq=False)
    class Sent(Message):
        """Enter was pressed."""

        text: str

    @dataclass(eq=False)
    class PathPasted(Message):
        """The path of an existing picture was pasted or dropped."""

        path: Path

    def __init__(self) -> None:
        super().__init__(
            soft_wrap=True,
            tab_behavior="focus",
            highlight_cursor_line=False,
            show_line_numbers=False,
            compact=True,
            max_checkpoints=100,
        )
        self.takes_key: Callable[[str], bool] = lambda _key: False
        """Asked first about each key, and at once: with a message the next key of a burst would be faster."""
        """The list of commands is open and takes up, down, tab, enter and escape."""
        self.asked: Sequence[str] = ()
        """What was asked before, newest first."""
        self._folds = Folds()
        self._recalled = -1
        self._kept = ""
        self.match_cursor_bracket = False
        self.cursor_blink = False  # nothing blinks

    @property
    def draft(self) -> str:
        """The whole text, folded pastes opened."""
        return self._folds.expand(self.text)

    @draft.setter
    def draft(self, text: str) -> None:
        self._folds.clear()
        text = clean(text)
        self.load_text(self._folds.fold(text) if len(text) > _LONGEST_DRAFT_OPEN else text)
        self.move_cursor(self.document.end)
        self._recalled = -1

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        if line_index == 0 and holds_password(line.plain):
            line = Text(with_password_hidden(line.plain), end="", no_wrap=True)
        for start, end, _ in self._folds.find(line.plain):
            line.stylize(self.get_component_rich_style("text-area--suggestion"), start, end)
        return line

    def _watch_show_vertical_scrollbar(self) -> None:
        # Textual's undo changes the scrollbar before it moves the cursor back into the shorter text, and then looks
        # for the cursor where no line is.
        if self.cursor_location[0] < self.document.line_count:
            super()._watch_show_vertical_scrollbar()

    async def _on_key(self, event: events.Key) -> None:
        """Take what is ours; the rest goes to the text area, whose own handler Textual calls next."""
        if self._take_key(event.key, event.character):
            event.stop()
            event.prevent_default()
        elif event.key.startswith("alt+"):
            event.character = None  # a command: the letter that comes with it is not meant for the text

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()  # else the text area's own handler would paste it again
        pictures = dropped_pictures(event.text)
        if pictures:
            for path in pictures:
                self.post_message(self.PathPasted(path))
            return
        text = clean(event.text)
        self._put(self._folds.fold(text) if is_long(text) else text)
        self.focus()

    def _take_key(self, key: str, character: str | None) -> bool:
        if self.takes_key(key):
            return True
        if key == "enter":
            self._send()
        elif key in _NEW_LINE:
            self._put("\n")
        elif character is not None and character in JOINERS:
            self._put(character)
        elif key == "backspace":
            # Here and now: as a binding it would come back from the app after the next key of a burst.
            if not self._delete_fold(before=True):
                self.action_delete_left()
        elif key == "delete":
            return self._delete_fold(before=False)
        elif key in ("up", "down"):
            return self._recall(1 if key == "up" else -1)
        else:
            return False
        return True

    def _send(self) -> None:
        """Hand the text over and be empty before the next key comes."""
        text = self.draft
        if text.strip():
            self.draft = ""
        self.post_message(self.Sent(text))

    def _put(self, text: str) -> None:
        self.replace(text, *self.selection, maintain_selection_offset=False)
        self.scroll_cursor_visible()

    def _recall(self, step: int) -> bool:
        """Show an older (1) or a newer (-1) question when the cursor is at the edge; False when the key is not ours."""
        at_edge = self.navigator.is_first_wrapped_line if step > 0 else self.navigator.is_last_wrapped_line
        wanted = self._recalled + step
        if not self.selection.is_empty or not at_edge(self.cursor_location) or not -1 <= wanted < len(self.asked):
            return False
        if self._recalled == -1:
            self._kept = self.draft
        self.draft = self._kept if wanted == -1 else self.asked[wanted]
        self._recalled = wanted
        if step > 0:
            self.move_cursor((0, 0))
        return True

    def _delete_fold(self, *, before: bool) -> bool:
        """Delete a folded paste as a whole when the cursor touches it."""
        row, column = self.cursor_location
        if not self.selection.is_empty:
            return False
        for start, end, _ in self._folds.find(self.document.get_line(row)):
            if (start < column <= end) if before else (start <= column < end):
                self.delete((row, start), (row, end))
                return True
        return False

    def action_open_fold(self) -> None:
        """Put what was pasted in the place of the fold nearest to the cursor on its line, else of the first one."""
        row, column = self.cursor_location
        for at in (row, *range(self.document.line_count)):
            folds = self._folds.find(self.document.get_line(at))
            if folds:
                start, end, text = min(folds, key=lambda fold: abs(fold[0] - column) if at == row else fold[0])
                if _is_handy(text):
                    self.replace(text, (at, start), (at, end), maintain_selection_offset=False)
                else:
                    self.notify("It is too long to open here. Your editor can: alt+e.", markup=False)
                return


def _is_handy(text: str) -> bool:
    return len(text) <= _LONGEST_OPEN and max(map(len, text.split("\n"))) <= _LONGEST_LINE_OPEN
