"""`/admin`: users, invites and limits, for whoever looks after them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from argus_core.client.base import AdminRole
from argus_core.domain import NewInvite, User, UserRole
from argus_core.errors import ArgusError
from argus_core.ids import utc_now
from argus_core.text.clean import clean_line
from argus_tui.screens.admin_rows import InviteRows, ItemRows, LimitsTable, UserRows
from argus_tui.screens.overlay import Overlay, overlay_keys
from argus_tui.widgets.form_tabs import FormTabs
from argus_tui.widgets.ink import MUTED, WARN, Hint
from argus_tui.widgets.rows import Rows
from argus_tui.widgets.status_line import KeyRow
from argus_tui.widgets.words import Words

PAGE = 50
PAGES: Final = ("Users", "Invites", "Limits")
KEYS: Final[tuple[tuple[Hint, ...], ...]] = (
    (("tab", "invites"), ("a", "admin"), ("d", "disable"), ("r", "reset"), ("s", "sign out")),
    (("tab", "limits"), ("n", "invite"), ("N", "invite an admin"), ("del", "take back")),
    (("tab", "users"),),
)
ON_PAGE: Final = {"role": 0, "disable": 0, "reset": 0, "sign_out": 0, "invite": 1, "delete": 1}
"""The page on which an action makes sense."""
USES_CODE: Final = "They choose Make an account on the sign-in form, and write it with their email and a new password."


class Admin(Overlay[None]):
    """Three pages; what is done is done at once and said under the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "turn(1)", "Next page", id="admin.next", tooltip="The next page", show=False),
        Binding("shift+tab", "turn(-1)", "Page before", id="admin.previous", tooltip="The page before", show=False),
        Binding("a", "role", "Admin", id="admin.role", tooltip="Make an admin or a member", show=False),
        Binding("d", "disable", "Disable", id="admin.disable", tooltip="Shut or open the account", show=False),
        Binding("r", "reset", "Reset", id="admin.reset", tooltip="Make a code for a new password", show=False),
        Binding("s", "sign_out", "Sign out", id="admin.sign_out", tooltip="Sign them out everywhere", show=False),
        Binding("n", "invite('member')", "Invite", id="admin.invite", tooltip="Invite a member", show=False),
        Binding("N", "invite('admin')", "Invite", id="admin.invite_admin", tooltip="Invite an admin", show=False),
        Binding("delete,backspace", "delete", "Take back", id="admin.delete", tooltip="Take it back", show=False),
    ]

    def __init__(self, admin: AdminRole, user: User, *, now: Callable[[], datetime] = utc_now) -> None:
        super().__init__()
        self._admin = admin
        self._user = user
        self._page = 0
        self._cursor: str | None = None
        self._is_loading = False
        self._tabs = FormTabs(PAGES)
        self._users = UserRows(id="users")
        self._invites = InviteRows(now, id="invites")
        self._limits = LimitsTable(id="limits")
        self._note = Words(id="note")

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="admin"):
            yield self._tabs
            yield self._users
            yield self._invites
            yield self._limits
            yield self._note
            yield overlay_keys(KEYS[0], ("esc", "close"))

    def on_mount(self) -> None:
        self._show_page()
        self._do(self._load_users)

    # Pages

    def action_turn(self, step: int) -> None:
        """Go to another page."""
        self._turn_to((self._page + step) % len(PAGES))

    @on(FormTabs.Clicked)
    def _tab_clicked(self, event: FormTabs.Clicked) -> None:
        event.stop()
        self._turn_to(event.index)

    def _turn_to(self, page: int) -> None:
        self._page = page
        self._show_page()
        self._do((self._load_users, self._load_invites, self._load_limits)[page])

    def _show_page(self) -> None:
        self._tabs.chosen = self._page
        lists: tuple[Widget, ...] = (self._users, self._invites, self._limits)
        for at, one in enumerate(lists):
            one.display = at == self._page
        lists[self._page].focus()
        self.query_one(KeyRow).hints = KEYS[self._page]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return ON_PAGE.get(action, self._page) == self._page

    async def _load_users(self) -> None:
        page = await self._admin.users(limit=PAGE)
        self._cursor = page.next_cursor
        self._users.show(page.items)

    @on(ItemRows.MoreWanted)
    def _more_wanted(self, event: ItemRows.MoreWanted) -> None:
        event.stop()
        if self._page == 0 and self._cursor is not None and not self._is_loading:
            self._is_loading = True
            self._do(self._load_more)

    async def _load_more(self) -> None:
        try:
            page = await self._admin.users(limit=PAGE, cursor=self._cursor)
        finally:
            self._is_loading = False
        self._cursor = page.next_cursor
        known = {user.id for user in self._users.items}
        self._users.show([*self._users.items, *(user for user in page.items if user.id not in known)])

    async def _load_invites(self) -> None:
        self._invites.show(await self._admin.invites())
        if not self._invites.items:
            self._say("There are no invites; n makes one.")

    async def _load_limits(self) -> None:
        self._limits.show(await self._admin.limits())

    # Users

    def action_role(self) -> None:
        """Make an admin or a member of the user under the cursor."""
        self._with_user(self._change_role)

    async def _change_role(self, user: User) -> None:
        role: UserRole = "member" if user.role == "admin" else "admin"
        self._show_user(await self._admin.set_role(user.id, role))
        self._say(f"{user.name} is {'an admin' if role == 'admin' else 'a member'} now.")

    def action_disable(self) -> None:
        """Shut the account under the cursor, or open it."""
        self._with_user(self._change_disabled)

    async def _change_disabled(self, user: User) -> None:
        self._show_user(await self._admin.set_disabled(user.id, not user.disabled))
        self._say(f"{user.name} can sign in again." if user.disabled else f"{user.name} is signed out and shut out.")

    def action_sign_out(self) -> None:
        """End the sessions of the user under the cursor."""
        self._with_user(self._sign_out)

    async def _sign_out(self, user: User) -> None:
        count = await self._admin.end_sessions(user.id)
        self._say(f"{user.name} is signed out on {count} clients." if count else f"{user.name} was not signed in.")

    def action_reset(self) -> None:
        """Make a code with which the user under the cursor sets a new password."""
        self._with_user(self._reset)

    async def _reset(self, user: User) -> None:
        from argus_tui.screens.confirm import Confirm

        about = "They are signed out everywhere, and come back with the code that you give them."
        if await self.app.push_screen_wait(Confirm(f"A new password for {user.name}?", about, yes="make a code")):
            await self._show_code(f"A code for {user.name}", await self._admin.reset(user.id))

    def _with_user(self, act: Callable[[User], Awaitable[None]]) -> None:
        user = self._users.current
        if user is not None:
            self._do(lambda: act(user))

    def _show_user(self, changed: User) -> None:
        self._users.show([changed if user.id == changed.id else user for user in self._users.items])

    # Invites

    def action_invite(self, role: UserRole) -> None:
        """Make an invite for somebody, or for anybody."""
        self._do(lambda: self._invite(role))

    async def _invite(self, role: UserRole) -> None:
        from argus_tui.screens.text_prompt import TextPrompt

        heading = f"Invite {'an admin' if role == 'admin' else 'a member'}"
        about = "Their email, or nothing: then whoever has the code may use it."
        email = await self.app.push_screen_wait(TextPrompt(heading, about=about))
        if email is not None:
            made = await self._admin.create_invite(role=role, email=email)
            await self._load_invites()
            await self._show_code(f"An invite for {email or 'anybody'}", made)

    async def _show_code(self, heading: str, made: NewInvite) -> None:
        from argus_tui.screens.show_code import ShowCode

        await self.app.push_screen_wait(ShowCode(heading, USES_CODE, made))

    def action_delete(self) -> None:
        """Take the invite under the cursor back."""
        invite = self._invites.current
        if invite is not None:
            self._do(lambda: self._delete(invite.id))

    async def _delete(self, invite_id: str) -> None:
        await self._admin.delete_invite(invite_id)
        await self._load_invites()
        if self._invites.items:
            self._say("Taken back.")

    # What all of it is made of

    @on(Rows.Moved)
    def _moved(self, event: Rows.Moved) -> None:
        event.stop()

    def _do(self, act: Callable[[], Awaitable[None]]) -> None:
        self.run_worker(self._told(act), group="admin")

    async def _told(self, act: Callable[[], Awaitable[None]]) -> None:
        self._say("")
        try:
            await act()
        except ArgusError as error:
            self._note.content = Content.assemble(("! ", WARN), clean_line(str(error)))

    def _say(self, words: str) -> None:
        self._note.content = Content.styled(clean_line(words), MUTED)
