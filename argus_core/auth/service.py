"""Signing up, in and out: the one door to accounts. It tells nobody which emails have one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from argus_core.auth.administration import Administration
from argus_core.auth.emails import fold_email, stored_forms
from argus_core.auth.invites import digest_code
from argus_core.auth.logins import find_login
from argus_core.auth.names import checked_name
from argus_core.auth.passwords import Passwords
from argus_core.auth.sessions import Identity, Origin, Sessions
from argus_core.auth.throttle import Throttle
from argus_core.auth.tokens import Tokens
from argus_core.domain import Invite, Session, SignedIn, SignUpPolicy, User
from argus_core.errors import BadCredentials, Conflict, LimitReached, NotAuthenticated, NotFound, PermissionDenied
from argus_core.ids import new_id, utc_now
from argus_core.storage.accounts import AccountStorage, Login

__all__ = ["Auth", "Identity", "Origin"]
_log = logging.getLogger(__name__)


class Auth:
    """Who may come in.

    Args:
        storage: Keeps accounts, sessions and invites.
        passwords: Hashes; closed with this.
        tokens: Signs.
        signup: Who may make an account.
        most_sessions: On how many clients a user may be signed in; None for any number.
        clock: Tells the time.
    """

    def __init__(
        self,
        storage: AccountStorage,
        passwords: Passwords,
        tokens: Tokens,
        *,
        signup: SignUpPolicy,
        most_sessions: int | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.signup: SignUpPolicy = signup
        self._storage = storage
        self._passwords = passwords
        self._tokens = tokens
        self._clock = clock
        self._sessions = Sessions(storage, tokens, most=most_sessions, clock=clock)
        self._throttle = Throttle(storage)

    async def sign_up(self, name: str, email: str, password: str, origin: Origin, *, invite: str = "") -> SignedIn:
        """Make an account, or set the password of the one a reset code is for, and sign in.

        Raises:
            Conflict: The email has an account; said only after the work that a new one takes.
            InvalidInput: The name, the email or the password cannot be used.
            LimitReached: Too many tries.
            PermissionDenied: Sign-up is closed, or the code is not good.
        """
        forms = stored_forms(email)
        await self._throttle.sign_up(origin.address)
        granted = await self._granted(invite, forms)
        if granted is not None and granted.user_id is not None:
            user = await self._reset(granted, granted.user_id, forms, password)
        else:
            user = await self._create(checked_name(name), fold_email(email), password, granted, forms)
        signed_in = await self._sessions.begin(user, origin)
        _tell("signed up" if granted is None or granted.user_id is None else "password reset", signed_in)
        return signed_in

    async def sign_in(self, email: str, password: str, origin: Origin) -> SignedIn:
        """Begin a session.

        Raises:
            BadCredentials: No such email, another password, no password yet, or a shut account: all look the same.
            InvalidInput: That is no email.
            LimitReached: Too many tries, or too many at once.
        """
        forms = stored_forms(email)
        login = await find_login(self._storage, forms)
        device_id = self._tokens.find_device(origin.device_token, login.user.id) if login else None
        await self._throttle.sign_in(origin.address, forms[0], device_id)
        is_right = await self._passwords.verify(password, login.password_hash if login else None)
        if login is None or not is_right or login.user.disabled:
            _log.info("sign-in failed", extra={"user_id": login.user.id if login else None})
            raise BadCredentials()
        await self._throttle.session(login.user.id)
        await self._rehash(login, password)
        signed_in = await self._sessions.begin(login.user, origin)
        await self._check_again(signed_in, password, login)
        _tell("signed in", signed_in)
        return signed_in

    async def refresh(self, refresh_token: str, origin: Origin) -> SignedIn:
        """Exchange a refresh token for the next pair.

        Raises:
            NotAuthenticated: It is not good (any more).
        """
        return await self._sessions.refresh(refresh_token, origin)

    async def identify(self, access_token: str) -> Identity:
        """Return who asks; what another process did to the session counts after a second at the most.

        Raises:
            NotAuthenticated: The token is not ours, or the session is over.
            TokenExpired: A refresh token buys another one.
        """
        claims = self._tokens.read_access(access_token)
        identity = await self._sessions.find(claims.session_id)
        if identity is None or identity.user.id != claims.user_id:
            raise NotAuthenticated("Sign in again: `argus login`.")
        return identity

    async def find_alive(self, session_ids: Collection[str]) -> set[str]:
        """Return which of these sessions have not ended, in one call, for streams that stay open.

        What has expired meanwhile counts as alive.
        """
        return await self._storage.find_open_sessions(session_ids)

    async def sign_out(self, user_id: str, session_id: str, *, everywhere: bool = False) -> None:
        """End the session, or all of the user's."""
        await self._sessions.end(user_id, only=None if everywhere else session_id)
        _log.info("signed out", extra={"user_id": user_id, "session_id": session_id, "everywhere": everywhere})

    async def sessions(self, user_id: str, current: str) -> list[Session]:
        """Return the user's sessions, the one seen last first; `current` is marked."""
        return await self._sessions.list(user_id, current)

    async def end_session(self, user_id: str, session_id: str) -> None:
        """End one of the user's sessions; repeating it is harmless.

        Raises:
            NotFound: There is none, or it is another user's.
        """
        stored = await self._storage.find_session(session_id)
        if stored is None or stored.session.user_id != user_id:
            raise NotFound(title="No such session")
        await self._sessions.end(user_id, only=session_id)
        _log.info("session ended", extra={"user_id": user_id, "session_id": session_id})

    async def end_other_sessions(self, user_id: str, session_id: str) -> int:
        """End every session of the user but this one; return how many there were."""
        count = await self._sessions.end(user_id, but=session_id)
        _log.info("other sessions ended", extra={"user_id": user_id, "session_id": session_id, "count": count})
        return count

    async def change_password(self, user_id: str, session_id: str, old: str, new: str) -> None:
        """Set another password and end the user's other sessions.

        Raises:
            BadCredentials: `old` is not the password.
            InvalidInput: `new` cannot be used.
            LimitReached: Too many tries.
        """
        login = await self._storage.get_login(user_id)
        self._passwords.check(new, login.user.email, login.user.name)
        await self._throttle.password_change(session_id)
        if not await self._passwords.verify(old, login.password_hash):
            _log.info("password change failed", extra={"user_id": user_id, "session_id": session_id})
            raise BadCredentials("The current password is wrong.", title="Your password was not changed")
        await self._storage.set_password_hash(user_id, await self._passwords.hash(new))
        await self._sessions.end(user_id, but=session_id)
        _log.info("password changed", extra={"user_id": user_id, "session_id": session_id})

    def forget(self, user_id: str) -> None:
        """Read the user and their sessions anew from now on: `Administration` has changed them."""
        self._sessions.forget(user_id)

    def administration(self, by: str | None) -> Administration:
        """Return what the admin with that user id may do; None stands for the server's own command line."""
        return Administration(self._storage, self._passwords, by=by, on_changed=self.forget, clock=self._clock)

    async def close(self) -> None:
        """Let go of the threads that hash."""
        self._passwords.close()

    async def _granted(self, code: str, forms: Collection[str]) -> Invite | None:
        """Return the invite that lets this email in; None when everybody may come."""
        if not code:
            if self.signup == "open":
                return None
            raise _by_invitation() if self.signup == "invite" else _closed()
        invite = await self._storage.find_invite(digest_code(code))
        if invite is None or invite.expires_at <= self._clock() or invite.email not in ("", *forms):
            raise _no_good()
        if invite.user_id is None and self.signup == "closed":
            raise _closed()
        if invite.used_at is not None and not await self._is_half_used(invite):
            raise _no_good()
        return invite

    async def _is_half_used(self, invite: Invite) -> bool:
        """Tell whether an invite was used for an account that was not made after all."""
        if invite.user_id is not None or invite.used_by is None:
            return False
        try:
            await self._storage.get_login(invite.used_by)
        except NotFound:
            return True
        return False

    async def _create(self, name: str, email: str, password: str, invite: Invite | None, forms: Sequence[str]) -> User:
        """Make the account, unless there is one under a form of its email.

        The invite is used first, for an account id that is written down with it, and the account is made under exactly
        that id. If the second step fails, the invite is used by an account that is not there: a retry finds that and
        goes on with the same id (`_is_half_used`). As an id exists once, no race gets two accounts out of one invite.
        """
        self._passwords.check(password, email, name)
        hashed = await self._passwords.hash(password)
        if await find_login(self._storage, forms) is not None:
            raise _taken()  # before the invite is used
        role = "member" if invite is None else invite.role
        user_id = await self._user_id_for(invite)
        user = User(id=user_id, name=name, email=email, role=role, created_at=self._clock())
        try:
            return await self._storage.create_login(Login(user=user, password_hash=hashed))
        except Conflict as error:
            raise _taken() from error

    async def _user_id_for(self, invite: Invite | None) -> str:
        if invite is None:
            return new_id()
        if invite.used_by is not None:
            return invite.used_by
        user_id = new_id()
        if not await self._storage.use_invite(invite.id, user_id, self._clock()):
            raise _no_good()
        return user_id

    async def _reset(self, invite: Invite, user_id: str, forms: Collection[str], password: str) -> User:
        """Set the password of the account that a reset code is for, and end its sessions.

        The code is used before the password is set: used twice at once, it must not set two. Should the store fail just
        between the two, the old password still stands, and an admin gives another code.
        """
        try:
            user = (await self._storage.get_login(user_id)).user
        except NotFound:
            raise _no_good() from None
        if user.email not in forms or user.disabled:
            raise _no_good()
        self._passwords.check(password, user.email, user.name)
        hashed = await self._passwords.hash(password)
        if not await self._storage.use_invite(invite.id, user_id, self._clock()):
            raise _no_good()
        await self._storage.set_password_hash(user_id, hashed)
        await self._sessions.end(user_id)
        return user

    async def _rehash(self, login: Login, password: str) -> None:
        """Store the password anew if it is stored in a weaker way than now."""
        if login.password_hash is None or not self._passwords.needs_rehash(login.password_hash):
            return
        try:
            hashed = await self._passwords.hash(password)
        except LimitReached:
            return  # at a quieter time, then
        if (await self._storage.get_login(login.user.id)).password_hash == login.password_hash:  # nobody changed it
            await self._storage.set_password_hash(login.user.id, hashed)

    async def _check_again(self, signed_in: SignedIn, password: str, before: Login) -> None:
        """Take a session back if the account was shut or its password changed while the old one was being verified.

        Whoever changes that ends all sessions; one that begins a moment later must not be left over.
        """
        is_good = False
        try:
            now = await self._storage.get_login(signed_in.user.id)
            is_same = now.password_hash == before.password_hash
            is_good = not now.user.disabled and (is_same or await self._passwords.verify(password, now.password_hash))
        finally:
            if not is_good:
                await self._sessions.end(signed_in.user.id, only=signed_in.session_id)
        if not is_good:
            raise BadCredentials()


def _tell(event: str, signed_in: SignedIn) -> None:
    _log.info(event, extra={"user_id": signed_in.user.id, "session_id": signed_in.session_id})


def _by_invitation() -> PermissionDenied:
    return PermissionDenied("Ask an admin for an invite.", title="Sign-up is by invitation here")


def _closed() -> PermissionDenied:
    return PermissionDenied("Ask an admin for an account.", title="Sign-up is closed here")


def _no_good() -> PermissionDenied:
    return PermissionDenied("Ask an admin for a new one.", title="That code is not valid or has expired")


def _taken() -> Conflict:
    return Conflict("Sign in, or ask an admin to reset the password.", title="That email already has an account")
