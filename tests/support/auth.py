"""What tests of accounts stand on: a clock moved by hand, a hasher that counts, a store that is watched, an `Auth`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from argus_core.auth.passwords import Passwords
from argus_core.auth.service import Auth, Origin
from argus_core.auth.tokens import Tokens
from argus_core.domain import Session, SignedIn, User, UserRole
from argus_core.errors import StorageUnavailable
from argus_core.settings import Secret
from argus_core.storage.accounts import FullStorage
from argus_core.storage.sqlite import SqliteStorage

KEY = Secret("Yq3vB8-nTz0kLr5wXc7dFh2jMs9pGu4aEoRiVbKxQyZl")
OLDER_KEY = Secret("p7Wm1tHc-Jx4sNe8rKv2bQd6yLf0aZg9uToPiXkRwSnM")
PASSWORD = "rain on a tin roof"
EMAIL = "sara@example.org"
HERE = Origin(address="192.0.2.7", client="argus on laptop")


class Clock:
    """The time, as a function; it goes only when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 25, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def go(self, **span: float) -> None:
        self.now += timedelta(**span)


async def _nothing() -> None:
    pass


class CountedPasswords(Passwords):
    """Cheap hashes, counted; something can happen just after one was verified."""

    def __init__(self, cost: int) -> None:
        super().__init__(cost)
        self.hashed = 0
        self.verified: list[str | None] = []
        """What was stored of each password that was verified."""
        self.after_verify: Callable[[], Awaitable[object]] = _nothing

    @property
    def worked(self) -> int:
        return self.hashed + len(self.verified)

    async def hash(self, password: str) -> str:
        self.hashed += 1
        return await super().hash(password)

    async def verify(self, password: str, stored: str | None) -> bool:
        self.verified.append(stored)
        result = await super().verify(password, stored)
        after, self.after_verify = self.after_verify, _nothing
        await after()
        return result


class WatchedStorage:
    """A real store that remembers what it was asked, and can be away for one call."""

    def __init__(self, storage: SqliteStorage) -> None:
        self._storage = storage
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        """The name and the arguments of each."""
        self.fail_at = ""
        """The method whose next call finds the store away."""

    def count(self, name: str) -> int:
        return sum(called == name for called, _ in self.calls)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def watched(*args: object, **kwargs: object) -> object:
            self.calls.append((name, args))
            if self.fail_at == name:
                self.fail_at = ""
                raise StorageUnavailable("Away.")
            return await getattr(self._storage, name)(*args, **kwargs)

        return watched


class Team:
    """A server's accounts."""

    def __init__(self, storage: SqliteStorage, clock: Clock) -> None:
        self.clock = clock
        self.watched = WatchedStorage(storage)
        self.storage = cast(FullStorage, self.watched)
        self.passwords = CountedPasswords(cost=5)
        self.tokens = Tokens([KEY], clock=clock)
        self.auth = self.replica()
        self.admin = self.auth.administration(None)

    def replica(self, tokens: Tokens | None = None) -> Auth:
        """Return what another process has: the same store, a cache of its own, the same keys or others."""
        return Auth(self.storage, self.passwords, tokens or self.tokens, signup="open", clock=self.clock)

    async def add(self, email: str = EMAIL, *, role: UserRole = "member", password: str = PASSWORD) -> str:
        """Make an account and return its id."""
        return (await self.admin.create_user(email, "Sara", role=role, password=password)).id

    async def sign_in(self, origin: Origin = HERE, *, email: str = EMAIL, password: str = PASSWORD) -> SignedIn:
        return await self.auth.sign_in(email, password, origin)

    async def users(self) -> tuple[User, ...]:
        return (await self.storage.list_users()).items

    async def session(self, session_id: str) -> Session:
        stored = await self.storage.find_session(session_id)
        assert stored is not None
        return stored.session

    async def hash_of(self, user_id: str) -> str:
        return (await self.storage.get_login(user_id)).password_hash or ""

    async def weaken(self, user_id: str) -> None:
        """Store the password as a server with a lower cost would have."""
        weaker = Passwords(cost=4)
        await self.storage.set_password_hash(user_id, await weaker.hash(PASSWORD))
        weaker.close()


@asynccontextmanager
async def team_in(folder: Path) -> AsyncIterator[Team]:
    """Open a store in that folder for a team."""
    clock = Clock()
    storage = SqliteStorage(folder / "argus.db", clock=clock)
    await storage.open()
    team = Team(storage, clock)
    try:
        yield team
    finally:
        await team.auth.close()
        await storage.close()
