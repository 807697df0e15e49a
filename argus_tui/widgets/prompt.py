"""The text of the next message: a text area whose enter sends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from argus_core.text.clean import clean
from argus_tui.commands import holds_password, with_password_hidden
from argus_tui.widgets.field import JOINERS
from argus_tui.widgets.pasting import Folds, dropped_files, is_long, missed_file

_NEW_LINE = frozenset({"ctrl+j", "shift+enter", "alt+enter"})
_ELSEWHERE = frozenset(
    {"ctrl+k", "ctrl+f", "ctrl+y", "ctrl+z", "ctrl+shift+k", "ctrl+d", "f6", "f7", "pageup", "pagedown"}
)
"""Keys of a text area that do something else in Argus, always or when there is nothing to undo."""
_TYPED_ON_S = 2.0
"""Who types on for so long after enter did not see yet that nothing was sent."""
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
        Binding(
            "ctrl+shift+z,super+shift+z",
            "redo",
            "Redo",
            id="prompt.redo",
            tooltip="Bring back what was undone",
            show=False,
        ),
    ]

    @dataclass(eq=False)
    class Sent(Message):
        """Enter was pressed."""

        text: str

    @dataclass(eq=False)
    class FilesDropped(Message):
        """The paths of existing files were pasted or dropped, one of a picture or the like among them."""

        paths: Sequence[Path]

    @dataclass(eq=False)
    class FileMissed(Message):
        """What was pasted looks like the path of a picture that is not there."""

        name: str

    class ErasedAtStart(Message):
        """Backspace was pressed where nothing stands before the cursor."""

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
        self.may_send: Callable[[str], bool] = lambda _text: True
        """Asked at enter, and at once: text that cannot be sent now stays, in its order."""
        self.asked: Sequence[str] = ()
        """What was asked before, newest first."""
        self._folds = Folds()
        self._recalled = -1
        self._kept = ""
        self._own_line_until = 0.0
        """Until then, what is typed begins a line of its own: what was to be sent came back meanwhile."""
        self.match_cursor_bracket = False
        self.cursor_blink = False  # nothing blinks

    @property
    def draft(self) -> str:
        """The whole text, folded pastes opened."""
        return self._folds.expand(self.text)

    @draft.setter
    def draft(self, text: str) -> None:
        self._folds.clear()
        self.load_text(self._shown(text))
        self.move_cursor(self.document.end)
        self._recalled = -1
        self._own_line_until = 0.0

    def put_back(self, text: str) -> None:
        """Put what was not sent above what was written since; what is typed on stands below it."""
        if self.text.strip():
            self.insert(f"{self._shown(text)}\n", (0, 0), maintain_selection_offset=True)
        else:
            self.draft = text
            self._own_line_until = monotonic() + _TYPED_ON_S

    def write_anew(self, text: str) -> None:
        """Put another text in place of this one, which undo brings back."""
        self.history.checkpoint()
        self.replace(self._shown(text), (0, 0), self.document.end, maintain_selection_offset=False)
        self.move_cursor(self.document.end)

    def _shown(self, text: str) -> str:
        """Return what stands in the text for `text`: itself, clean, or a fold if laying it out would be felt."""
        text = clean(text)
        return self._folds.fold(text) if len(text) > _LONGEST_DRAFT_OPEN else text

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
        self._begin_line(typed=event.is_printable and not event.key.startswith("alt+"))
        if self._take_key(event.key, event.character) or await self._edit(event.key):
            event.stop()
            event.prevent_default()
        elif event.key.startswith("alt+"):
            event.character = None  # a command: the letter that comes with it is not meant for the text

    async def _edit(self, key: str) -> bool:
        """Run a binding of the text area here and now: by way of the app it comes after the next keys of a burst."""
        bindings = self._bindings.key_to_bindings.get(key, ())
        return any([await self.app.run_action(binding.action, self) for binding in bindings])

    async def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()  # else the text area's own handler would paste it again
        if files := dropped_files(event.text):
            self.post_message(self.FilesDropped(files))
            return
        if missed := missed_file(event.text):
            self.post_message(self.FileMissed(missed))
        text = clean(event.text)
        self._begin_line(typed=bool(text))
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
            self._erase()
        elif key == "delete":
            return self._delete_fold(before=False)
        elif key in ("up", "down"):
            return self._recall(1 if key == "up" else -1)
        elif key in ("ctrl+z", "ctrl+y"):
            return self._undo() if key == "ctrl+z" else self._redo()
        else:
            return False
        return True

    def _erase(self) -> None:
        """Delete what stands before the cursor: a fold as a whole, a chip where no text does."""
        if self.selection.is_empty and self.cursor_location == (0, 0):
            self.post_message(self.ErasedAtStart())
        elif not self._delete_fold(before=True):
            self.action_delete_left()

    def _send(self) -> None:
        """Hand the text over and be empty before the next key comes; or keep it, and begin a line with that key."""
        text = self.draft
        if not self.may_send(text):
            self._own_line_until = monotonic() + _TYPED_ON_S
            return
        if text.strip():
            self.draft = ""
        self.post_message(self.Sent(text))

    def _undo(self) -> bool:
        """Undo; False where nothing was written since the composer was empty, and the key may mean something else."""
        is_untouched = not (self.text or self.history.undo_stack or self.history.redo_stack)
        self.undo()
        return not is_untouched

    def _redo(self) -> bool:
        """Bring back what was undone; False when nothing was."""
        can_redo = bool(self.history.redo_stack)
        self.redo()
        return can_redo

    def _begin_line(self, *, typed: bool) -> None:
        """Begin a new line for somebody who types on behind a question that came back."""
        until, self._own_line_until = self._own_line_until, 0.0
        if typed and monotonic() < until and self.selection == self.selection.cursor(self.document.end):
            self._put("\n")

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
