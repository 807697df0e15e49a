"""Looking after users and invites: what `AdminRole` offers, for an admin and for the server's own command line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from argus_core.auth.emails import fold_email, stored_forms
from argus_core.auth.invites import LIFETIME, digest_code, new_code
from argus_core.auth.logins import find_login
from argus_core.auth.names import checked_name
from argus_core.auth.passwords import Passwords
from argus_core.domain import Invite, NewInvite, Page, User, UserRole
from argus_core.errors import Conflict, InvalidInput
from argus_core.ids import new_id, utc_now
from argus_core.storage.accounts import AccountStorage, Login, UserChange

MOST_INVITES = 1000
"""Among so many of the newest, codes of a reset are looked for when another one makes them void."""
_log = logging.getLogger(__name__)


class Administration:
    """What admins may do; whoever gets one of these is one.

    Args:
        storage: Keeps accounts and invites.
        passwords: Hashes.
        by: The admin's user id; None for the server's own command line.
        on_changed: Told the id of each user that was changed: `Auth.forget`.
        clock: Tells the time.
    """

    def __init__(
        self,
        storage: AccountStorage,
        passwords: Passwords,
        *,
        by: str | None,
        on_changed: Callable[[str], None] = lambda user_id: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._storage = storage
        self._passwords = passwords
        self._by = by
        self._on_changed = on_changed
        self._clock = clock

    async def users(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        """Return all accounts by their email."""
        return await self._storage.list_users(limit=limit, cursor=cursor)

    async def create_user(self, email: str, name: str, *, role: UserRole = "member", password: str = "") -> User:
        """Make an account; without a password nobody can sign in to it until `reset` has given out a code.

        Raises:
            Conflict: The email is taken.
            InvalidInput: The email, the name or the password cannot be used.
        """
        user = User(id=new_id(), name=checked_name(name), email=fold_email(email), role=role, created_at=self._clock())
        hashed = await self._hashed(password, user.email, user.name)
        await self._require_free(email)
        with _email_is_taken():
            created = await self._storage.create_login(Login(user=user, password_hash=hashed))
        self._tell("user created", created.id, role=role)
        return created

    async def adopt(self, user_id: str, email: str, name: str, *, role: UserRole, password: str = "") -> User:
        """Give a user without an email, that of one machine, what an account has; all that is theirs stays so.

        Raises:
            Conflict: The email is taken, or the user has one.
            InvalidInput: The email, the name or the password cannot be used.
            NotFound: There is no such user.
        """
        folded, name = fold_email(email), checked_name(name)
        hashed = await self._hashed(password, folded, name)
        if (await self._storage.get_login(user_id)).user.email:
            raise Conflict("`argus admin list` shows it.", title="It belongs to an account already")
        await self._require_free(email)
        with _email_is_taken():
            changed = await self._storage.update_user(user_id, UserChange(email=folded, name=name, role=role))
        if hashed is not None:
            await self._storage.set_password_hash(user_id, hashed)
        self._on_changed(user_id)
        self._tell("user adopted", user_id, role=role)
        return changed

    async def set_role(self, user_id: str, role: UserRole) -> User:
        """Make an admin or a member; the last admin stays one (`Conflict`)."""
        return await self._change(user_id, UserChange(role=role))

    async def set_disabled(self, user_id: str, disabled: bool) -> User:
        """Shut or open the account; shutting ends its sessions. The last admin stays (`Conflict`)."""
        user = await self._change(user_id, UserChange(disabled=disabled))
        if disabled:
            await self._end_sessions(user_id)
        return user

    async def reset(self, user_id: str) -> NewInvite:
        """End the user's sessions and return a code that sets a new password once; codes before it are void.

        Raises:
            InvalidInput: The user has no email to sign in with.
            NotFound: There is no such user.
        """
        user = (await self._storage.get_login(user_id)).user
        if not user.email:
            raise InvalidInput("It is the user of one machine.", title="That user does not sign in")
        for invite in await self._storage.list_invites(limit=MOST_INVITES):
            if invite.user_id == user_id and invite.used_at is None:
                await self._storage.delete_invite(invite.id)
        await self._end_sessions(user_id)
        return await self._invite(role=user.role, email=user.email, user_id=user_id)

    async def end_sessions(self, user_id: str) -> int:
        """Sign that user out everywhere; return from how many clients.

        Raises:
            NotFound: There is no such user.
        """
        await self._storage.get_login(user_id)
        return await self._end_sessions(user_id)

    async def invites(self) -> list[Invite]:
        """Return the newest invites, used and expired ones too."""
        return await self._storage.list_invites()

    async def create_invite(self, *, role: UserRole = "member", email: str = "") -> NewInvite:
        """Make an invite for one new account, good for seven days.

        Raises:
            Conflict: Who has that email has an account.
            InvalidInput: That is no email.
        """
        folded = fold_email(email) if email else ""
        if folded and await find_login(self._storage, stored_forms(email)) is not None:
            raise Conflict("`argus admin reset` gives a new password.", title="That email already has an account")
        return await self._invite(role=role, email=folded)

    async def delete_invite(self, invite_id: str) -> None:
        """Take it back; idempotent."""
        await self._storage.delete_invite(invite_id)
        _log.info("invite deleted", extra={"invite_id": invite_id, "by": self._by})

    async def _require_free(self, email: str) -> None:
        """Raise `Conflict` if somebody is stored under an older form of the email; the store sees to the newest."""
        if await find_login(self._storage, stored_forms(email)) is not None:
            raise _taken()

    async def _hashed(self, password: str, email: str, name: str) -> str | None:
        if not password:
            return None
        self._passwords.check(password, email, name)
        return await self._passwords.hash(password)

    async def _change(self, user_id: str, change: UserChange) -> User:
        """Change a user, unless no admin would be left.

        Two admins who demote each other at the same moment both pass the first look, so there is a second one after it.
        """
        before = (await self._storage.get_login(user_id)).user
        loses_admin = _is_active_admin(before) and (change.role == "member" or change.disabled is True)
        if loses_admin and await self._storage.count_admins() <= 1:
            raise _last_admin()
        changed = await self._storage.update_user(user_id, change)
        if loses_admin and await self._storage.count_admins() == 0:
            await self._storage.update_user(user_id, UserChange(role=before.role, disabled=before.disabled))
            raise _last_admin()
        self._on_changed(user_id)
        self._tell("user changed", user_id, role=changed.role, disabled=changed.disabled)
        return changed

    async def _end_sessions(self, user_id: str) -> int:
        count = await self._storage.end_sessions(user_id, self._clock())
        self._on_changed(user_id)
        self._tell("sessions ended", user_id, count=count)
        return count

    async def _invite(self, *, role: UserRole, email: str, user_id: str | None = None) -> NewInvite:
        now, code = self._clock(), new_code()
        invite = Invite(
            id=new_id(),
            created_at=now,
            expires_at=now + LIFETIME,
            role=role,
            email=email,
            user_id=user_id,
            created_by=self._by,
        )
        await self._storage.create_invite(invite, digest_code(code))
        _log.info("invite made", extra={"invite_id": invite.id, "user_id": user_id, "role": role, "by": self._by})
        return NewInvite(invite=invite, code=code)

    def _tell(self, event: str, user_id: str, **more: object) -> None:
        _log.info(event, extra={"user_id": user_id, "by": self._by, **more})


@contextmanager
def _email_is_taken() -> Iterator[None]:
    try:
        yield
    except Conflict as error:
        raise _taken() from error


def _taken() -> Conflict:
    return Conflict("`argus admin list` shows it.", title="That email already has an account")


def _is_active_admin(user: User) -> bool:
    return user.role == "admin" and not user.disabled


def _last_admin() -> Conflict:
    return Conflict("Make somebody else an admin first.", title="That is the last admin")
