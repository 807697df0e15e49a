"""One thing to fill in: its label, what there is to say about it at the right of that, and the field under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input

from argus_core.text.clean import clean, clean_line
from argus_tui.widgets.field import Field
from argus_tui.widgets.ink import MUTED, WARN, Drawn, spread

_FAR_TOO_LONG = 4096
"""Characters that no field takes at all: a whole file that was pasted by mistake."""


class FormLabel(Drawn):
    """The row over a field; a hint and a fault stand in the same place, so nothing moves when one comes."""

    DEFAULT_CSS = "FormLabel { height: 1; padding: 0 0 0 2; }"

    label: reactive[str] = reactive("")
    note: reactive[str] = reactive("")
    is_fault: reactive[bool] = reactive(False)

    def lines(self, width: int) -> Sequence[Content]:
        note = Content.styled(clean_line(self.note), WARN if self.is_fault else MUTED)
        return (spread(Content.styled(self.label, MUTED), note, width),)


class FormInput(Field):
    """A field that says when something is too long for it, instead of taking nothing in silence."""

    class Overfull(Message):
        """What was typed or pasted would be far too long; nothing was taken."""

    def __init__(self, value: str = "") -> None:
        super().__init__(value, select_on_focus=False, max_length=_FAR_TOO_LONG)

    def restricted(self) -> None:
        self.post_message(self.Overfull())


class SecretInput(FormInput):
    """A masked field: a paste is taken as it is, and nothing gets out to the clipboard while it is masked."""

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.password = True

    def _on_paste(self, event: events.Paste) -> None:
        """Take the first line with its blanks: they may belong to the password."""
        event.stop()
        event.prevent_default()
        self._put(event.text)

    def action_paste(self) -> None:
        self._put(self.app.clipboard)

    def _put(self, text: str) -> None:
        first, *_ = clean(text).strip("\n").split("\n")
        self.replace(first, *sorted(self.selection))

    def action_copy(self) -> None:
        if self.password:
            raise SkipAction
        super().action_copy()

    def action_cut(self) -> None:
        if self.password:
            raise SkipAction
        super().action_cut()


class FormField(Vertical):
    """Label, hint or fault, and field. What is wrong is forgotten when the value changes."""

    DEFAULT_CSS = """
    FormField { height: auto; }
    FormField > .row { height: 1; padding: 0 1; border-left: heavy $foreground; }
    """

    label: reactive[str] = reactive("")
    hint: reactive[str] = reactive("")
    """Something useful about it, muted."""
    fault: reactive[str] = reactive("", toggle_class="-faulty")
    """What is wrong with it, in a few words."""

    @dataclass(eq=False)
    class Changed(Message):
        """Something was typed."""

        field: FormField

        @property
        def control(self) -> FormField:
            return self.field

    @dataclass(eq=False)
    class Submitted(Message):
        """Enter was pressed in it."""

        field: FormField

        @property
        def control(self) -> FormField:
            return self.field

    def __init__(
        self, label: str, value: str = "", *, limit: int, secret: bool = False, hint: str = "", id: str | None = None
    ) -> None:
        """`limit`: most characters, counted as letters are, not as bytes."""
        super().__init__(id=id)
        self._label = FormLabel()
        self._input = SecretInput(value) if secret else FormInput(value)
        self.limit = limit
        self.set_reactive(FormField.label, label)
        self.set_reactive(FormField.hint, hint)

    def compose(self) -> ComposeResult:
        yield self._label
        with Horizontal(classes="row"):
            yield self._input

    @property
    def value(self) -> str:
        """What was typed, as it is."""
        return self._input.value

    @value.setter
    def value(self, value: str) -> None:
        self._input.value = value

    @property
    def masked(self) -> bool:
        """Whether dots stand for the letters."""
        return self._input.password

    @masked.setter
    def masked(self, masked: bool) -> None:
        self._input.password = masked

    @property
    def too_long(self) -> str:
        """What to say when there are more characters than the limit; empty when there are not."""
        count = len(self.value)
        return f"{count:,} characters, {self.limit} are the most" if count > self.limit else ""

    def focus(self, scroll_visible: bool = True) -> Self:
        self._input.focus(scroll_visible)
        return self

    def on_mount(self) -> None:
        self._show()

    def watch_label(self) -> None:
        self._show()

    def watch_hint(self) -> None:
        self._show()

    def watch_fault(self) -> None:
        self._show()

    def _show(self) -> None:
        self._label.label = self.label
        self._label.note, self._label.is_fault = self.fault or self.hint, bool(self.fault)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.fault = self.too_long
        self.post_message(self.Changed(self))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted(self))

    @on(FormInput.Overfull)
    def _overfull(self, event: FormInput.Overfull) -> None:
        event.stop()
        self.fault = f"{self.limit} characters are the most"
