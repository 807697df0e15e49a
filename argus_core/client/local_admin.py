"""Role `AdminRole` in this process: for admins what `Administration` does, for everybody else a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from argus_core.domain import LOCAL_USER_ID, Invite, NewInvite, Page, RoleLimits, User, UserRole
from argus_core.errors import NotFound, PermissionDenied
from argus_core.limits import Limits

if TYPE_CHECKING:
    from argus_core.auth.administration import Administration


class LocalAdmin:
    """What an admin may do.

    Args:
        administration: None for whoever is no admin.
        limits: What each role may use.
    """

    def __init__(self, administration: Administration | None, limits: Limits) -> None:
        self._granted = administration
        self._limits = limits

    @property
    def _administration(self) -> Administration:
        if self._granted is None:
            raise PermissionDenied("Only an admin may do that; ask one of yours.")
        return self._granted

    async def users(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        """Return all accounts by their email."""
        return await self._administration.users(limit=limit, cursor=cursor)

    async def create_user(self, email: str, name: str, *, role: UserRole = "member", password: str = "") -> User:
        """Make an account."""
        return await self._administration.create_user(email, name, role=role, password=password)

    async def adopt_local(self, email: str, name: str, *, role: UserRole, password: str = "") -> User:
        """Give what was asked on one machine without an account to a new one: for the operator of a store.

        Raises:
            Conflict: The email is taken, or it was given to an account before.
            InvalidInput: The email, the name or the password cannot be used.
            NotFound: Nothing was ever asked so in this store.
        """
        try:
            return await self._administration.adopt(LOCAL_USER_ID, email, name, role=role, password=password)
        except NotFound as error:
            raise NotFound("Leave out --with-local.", title="Nothing was asked here without an account") from error

    async def set_role(self, user_id: str, role: UserRole) -> User:
        """Make an admin or a member."""
        return await self._administration.set_role(user_id, role)

    async def set_disabled(self, user_id: str, disabled: bool) -> User:
        """Shut or open the account."""
        return await self._administration.set_disabled(user_id, disabled)

    async def reset(self, user_id: str) -> NewInvite:
        """Return a code that sets a new password once."""
        return await self._administration.reset(user_id)

    async def end_sessions(self, user_id: str) -> int:
        """Sign that user out everywhere."""
        return await self._administration.end_sessions(user_id)

    async def invites(self) -> Sequence[Invite]:
        """Return the newest invites."""
        return await self._administration.invites()

    async def create_invite(self, *, role: UserRole = "member", email: str = "") -> NewInvite:
        """Make an invite for one new account."""
        return await self._administration.create_invite(role=role, email=email)

    async def delete_invite(self, invite_id: str) -> None:
        """Take it back."""
        await self._administration.delete_invite(invite_id)

    async def limits(self) -> Sequence[RoleLimits]:
        """Return what each role may use."""
        _ = self._administration
        return [self._limits.of(role) for role in get_args(UserRole)]
