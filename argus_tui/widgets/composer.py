"""Your next message, already in its place: chips, text and the commands that complete it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.layout import Layout
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import TextArea

from argus_tui.widgets.chips import AttachmentChip
from argus_tui.widgets.completion import Completion, matching
from argus_tui.widgets.flow import FlowLayout
from argus_tui.widgets.kept_lines import KeptLines
from argus_tui.widgets.prompt import Prompt
from argus_tui.widgets.rows import Rows

PLACEHOLDER = "Write here. Enter sends, ctrl+j new line, / for commands"


class ChipRow(KeptLines):
    """The chips, in as many rows as they need."""

    DEFAULT_CSS = "ChipRow { layout: horizontal; height: auto; width: 1fr; }"

    @property
    def layout(self) -> Layout:
        return _FLOW


_FLOW = FlowLayout()


class Body(KeptLines, Vertical):
    """A layer round chips and text: the ground, or the bar."""


class Composer(KeptLines, Vertical):
    """Where one writes; it grows upward to a third of the screen."""

    DEFAULT_CSS = """
    Composer { height: auto; padding: 0 2; }
    Composer .block { height: auto; }
    Composer .body { height: auto; padding: 0 2 0 1; }
    """

    placeholder: reactive[str] = reactive(PLACEHOLDER)
    history: reactive[Sequence[str]] = reactive((), repaint=False)
    """What was asked before, newest first; up and down go through it."""
    completions: reactive[Sequence[tuple[str, str]]] = reactive((), repaint=False)
    """The slash commands: usage such as `/rename TITLE`, and what it does."""

    @dataclass(eq=False)
    class Submitted(Message):
        """Enter was pressed: the text, folded pastes opened. The composer is empty already; its chips are not."""

        text: str

    class DraftChanged(Message):
        """The text is another: see `draft`."""

    @dataclass(eq=False)
    class FilesDropped(Message):
        """The paths of files, at least one of them a picture or the like, were pasted or dropped on the terminal."""

        paths: Sequence[Path]

    @dataclass(eq=False)
    class FileMissed(Message):
        """What was pasted looks like the path of a picture, but there is no such file; it was taken as text."""

        name: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._prompt = Prompt()
        self._prompt.takes_key = self._take_key
        self._prompt.may_send = self._may_send
        self.may_ask: Callable[[str], bool] = lambda _text: True
        """Asked at enter whether this can be sent now; else it stays where it is."""
        self._closed_at = ""
        self._chips = ChipRow()
        self._completion = Completion()

    def compose(self) -> ComposeResult:
        with Body(classes="block"), Body(classes="body"):
            yield self._chips
            yield self._prompt

    @property
    def draft(self) -> str:
        """The whole text, folded pastes opened."""
        return self._prompt.draft

    @draft.setter
    def draft(self, text: str) -> None:
        self._prompt.draft = text

    @property
    def chips(self) -> Sequence[AttachmentChip]:
        """The chips in their order."""
        return list(self._chips.query_children(AttachmentChip))

    def add_chip(self, chip: AttachmentChip) -> None:
        """Show one more attachment."""
        self._chips.mount(chip)

    def chip(self, attachment_id: str) -> AttachmentChip | None:
        """Return the chip of an attachment."""
        return next((chip for chip in self.chips if chip.attachment_id == attachment_id), None)

    def remove_chip(self, attachment_id: str) -> None:
        """Take a chip away; the text gets the focus if the chip had it."""
        chip = self.chip(attachment_id)
        if chip is not None:
            if chip.has_focus:
                self.focus()
            chip.remove()

    def clear_chips(self) -> None:
        """Take all chips away."""
        self._chips.remove_children()

    def remember(self, text: str) -> None:
        """Put a question at the front of the history."""
        self.history = (text, *(asked for asked in self.history if asked != text))

    def put_back(self, text: str) -> None:
        """Put what could not be sent back above what was written since, and let what is typed next stand below it."""
        self._prompt.put_back(text)

    def write_anew(self, text: str) -> None:
        """Put another text in place of what is written; unlike with `draft` that can be undone."""
        self._prompt.write_anew(text)

    def focus(self, scroll_visible: bool = True) -> Self:
        self._prompt.focus(scroll_visible)
        return self

    def watch_placeholder(self, placeholder: str) -> None:
        self._prompt.placeholder = placeholder

    def watch_history(self, history: Sequence[str]) -> None:
        self._prompt.asked = history

    @on(TextArea.Changed)
    def _changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._offer()
        self.post_message(self.DraftChanged())

    @on(Prompt.Sent)
    def _send(self, event: Prompt.Sent) -> None:
        event.stop()
        if event.text.strip() or self.chips:
            self.post_message(self.Submitted(event.text.strip("\n")))

    @on(Prompt.FilesDropped)
    def _dropped(self, event: Prompt.FilesDropped) -> None:
        event.stop()
        self.post_message(self.FilesDropped(event.paths))

    @on(Prompt.FileMissed)
    def _missed(self, event: Prompt.FileMissed) -> None:
        event.stop()
        self.post_message(self.FileMissed(event.name))

    @on(Prompt.ErasedAtStart)
    def _erase_chip(self, event: Prompt.ErasedAtStart) -> None:
        event.stop()
        if self.chips:
            self.post_message(AttachmentChip.RemoveRequested(self.chips[-1].attachment_id))

    def _may_send(self, text: str) -> bool:
        return not (text.strip() or self.chips) or self.may_ask(text.strip("\n"))

    def _take_key(self, key: str) -> bool:
        """Take a key that belongs to the list of commands; False when the list does not offer anything."""
        if key not in ("up", "down", "tab", "enter", "escape"):
            return False
        self._offer()
        if self._completion.current is None:
            return False
        match key:
            case "up" | "down":
                self._completion.action_move(-1 if key == "up" else 1)
            case "escape":
                self._close()
            case _:
                self._take_command(send=key == "enter")
        return True

    @on(Rows.Moved)
    def _keep(self, event: Rows.Moved) -> None:
        event.stop()

    @on(Rows.Chosen)
    def _clicked(self, event: Rows.Chosen) -> None:
        event.stop()
        self._take_command(send=False)

    def _offer(self) -> None:
        text = self._prompt.text
        offered = matching(self.completions, text) if text != self._closed_at else []
        if offered and not self._completion.is_attached:
            self.query_one(".block").mount(self._completion, before=0)
        self._completion.offer(offered)

    def _close(self) -> None:
        """Offer nothing until the text is another."""
        self._closed_at = self._prompt.text
        self._completion.offer(())

    def _take_command(self, *, send: bool) -> None:
        """Complete the command; with enter one that takes nothing is sent, and so is one that is typed in full."""
        usage = self._completion.current or ""
        name, _, argument = usage.partition(" ")
        typed_in_full = self._prompt.text == name
        self._close()
        if send and (typed_in_full or not argument):
            self._prompt.draft = ""
            self.post_message(self.Submitted(name))
        elif usage:
            self._prompt.draft = f"{name} "
