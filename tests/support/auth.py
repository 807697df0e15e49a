"""What tests of accounts stand on: a clock that is moved by hand, a hasher that counts, an `Auth` over memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from argus_core.auth.passwords import Passwords
from argus_core.auth.service import Auth, Origin
from argus_core.auth.tokens import Tokens
from argus_core.domain import SignedIn, SignUpPolicy, UserRole
from argus_core.settings import Secret
from tests.support.account_memory import AccountMemory

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

    def __init__(self, cost: int = 4) -> None:
        super().__init__(cost)
        self.hashed = 0
        self.verified: list[str | None] = []
        """What was stored of each password that was verified."""
        self.after_verify: Callable[[], Awaitable[None]] = _nothing

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


class Team:
    """A server's accounts, in memory."""

    def __init__(self, signup: SignUpPolicy = "open", *, keys: Sequence[Secret] = (KEY,), cost: int = 4) -> None:
        self.clock = Clock()
        self.memory = AccountMemory()
        self.storage = self.memory.as_storage()
        self.passwords = CountedPasswords(cost)
        self.tokens = Tokens(keys, clock=self.clock)
        self.auth = Auth(self.storage, self.passwords, self.tokens, signup=signup, clock=self.clock)
        self.admin = self.auth.administration(None)

    def replica(self) -> Auth:
        """Return what another process has: the same store and keys, a cache of its own."""
        return Auth(self.storage, self.passwords, self.tokens, signup=self.auth.signup, clock=self.clock)

    async def add(self, email: str = EMAIL, *, role: UserRole = "member", password: str = PASSWORD) -> str:
        """Make an account and return its id."""
        return (await self.admin.create_user(email, "Sara", role=role, password=password)).id

    async def sign_in(self, origin: Origin = HERE, *, email: str = EMAIL, password: str = PASSWORD) -> SignedIn:
        return await self.auth.sign_in(email, password, origin)

    def go(self, **span: float) -> None:
        """Let time pass, also for the store."""
        self.clock.go(**span)
        self.memory.now_s += timedelta(**span).total_seconds()
