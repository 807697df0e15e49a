"""`/account`: who one is, where one is signed in, and another password."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from argus_core.client.base import AccountRole
from argus_core.domain import Session, User
from argus_core.errors import ArgusError
from argus_core.ids import utc_now
from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.glyphs import FULL
from argus_tui.screens.overlay import Overlay, overlay_keys
from argus_tui.widgets.ink import ACCENT, MUTED, ON_PICKED, WARN, title
from argus_tui.widgets.rows import Rows
from argus_tui.widgets.words import Words

_ADDRESS = 16
_SEEN = 12
KEYS = (("del", "sign it out"), ("x", "all others"), ("p", "change the password"))


def seen(session: Session, now: datetime) -> str:
    """Return when a client was seen last, in a few letters."""
    if session.current:
        return "this one"
    ago = fmt.relative_time(session.seen_at, now)
    return f"{ago} ago" if ago.endswith((" min", " h", " d")) else ago


class SessionRows(Rows):
    """One row for each client."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._sessions: Sequence[Session] = ()

    def show(self, sessions: Sequence[Session]) -> None:
        """Show these; the cursor stays where it is."""
        self._sessions = sessions
        if self.cursor is None and sessions:
            self.cursor = 0
        self.rows_changed()

    @property
    def current(self) -> Session | None:
        """The session under the cursor."""
        at = self.cursor
        return self._sessions[at] if at is not None and at < len(self._sessions) else None

    def row_count(self) -> int:
        return len(self._sessions)

    def draw_row(self, index: int, width: int) -> Content:
        session, here = self._sessions[index], index == self.cursor
        room = width - 4 - _ADDRESS - _SEEN - 4
        line = Content.assemble(
            (FULL.chosen, ACCENT) if here else " ",
            " ",
            title(session.client or "a client without a name", room, "bold" if session.current else ""),
            ("  " + fmt.fit(clean_line(session.address), _ADDRESS), MUTED),
            ("  " + seen(session, self._now()).rjust(_SEEN), MUTED),
            "  ",
        )
        return line.stylize_before(ON_PICKED) if here else line


class Account(Overlay[None]):
    """The account of whoever is signed in; what it does is done at once and said under the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,backspace", "end", "Sign it out", id="account.end", tooltip="Sign this client out", show=False),
        Binding("x", "end_others", "All others", id="account.others", tooltip="Sign all others out", show=False),
        Binding("p", "password", "Password", id="account.password", tooltip="Change the password", show=False),
    ]

    def __init__(self, account: AccountRole, user: User, place: str, *, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__()
        self._account = account
        self._user = user
        self._place = place
        self._list = SessionRows(now)
        self._note = Words(id="note")

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="account"):
            yield Words(self._who(), id="who")
            yield Words(Content.styled("Signed in on", MUTED))
            yield self._list
            yield self._note
            yield overlay_keys(KEYS, ("esc", "close"))

    def on_mount(self) -> None:
        self._do(self._load)

    def _who(self) -> Content:
        user = self._user
        about = " · ".join(filter(None, (clean_line(user.email), user.role, clean_line(self._place))))
        return Content.assemble((clean_line(user.name), "bold"), (f"   {about}", MUTED))

    def action_end(self) -> None:
        """Sign the client under the cursor out."""
        session = self._list.current
        if session is None:
            return
        if session.current:
            self._say("This is the one you use: /logout signs it out.")
        else:
            self._do(lambda: self._end(session))

    async def _end(self, session: Session) -> None:
        await self._account.end_session(session.id)
        await self._load()
        self._say(f"{session.client or 'It'} is signed out.")

    def action_end_others(self) -> None:
        """Sign every other client out, after a question."""
        self._do(self._end_others)

    async def _end_others(self) -> None:
        from argus_tui.screens.confirm import Confirm

        if await self.app.push_screen_wait(
            Confirm("Sign every other client out?", "They need the password to come back.", yes="sign them out")
        ):
            count = await self._account.end_other_sessions()
            await self._load()
            self._say(f"{count} signed out." if count else "There was no other.")

    def action_password(self) -> None:
        """Ask for another password."""
        self._do(self._change_password)

    async def _change_password(self) -> None:
        from argus_tui.screens.change_password import ChangePassword

        if await self.app.push_screen_wait(ChangePassword(self._account)):
            await self._load()
            self._say("The password is changed, and every other client signed out.")

    async def _load(self) -> None:
        sessions = await self._account.sessions()
        self._list.show(sessions)

    @on(Rows.Moved)
    def _moved(self, event: Rows.Moved) -> None:
        event.stop()

    def _do(self, act: Callable[[], Awaitable[None]]) -> None:
        self.run_worker(self._told(act), group="account")

    async def _told(self, act: Callable[[], Awaitable[None]]) -> None:
        self._say("")
        try:
            await act()
        except ArgusError as error:
            self._note.content = Content.assemble(("! ", WARN), clean_line(str(error)))

    def _say(self, words: str) -> None:
        self._note.content = Content.styled(clean_line(words), MUTED)
