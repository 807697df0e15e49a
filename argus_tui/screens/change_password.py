"""Another password: the old one, and the new one twice."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from argus_core.client.base import AccountRole
from argus_core.errors import ArgusError, BadCredentials, InvalidInput
from argus_core.text.clean import clean_line
from argus_tui.screens.account_rules import MAX_PASSWORD, password_fault, password_hint, repeat_hint
from argus_tui.screens.overlay import Overlay, overlay_keys
from argus_tui.widgets.form_field import FormField
from argus_tui.widgets.ink import MUTED, WARN
from argus_tui.widgets.words import Words

SIGNS_OUT = "Every other client is signed out by it."


class ChangePassword(Overlay[bool]):
    """Returns True when the password is another one now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "show", "Show", id="password.show", tooltip="Show or hide what is typed", show=False)
    ]

    def __init__(self, account: AccountRole) -> None:
        super().__init__()
        self._account = account
        self._is_busy = False
        self._old = FormField("Password now", limit=MAX_PASSWORD, secret=True)
        self._new = FormField("New password", limit=MAX_PASSWORD, secret=True, hint=password_hint(""))
        self._again = FormField("New password again", limit=MAX_PASSWORD, secret=True)
        self._note = Words(Content.styled(SIGNS_OUT, MUTED), id="note")

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="password"):
            yield Words(Content.styled("Another password", "bold"))
            yield from self._fields
            yield self._note
            yield overlay_keys((("enter", "change it"), ("tab", "next"), ("^r", "show")), ("esc", "leave it"))

    @property
    def _fields(self) -> tuple[FormField, ...]:
        return (self._old, self._new, self._again)

    def action_close(self) -> None:
        """Leave the password as it is."""
        self.dismiss(False)

    def action_show(self) -> None:
        """Show the letters, or dots for them."""
        masked = not self._new.masked
        for one in self._fields:
            one.masked = masked

    @on(FormField.Changed)
    def _typed(self, event: FormField.Changed) -> None:
        event.stop()
        self._new.hint = password_hint(self._new.value)
        self._again.hint, differs = repeat_hint(self._new.value, self._again.value)
        self._again.fault = self._again.too_long or (self._again.hint if differs else "")

    @on(FormField.Submitted)
    def _entered(self, event: FormField.Submitted) -> None:
        """Go on to what is still empty, else send."""
        event.stop()
        empty = next((one for one in self._fields if not one.value), None)
        if empty is not None:
            empty.focus()
        elif not self._is_busy and not self._find_faults():
            self.run_worker(self._change(), group="password")

    def _find_faults(self) -> bool:
        self._new.fault = self._new.too_long or password_fault(self._new.value)
        self._again.fault = "not the same" if self._again.value != self._new.value else ""
        wrong = next((one for one in self._fields if one.fault), None)
        if wrong is not None:
            wrong.focus()
        return wrong is not None

    async def _change(self) -> None:
        self._is_busy = True
        self._note.content = Content.styled("changing it", MUTED)
        try:
            await self._account.change_password(self._old.value, self._new.value)
        except ArgusError as error:
            self._refuse(error)
        else:
            self.dismiss(True)
        finally:
            self._is_busy = False

    def _refuse(self, error: ArgusError) -> None:
        """Say it at the field it is about; all that was typed stays."""
        said = Content.assemble(("! ", WARN), clean_line(str(error)))
        if isinstance(error, BadCredentials):
            self._old.fault = "not the password"
            self._old.focus()
            said = Content.styled(SIGNS_OUT, MUTED)
        elif isinstance(error, InvalidInput):
            self._new.fault = "not taken"
            self._new.focus()
        self._note.content = said
