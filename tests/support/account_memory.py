"""Accounts, sessions, invites and buckets in memory: can fail at a chosen call, and says what it was asked."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import cast

from argus_core.domain import Invite, Page, Session, User
from argus_core.errors import Conflict, NotFound, StorageUnavailable
from argus_core.storage.accounts import AccountStorage, Login, Rate, StoredSession, Taken, UserChange


class AccountMemory:
    """The part of `AccountStorage` that `auth` needs; `as_storage()` is what services take."""

    def __init__(self) -> None:
        self.logins: dict[str, Login] = {}
        self.stored: dict[str, StoredSession] = {}
        self.codes: dict[str, Invite] = {}
        self.buckets: dict[str, float] = {}
        """Seconds at which each bucket is full again."""
        self.now_s = 0.0
        """The storage's own clock."""
        self.asked: Counter[str] = Counter()
        self.fail_at = ""
        """The method whose next call finds the store away."""

    def as_storage(self) -> AccountStorage:
        return cast(AccountStorage, self)

    async def _enter(self, method: str) -> None:
        self.asked[method] += 1
        await asyncio.sleep(0)  # others get their turn, as with a real store
        if self.fail_at == method:
            self.fail_at = ""
            raise StorageUnavailable("Away.")

    async def create_login(self, login: Login) -> User:
        await self._enter("create_login")
        taken = {each.user.email for each in self.logins.values()}
        if login.user.id in self.logins or login.user.email in taken:
            raise Conflict
        self.logins[login.user.id] = login
        return login.user

    async def find_login(self, email: str) -> Login | None:
        await self._enter("find_login")
        return next((each for each in self.logins.values() if each.user.email == email), None)

    async def get_login(self, user_id: str) -> Login:
        await self._enter("get_login")
        return self._login(user_id)

    def _login(self, user_id: str) -> Login:
        if user_id not in self.logins:
            raise NotFound
        return self.logins[user_id]

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        await self._enter("set_password_hash")
        self.logins[user_id] = replace(self._login(user_id), password_hash=password_hash)

    async def update_user(self, user_id: str, change: UserChange) -> User:
        await self._enter("update_user")
        login = self._login(user_id)
        user = login.user
        user = replace(
            user,
            name=user.name if change.name is None else change.name,
            role=change.role or user.role,
            disabled=user.disabled if change.disabled is None else change.disabled,
        )
        self.logins[user_id] = replace(login, user=user)
        return user

    async def list_users(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        await self._enter("list_users")
        return Page(tuple(sorted((each.user for each in self.logins.values()), key=lambda user: user.email)[:limit]))

    async def count_admins(self) -> int:
        await self._enter("count_admins")
        return sum(each.user.role == "admin" and not each.user.disabled for each in self.logins.values())

    async def create_session(self, stored: StoredSession) -> None:
        await self._enter("create_session")
        self.stored[stored.session.id] = stored

    async def find_session(self, session_id: str) -> StoredSession | None:
        await self._enter("find_session")
        return self.stored.get(session_id)

    async def advance_session(self, session_id: str, generation: int, at: datetime) -> bool:
        await self._enter("advance_session")
        stored = self.stored.get(session_id)
        if stored is None or stored.generation != generation or stored.session.ended_at is not None:
            return False
        session = replace(stored.session, seen_at=at)
        self.stored[session_id] = StoredSession(session=session, generation=generation + 1, refreshed_at=at)
        return True

    async def list_sessions(self, user_id: str) -> list[Session]:
        await self._enter("list_sessions")
        theirs = [each.session for each in self.stored.values() if each.session.user_id == user_id]
        return sorted((each for each in theirs if each.ended_at is None), key=lambda each: each.seen_at, reverse=True)

    async def end_sessions(self, user_id: str, at: datetime, *, only: str | None = None, but: str | None = None) -> int:
        await self._enter("end_sessions")
        ending = [
            each
            for each in self.stored.values()
            if each.session.user_id == user_id
            and each.session.ended_at is None
            and only in (None, each.session.id)
            and each.session.id != but
        ]
        for each in ending:
            self.stored[each.session.id] = replace(each, session=replace(each.session, ended_at=at))
        return len(ending)

    async def create_invite(self, invite: Invite, code_digest: str) -> None:
        await self._enter("create_invite")
        self.codes[code_digest] = invite

    async def find_invite(self, code_digest: str) -> Invite | None:
        await self._enter("find_invite")
        return self.codes.get(code_digest)

    async def use_invite(self, invite_id: str, user_id: str, at: datetime) -> bool:
        await self._enter("use_invite")
        for digest, invite in self.codes.items():
            if invite.id == invite_id and invite.used_at is None and invite.expires_at > at:
                self.codes[digest] = replace(invite, used_at=at, used_by=user_id)
                return True
        return False

    async def list_invites(self, *, limit: int = 100) -> list[Invite]:
        await self._enter("list_invites")
        return sorted(self.codes.values(), key=lambda invite: invite.created_at, reverse=True)[:limit]

    async def delete_invite(self, invite_id: str) -> None:
        await self._enter("delete_invite")
        self.codes = {digest: invite for digest, invite in self.codes.items() if invite.id != invite_id}

    async def take_from_bucket(self, key: str, rate: Rate, cost: int = 1) -> Taken:
        await self._enter("take_from_bucket")
        full_at = max(self.buckets.get(key, 0.0), self.now_s)
        wait_s = full_at + (cost - rate.burst) / rate.per_s - self.now_s
        allowed = wait_s <= 1e-9
        if allowed and cost:
            full_at = self.buckets[key] = full_at + cost / rate.per_s
        left = int(rate.burst - (full_at - self.now_s) * rate.per_s + 1e-9)
        return Taken(allowed=allowed, left=left, wait_s=max(0.0, wait_s), full_in_s=full_at - self.now_s)
