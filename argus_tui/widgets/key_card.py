"""The card that stands where a conversation would be when no key is set: what is missing, and the place to put it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input

from argus_core.text.api_keys import key_of
from argus_core.text.clean import clean_line
from argus_tui.widgets.field import Field
from argus_tui.widgets.filled_button import FilledButton
from argus_tui.widgets.ink import MUTED, WARN, keys
from argus_tui.widgets.words import Words

WHERE: Final = "Paste one here; it is free at aistudio.google.com/apikey and stays on this computer, in your keyring."
OTHERWISE: Final = "Or leave, set GEMINI_API_KEY and start argus again."


def masked(key: str) -> str:
    """Return the key with only its first four and last three characters to be seen; a short one with none."""
    if len(key) < 12:
        return "•" * len(key)
    return key[:4] + "•" * (len(key) - 7) + key[-3:]


class KeyField(Field):
    """Shows enough of the key to recognise it, and no more."""

    @property
    def _value(self) -> Text:
        """What is drawn; Textual's own masks all of it."""
        return Text(masked(self.value), no_wrap=True, overflow="ignore", end="")


class KeyCard(Vertical):
    """Asks for a Gemini key in place. It holds the key only while it is typed."""

    DEFAULT_CSS = """
    KeyCard { height: 1fr; }
    KeyCard > .card { height: auto; margin: 1 2 0 2; padding: 0 2 0 1; }
    KeyCard .said { padding: 0 0 0 2; }
    KeyCard #key-row { height: 1; width: 1fr; max-width: 68; margin: 1 0 1 2; padding: 0 1; }
    KeyCard #key-go { height: auto; min-height: 1; margin: 0 0 1 2; }
    KeyCard #key-note { width: 1fr; padding: 0 0 0 3; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3", "offline", "Offline model", id="key.offline", tooltip="Use the offline model", show=False),
        Binding("escape", "leave", "Back", id="key.leave", tooltip="Back to the question", show=False),
    ]

    heading: reactive[str] = reactive("No Gemini key is set.")
    has_local: reactive[bool] = reactive(False)
    """An offline model was found."""
    trying: reactive[bool] = reactive(False)
    """The key is being tried; set it when `KeySubmitted` came, take it back when the answer is there."""
    refused: reactive[str] = reactive("")
    """Why the key was not taken, in words."""
    accepted: reactive[str] = reactive("")
    """Where the key was put, such as `your keyring`."""

    @dataclass(eq=False)
    class KeySubmitted(Message):
        """Somebody wants this key tried. It is in no `repr`."""

        key: str = field(repr=False)

    class OfflineWanted(Message):
        """Somebody wants to go on with the offline model."""

    class Left(Message):
        """Escape was pressed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._title = Words()
        self._field = KeyField(placeholder="AIza…", select_on_focus=False)
        self._button = FilledButton("Try the key")
        self._note = Words(id="key-note")
        self._keys = Words(classes="said")

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield self._title
            yield Words(Content(WHERE + " " + OTHERWISE), classes="said")
            with Horizontal(id="key-row"):
                yield self._field
            with Horizontal(id="key-go"):
                yield self._button
                yield self._note
            yield self._keys

    def on_mount(self) -> None:
        self._show()

    def offer(self, key: str) -> None:
        """Put a key into the field, to be tried with enter."""
        self.reset()
        self._field.value = key

    def focus_field(self) -> None:
        """Give the field the focus."""
        self._field.focus()

    def reset(self) -> None:
        """Forget what was typed and said."""
        self._field.value = ""
        self.trying, self.refused, self.accepted = False, "", ""

    def watch_heading(self) -> None:
        self._show()

    def watch_has_local(self) -> None:
        self._show()

    def watch_trying(self) -> None:
        self._show()

    def watch_refused(self) -> None:
        self._show()

    def watch_accepted(self) -> None:
        self._show()

    def action_offline(self) -> None:
        """Go on with the offline model."""
        self.post_message(self.OfflineWanted())

    def action_leave(self) -> None:
        """Go back to the question."""
        self.post_message(self.Left())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.has_local if action == "offline" else True

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.refused = ""

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._submit()

    @on(FilledButton.Pressed)
    def _pressed(self, event: FilledButton.Pressed) -> None:
        event.stop()
        self._submit()

    def _submit(self) -> None:
        key = key_of(self._field.value)
        if not key:
            self.refused = "There is no key yet."
        elif not self.trying:
            self.post_message(self.KeySubmitted(key))

    def _show(self) -> None:
        self._title.content = Content.assemble(("!", WARN), " ", (clean_line(self.heading), "bold"))
        self._note.content = self._said()
        self._button.word = "Trying the key" if self.trying else "Try the key"
        hints = [("f3", "use the offline model")] if self.has_local else []
        self._keys.content = keys([*hints, ("esc", "back")])

    def _said(self) -> Content:
        if self.trying:
            return Content.styled("asking Gemini for its models", MUTED)
        if self.refused:
            return Content.assemble(("! ", WARN), clean_line(self.refused))
        if self.accepted:
            return Content(f"It works, and is kept in {clean_line(self.accepted)}.")
        return Content.styled("enter", MUTED)
