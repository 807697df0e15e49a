"""Signing in and out from the main screen, and what an account may do; each screen is loaded when it is asked for."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from argus_core.errors import ArgusError, BadCredentials, NotAuthenticated
from argus_tui.commands import COMMANDS, Command, sign_in_words, sign_up_words
from argus_tui.screens.countdown import not_sent
from argus_tui.screens.key_entry import KeyEntry

if TYPE_CHECKING:
    from argus_core.domain import User
    from argus_tui.screens.company import Company
    from argus_tui.screens.sign_in import Typed

NO_ACCOUNTS = "There are no accounts on this machine: argus --server URL signs in to a server."
ENDED = "You are not signed in any more; what you wrote is kept."
OUTSIDE = "not signed in · /login"
FOLLOWING = ("start", "changes", "watch", "line", "watchers", "look", "limits", "preload", "rows", "older", "pictures")
"""Groups of workers that belong to who is signed in."""


class AccountCommands(KeyEntry):
    """The actions that have to do with accounts."""

    company: Company
    renew: Callable[[], Awaitable[None]]
    """Closes the client, so that the next one is of who is signed in then."""

    def __init__(self) -> None:
        super().__init__()
        self.user: User | None = None
        """Who is signed in, or the one user of this machine; None before the start and after signing out."""
        self.is_outside = False
        """Nobody is signed in: nothing can be kept or asked."""
        self._at_entrance = False
        """The form is open."""

    def start(self) -> None:
        """Fill the screen for whoever is signed in."""
        raise NotImplementedError

    # In and out

    def is_signed_out_by(self, error: ArgusError) -> bool:
        """Tell whether this error means that one has to sign in, and whether one can."""
        is_about_session = isinstance(error, NotAuthenticated) and not isinstance(error, BadCredentials)
        return is_about_session and self.options.open_entrance is not None

    def tell(self, error: ArgusError) -> None:
        if self.is_signed_out_by(error):
            self.ask_to_sign_in(error)
        else:
            super().tell(error)

    def ask_to_sign_in(self, error: ArgusError) -> None:
        """Show the form because of this error; somebody who was here a moment ago is told why."""
        reason = ENDED if self.user is not None else ""
        if error.title != error.default_title:
            reason = f"{error.title}. {reason}".strip()
        self.is_outside = True
        self._enter_soon(reason=reason)

    def action_login(self, argument: str = "") -> None:
        email, password = sign_in_words(argument)
        self._enter_soon(email=email, password=password)

    def action_signup(self, argument: str = "") -> None:
        name, email, password = sign_up_words(argument)
        self._enter_soon(up=True, name=name, email=email, password=password)

    def _enter_soon(
        self, *, up: bool = False, reason: str = "", name: str = "", email: str = "", password: str = ""
    ) -> None:
        if self.options.open_entrance is None:
            self.say(NO_ACCOUNTS)
        elif not self._at_entrance:
            from argus_tui.screens.sign_in import Typed

            self._at_entrance = True
            typed = Typed(name=name, email=email, password=password)
            self.do(lambda: self._enter(up, reason, typed), "entrance")

    async def _enter(self, up: bool, reason: str, typed: Typed) -> None:
        """Show the form until somebody is signed in or leaves it."""
        from argus_tui.screens.sign_in import SignIn

        assert self.options.open_entrance is not None
        try:
            await self._close_overlays()
            async with self.options.open_entrance() as entrance:
                form = SignIn(
                    entrance,
                    up=up,
                    reason=reason,
                    typed=typed,
                    eye=not self.options.plain_glyphs,
                    at_once=bool(typed.password),
                )
                user = await self.app.push_screen_wait(form)
        finally:
            self._at_entrance = False
        if user is not None:
            await self._come_in(user)
        elif self.is_outside:
            self._stay_outside()

    async def _close_overlays(self) -> None:
        """Close what lies over the main screen: it belongs to who was signed in."""
        while self.app.screen is not self and self in self.app.screen_stack:
            await self.app.screen.dismiss(None)

    async def _come_in(self, user: User) -> None:
        """Begin again as this user; what is open and written stays if they were here before."""
        was = self.user
        if was is not None and was.id != user.id:
            with contextlib.suppress(ArgusError):  # its session may be over
                await self.draft.save(self.talk.conversation_id)
            self._put_away()
        self._let_go()
        await self.renew()
        self.is_outside = False
        self.start()
        self.composer.focus()

    def _stay_outside(self) -> None:
        """Go on without anybody signed in: what is there can be read, and the form opened again."""
        self._let_go()
        if self.user is None:
            self.say_in_place(NotAuthenticated("/login opens the form again."))
        self.show_state()
        self.composer.focus()

    def say_in_place(self, error: ArgusError, *, note: str = "") -> None:
        """Say where a conversation would be why there is none."""
        raise NotImplementedError

    def _let_go(self) -> None:
        """Stop following what belongs to the session that is over."""
        for group in FOLLOWING:
            self.workers.cancel_group(self, group)
        self.talk.stop_watching()
        self.company.forget()
        if words := not_sent(self.later.drop_all()):
            self.say(words)

    def _put_away(self) -> None:
        """Take everything of a user off the screen."""
        self.talk.start_new()
        self.draft.forget()
        self.composer.history = ()
        self.conversations.clear()
        self.sidebar.who = ""
        self._deleted.clear()
        self.user = None

    def action_logout(self) -> None:
        if self.options.open_entrance is None:
            self.say(NO_ACCOUNTS)
        elif self.user is None:
            self.say("Nobody is signed in.")
        else:
            self.do(lambda: self._sign_out(), "entrance")

    async def _sign_out(self) -> None:
        client = await self.client()
        await self.draft.save(self.talk.conversation_id)
        await client.account.sign_out()
        self.is_outside = True
        self._let_go()
        self._put_away()
        await self.renew()
        self._enter_soon()

    # What one may do with an account

    def offered(self) -> list[Command]:
        """Return the commands that this user is offered."""
        is_admin = self.user is not None and self.user.role == "admin"
        return [command for command in COMMANDS if is_admin or not command.for_admins]

    def action_usage(self) -> None:
        self.do(lambda: self._show_usage(), "modal")

    async def _show_usage(self) -> None:
        from argus_tui.screens.usage import Usage

        client = await self.client()
        await self.app.push_screen_wait(Usage(client.account, await client.account.allowance()))

    def action_account(self) -> None:
        if self.options.open_entrance is None:
            self.say(NO_ACCOUNTS)
        else:
            self.do(lambda: self._show_account(), "modal")

    async def _show_account(self) -> None:
        from argus_tui.screens.account import Account

        client = await self.client()
        await self.app.push_screen_wait(Account(client.account, await client.account.whoami(), client.place))

    def action_admin(self) -> None:
        if self.options.open_entrance is None:
            self.say(NO_ACCOUNTS)
        else:
            self.do(lambda: self._show_admin(), "modal")

    async def _show_admin(self) -> None:
        from argus_tui.screens.admin import Admin

        client = await self.client()
        user = await client.account.whoami()  # the role may be another since the start
        if user.role != "admin":
            self.say("Only an admin may do that; ask one of yours.")
            return
        await self.app.push_screen_wait(Admin(client.admin, user))
