"""`SqliteAccounts`: the promises of `storage.accounts` on the two lanes; a part of `SqliteStorage`."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime
from typing import Concatenate, ParamSpec, TypeVar

from argus_core.domain import Invite, Page, Session, User
from argus_core.storage.accounts import (
    Amounts,
    Caps,
    DayUsage,
    Hold,
    Login,
    Presence,
    Rate,
    StoredSession,
    Taken,
    UserChange,
)
from argus_core.storage.paging import check_limit
from argus_core.storage.sqlite import accounts, invites, limits, presence, sessions

P = ParamSpec("P")
T = TypeVar("T")


class SqliteAccounts(ABC):
    """Accounts, sessions, invites, limits and presence."""

    _clock: Callable[[], datetime]

    @abstractmethod
    async def _read(self, job: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a job that only reads."""

    @abstractmethod
    async def _write(
        self, job: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a job that writes."""

    @abstractmethod
    async def _note(self, job: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a job that writes what a loss of power may take back."""

    # Accounts

    async def create_login(self, login: Login) -> User:
        """Store a new user with an email."""
        return await self._write(accounts.create, login)

    async def find_login(self, email: str) -> Login | None:
        """Return who has exactly this email."""
        return await self._read(accounts.find, email)

    async def get_login(self, user_id: str) -> Login:
        """Return the user's, or raise `NotFound`."""
        return await self._read(accounts.get, user_id)

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        """Set it, or raise `NotFound`."""
        await self._write(accounts.set_password_hash, user_id, password_hash)

    async def update_user(self, user_id: str, change: UserChange) -> User:
        """Set fields and return the result, or raise `NotFound`."""
        return await self._write(accounts.update, user_id, change)

    async def list_users(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        """Return users that have an email, by that email."""
        check_limit(limit, 500)
        return await self._read(accounts.list_page, limit, cursor)

    async def count_admins(self) -> int:
        """Return how many admins there are who are not disabled."""
        return await self._read(accounts.count_admins)

    # Sessions

    async def create_session(self, stored: StoredSession) -> None:
        """Store a new one."""
        await self._write(sessions.create, stored)

    async def find_session(self, session_id: str) -> StoredSession | None:
        """Return it, ended ones too."""
        return await self._read(sessions.find, session_id)

    async def advance_session(self, session_id: str, generation: int, at: datetime) -> bool:
        """Raise the session's generation by one, if it still is that one."""
        return await self._write(sessions.advance, session_id, generation, at)

    async def list_sessions(self, user_id: str) -> list[Session]:
        """Return the user's sessions that have not ended, the one seen last first."""
        return await self._read(sessions.list_open, user_id)

    async def end_sessions(self, user_id: str, at: datetime, *, only: str | None = None, but: str | None = None) -> int:
        """End sessions of the user; return how many."""
        return await self._write(sessions.end, user_id, at, only, but)

    async def find_open_sessions(self, session_ids: Collection[str]) -> set[str]:
        """Return which of these sessions have not ended."""
        return await self._read(sessions.find_open, session_ids) if session_ids else set()

    async def purge_sessions(self, before: datetime) -> int:
        """Remove sessions that ended, or were seen last, before then."""
        return await self._write(sessions.purge, before)

    # Invites

    async def create_invite(self, invite: Invite, code_digest: str) -> None:
        """Store a new one under the digest of its code."""
        await self._write(invites.create, invite, code_digest)

    async def find_invite(self, code_digest: str) -> Invite | None:
        """Return the invite with this code, used ones too."""
        return await self._read(invites.find, code_digest)

    async def use_invite(self, invite_id: str, user_id: str, at: datetime) -> bool:
        """Mark it used by that user, if it can be."""
        return await self._write(invites.use, invite_id, user_id, at)

    async def list_invites(self, *, limit: int = 100) -> list[Invite]:
        """Return the newest, used and expired ones too."""
        check_limit(limit, 1000)
        return await self._read(invites.list_newest, limit)

    async def delete_invite(self, invite_id: str) -> None:
        """Remove it."""
        await self._write(invites.delete, invite_id)

    # Limits

    async def take_from_bucket(self, key: str, rate: Rate, cost: int = 1) -> Taken:
        """Take from the bucket by the clock of this machine; with a cost of 0 only look."""
        lane = self._note if cost else self._read
        return await lane(limits.take, key, rate, cost, self._clock)

    async def reserve(self, hold: Hold, caps: Caps) -> bool:
        """Set amounts aside if they stay within the caps."""
        return await self._write(limits.reserve, hold, caps)

    async def settle(self, user_id: str, day: date, generation_id: str, used: Amounts) -> bool:
        """Turn a hold into what was used, once."""
        return await self._write(limits.settle, user_id, day, generation_id, used)

    async def get_day(self, user_id: str, day: date) -> DayUsage:
        """Return the user's day."""
        return await self._read(limits.get_day, user_id, day)

    async def list_holds(self, before: datetime, limit: int = 100) -> list[Hold]:
        """Return holds made before then, the oldest first."""
        check_limit(limit, 1000)
        return await self._read(limits.list_holds, before, limit)

    async def purge_usage(self, before: date) -> int:
        """Remove days before that one that hold nothing, and buckets that are full."""
        return await self._write(limits.purge, before, self._clock)

    # Presence

    async def note_presence(self, clients: Sequence[Presence]) -> None:
        """Remember what these clients show now."""
        if clients:
            await self._note(presence.note, clients, self._clock())

    async def list_presence(self, user_ids: Collection[str], since: datetime) -> list[Presence]:
        """Return the clients of these users that were noted at or after then."""
        return await self._read(presence.list_of, user_ids, since) if user_ids else []

    async def forget_presence(self, client_ids: Collection[str]) -> None:
        """Forget clients that have left."""
        if client_ids:
            await self._note(presence.forget, client_ids)
