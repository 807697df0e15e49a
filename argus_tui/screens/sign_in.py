"""Signing in and making an account: one form with two pages, so that what was typed on one is there on the other."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.timer import Timer

from argus_core.client.base import Entrance
from argus_core.domain import SignUpPolicy, User
from argus_core.errors import ArgusError, BadCredentials, Conflict, InvalidInput, LimitReached, PermissionDenied
from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.glyphs import FULL
from argus_tui.screens.account_rules import (
    MAX_CODE,
    MAX_EMAIL,
    MAX_NAME,
    MAX_PASSWORD,
    not_an_email,
    password_fault,
    password_hint,
    repeat_hint,
)
from argus_tui.widgets.eye import mark
from argus_tui.widgets.filled_button import FilledButton
from argus_tui.widgets.form_field import FormField
from argus_tui.widgets.form_tabs import FormTabs
from argus_tui.widgets.ink import ACCENT, MUTED, WARN, Drawn, keys
from argus_tui.widgets.words import Words

SPINNER_S = 0.1
COUNT_S = 1.0
STAYS = "You stay signed in here for 30 days."
CLOSED = "Take the code that an admin gave you."
_NEEDED = "still empty"
_HINT_CELLS = 32
"""The longest words that stand over a field; longer ones stand under the form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What is known when the form opens."""

    name: str = ""
    email: str = ""
    password: str = field(default="", repr=False)


class FormHead(Drawn):
    """The mark, and where one signs in."""

    DEFAULT_CSS = "FormHead { height: 4; }"

    def __init__(self, place: str, *, eye: bool) -> None:
        super().__init__()
        self._rows = mark(fmt.clip(clean_line(place) or "this machine", 32), eye=eye)

    def lines(self, width: int) -> list[Content]:
        return self._rows


class SignIn(Screen[User | None]):
    """Returns who is signed in now, None when it was left; keeps what was typed until then, whatever goes wrong."""

    CSS_PATH = "sign_in.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        # Before the fields see them: what is typed right behind a tab must not land in the field before it.
        Binding("tab", "app.focus_next", "Next", id="sign_in.next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Back", id="sign_in.back", show=False, priority=True),
        Binding("escape", "leave", "Leave", id="sign_in.leave", tooltip="Back, without signing in", show=False),
        Binding("ctrl+t", "other", "The other page", id="sign_in.other", tooltip="The other page", show=False),
        Binding("ctrl+r", "show", "Show", id="sign_in.show", tooltip="Show or hide the password", show=False),
    ]

    def __init__(
        self,
        entrance: Entrance,
        *,
        up: bool = False,
        reason: str = "",
        typed: Typed | None = None,
        eye: bool = True,
        at_once: bool = False,
    ) -> None:
        """`up`: begin with making an account. `reason`: why one is asked. `at_once`: send what is `typed` now."""
        super().__init__()
        typed = typed or Typed()
        self._entrance = entrance
        self._up, self._reason, self._eye, self._at_once = up, reason, eye, at_once
        self._policy: SignUpPolicy = "open"
        self._is_busy = False
        self._frame = 0
        self._retry_at = 0.0
        self._timer: Timer | None = None
        self._tabs = FormTabs(("Sign in", "Make an account"))
        self._who = FormField("Name", typed.name, limit=MAX_NAME)
        self._email = FormField("Email", typed.email, limit=MAX_EMAIL)
        self._password = FormField("Password", typed.password, limit=MAX_PASSWORD, secret=True)
        self._again = FormField("Password again", limit=MAX_PASSWORD, secret=True)
        self._code = FormField("Code", limit=MAX_CODE)
        if at_once and up:
            self._again.value = typed.password
        self._button = FilledButton("")
        self._beside = Words(id="beside")
        self._keys = Words(classes="said")
        self._note = Words(id="note", classes="said")

    def compose(self) -> ComposeResult:
        yield Vertical(classes="above")
        with Vertical(id="form"):
            yield FormHead(self._entrance.place, eye=self._eye)
            yield self._tabs
            with Vertical(id="fields"):
                yield from self._fields
            with Horizontal(id="go"):
                yield self._button
                yield self._beside
            yield self._keys
            yield self._note
        yield Vertical(classes="below")

    @property
    def _fields(self) -> tuple[FormField, ...]:
        return (self._who, self._email, self._password, self._again, self._code)

    def on_mount(self) -> None:
        self._say(self._reason, warn=True)
        self._show_page()
        self._learn_policy()
        if self._at_once:
            self._submit()

    # The two pages

    def action_other(self) -> None:
        """Go to the other page."""
        self._turn_to(not self._up)

    @on(FormTabs.Clicked)
    def _tab_clicked(self, event: FormTabs.Clicked) -> None:
        event.stop()
        self._turn_to(event.index == 1)

    def _turn_to(self, up: bool) -> None:
        if self._is_busy or up == self._up:
            return
        self._up = up
        for one in self._fields:
            one.fault = ""
        self._say("")
        self._show_page()

    def _show_page(self) -> None:
        self.set_class(self._up, "-up")
        self._tabs.chosen = int(self._up)
        for one in (self._who, self._again, self._code):
            one.display = self._up
        hints = (("tab", "next"), ("^t", "sign in instead" if self._up else "make an account"), ("esc", "leave"))
        self._keys.content = keys(hints)
        self._show_hints()
        self._show_button()
        empty = (one for one in self._fields if one.display and not one.value)
        next(empty, self._password).focus()

    def _show_hints(self) -> None:
        by_code = self._policy != "open"
        self._email.hint = "what you sign in with" if self._up else ""
        self._password.hint = password_hint(self._password.value) if self._up else _show_key(self._password)
        self._again.hint, _ = repeat_hint(self._password.value, self._again.value)
        self._again.hint = self._again.hint or _show_key(self._again)
        self._code.label = "Invitation" if self._policy == "invite" else "Code"
        self._code.hint = "from your admin" if by_code else "only if you were given one"

    @work(group="policy")
    async def _learn_policy(self) -> None:
        """Ask who may make an account; unless told otherwise, anybody may."""
        try:
            self._policy = await self._entrance.policy()
        except ArgusError as error:
            self._say(f"{error.title}. {error.hint}", warn=True)
            return
        self._show_hints()
        if not self._note.content:
            self._say("")

    # Typing

    def action_show(self) -> None:
        """Show the letters of the password, or dots for them."""
        masked = not self._password.masked
        self._password.masked = self._again.masked = masked
        self._show_hints()

    @on(FormField.Changed)
    def _typed(self, event: FormField.Changed) -> None:
        event.stop()
        if event.field in (self._password, self._again) and self._up:
            hint, differs = repeat_hint(self._password.value, self._again.value)
            self._again.fault = self._again.too_long or (hint if differs else "")
        self._show_hints()

    @on(FormField.Submitted)
    def _entered(self, event: FormField.Submitted) -> None:
        """Go on to what is still empty, else send."""
        event.stop()
        empty = next((one for one in self._needed() if not one.value), None)
        if empty is not None and event.field.value:
            empty.focus()
        else:
            self._submit()

    @on(FilledButton.Pressed)
    def _pressed(self, event: FilledButton.Pressed) -> None:
        event.stop()
        self._submit()

    # Sending

    def _needed(self) -> list[FormField]:
        """Return the fields that cannot stay empty."""
        if not self._up:
            return [self._email, self._password]
        needed = [self._email, self._password, self._again]
        if not self._code.value.strip():
            needed = [self._who, *needed]  # with a code it may be the account of somebody who has a name already
        return [*needed, self._code] if self._policy != "open" else needed

    def _submit(self) -> None:
        if self._is_busy or self._left_s():
            return
        wrong = self._find_faults()
        if wrong is not None:
            wrong.focus()
            return
        self._send()

    def _find_faults(self) -> FormField | None:
        """Say at each field what is wrong with it; return the first such field."""
        needed = self._needed()
        shown = [one for one in self._fields if one.display]
        for one in shown:
            one.fault = one.too_long or (_NEEDED if one in needed and not one.value.strip() else "")
        self._email.fault = self._email.fault or not_an_email(self._email.value)
        if self._up:
            self._password.fault = self._password.fault or password_fault(self._password.value)
            differs = self._again.value != self._password.value
            self._again.fault = self._again.fault or ("not the same" if differs else "")
        return next((one for one in shown if one.fault), None)

    @work(group="send", exclusive=True)
    async def _send(self) -> None:
        email, password = self._email.value.strip(), self._password.value
        self._set_busy(True)
        try:
            if self._up:
                name, code = clean_line(self._who.value), self._code.value.strip()
                user = await self._entrance.sign_up(name, email, password, invite=code)
            else:
                user = await self._entrance.sign_in(email, password)
        except ArgusError as error:
            self._set_busy(False)
            self._refuse(error)
            return
        for secret in (self._password, self._again):
            secret.value = ""
        self.dismiss(user)

    def action_leave(self) -> None:
        """Go back without signing in."""
        self.dismiss(None)

    # What went wrong

    def _refuse(self, error: ArgusError) -> None:
        """Say it where it belongs: over a field if it is about one, and in full under the form if it is long."""
        if isinstance(error, LimitReached) and error.retry_after_s:
            self._say(f"{error.title}.", warn=True)
            self._retry_at = time.monotonic() + error.retry_after_s
            self._tick_every(COUNT_S)
            return
        field, words = self._place_of(error)
        if field is None:
            self._say(f"{error.title}. {error.hint}", warn=True)
            return
        field.fault = words
        title = "" if words == error.title or isinstance(error, BadCredentials) else f"{error.title}."
        self._say(f"{title} {error.hint}", warn=True)
        field.focus()

    def _place_of(self, error: ArgusError) -> tuple[FormField | None, str]:
        """Return the field that an error is about and what to say there."""
        if isinstance(error, BadCredentials):
            return self._password, "not right for this email"
        if self._up and isinstance(error, PermissionDenied):
            return self._code, "not taken"
        if isinstance(error, InvalidInput | Conflict):
            said = f"{error.title} {error.hint}".lower()
            words = {"password": self._password, "email": self._email, "invit": self._code, "code": self._code}
            words["name"] = self._who
            found = next((one for word, one in words.items() if word in said and one.display), None)
            title = clean_line(error.title)
            return found, title if len(title) <= _HINT_CELLS else "not taken"
        return None, ""

    def _say(self, words: str, *, warn: bool = False) -> None:
        """Say something under the form; empty for what always stands there."""
        if words.strip():
            self._note.content = Content.assemble(("! ", WARN) if warn else "", clean_line(words))
        elif not self._up:
            self._note.content = Content.styled(STAYS, MUTED)
        else:
            self._note.content = Content.styled(CLOSED if self._policy == "closed" else "", MUTED)

    # Waiting

    def _set_busy(self, busy: bool) -> None:
        self._is_busy = busy
        if busy:
            self._say("")
            self._tick_every(SPINNER_S)
        else:
            self._stop_ticking()
        self._show_button()

    def _left_s(self) -> int:
        """Return the seconds until another try is taken."""
        return max(0, math.ceil(self._retry_at - time.monotonic()))

    def _tick_every(self, seconds: float) -> None:
        self._stop_ticking()
        self._timer = self.set_interval(seconds, self._tick)
        self._show_button()

    def _stop_ticking(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _tick(self) -> None:
        self._frame += 1
        if not self._is_busy and not self._left_s():
            self._stop_ticking()
            self._say("")
        self._show_button()

    def _show_button(self) -> None:
        if self._up:
            self._button.word = "Making the account" if self._is_busy else "Make the account"
        else:
            self._button.word = "Signing in" if self._is_busy else "Sign in"
        self._beside.content = self._said_beside()

    def _said_beside(self) -> Content:
        if self._is_busy:
            frame = FULL.spinner[self._frame % len(FULL.spinner)]
            return Content.assemble((frame, ACCENT), (" esc to stop", MUTED))
        left_s = self._left_s()
        return Content.styled(f"again in {fmt.duration(left_s)}" if left_s else "enter", MUTED)


def _show_key(field: FormField) -> str:
    return "^r show" if field.masked else "^r hide"
