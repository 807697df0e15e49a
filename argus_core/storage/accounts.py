"""What every storage promises about accounts, limits and presence; the rules of `storage.base` hold here too.

`tests/contract/test_storage_accounts.py` runs on each driver. What is decided between processes is decided here, in one
atomic step each: who takes an email, who refreshes a session, who uses an invite, what is left in a bucket or a day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from argus_core.domain import Invite, Page, Session, User, UserRole
from argus_core.storage.base import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A user and what proves that it is them."""

    user: User
    """`user.email` is folded already (`auth.emails`): equal text is the same account."""
    password_hash: str | None = field(repr=False)
    """With its scheme in front; None until a password is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """The fields of a user to set; None leaves a field as it is."""

    name: str | None = None
    email: str | None = None
    """Folded already."""
    role: UserRole | None = None
    disabled: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session, and how often its refresh token was exchanged."""

    session: Session
    generation: int = 0
    """The number of the refresh token that is valid now."""
    refreshed_at: datetime
    """When that token was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A bucket that holds `burst` requests and fills up again at `per_s` a second (GCRA)."""

    burst: int
    per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of taking from a bucket."""

    allowed: bool
    left: int
    """Whole requests that may follow at once."""
    wait_s: float
    """Seconds until a request would be allowed; 0 when one is now."""
    full_in_s: float
    """Seconds until the bucket is full again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What answers take; as a cap, None stands for no cap."""

    requests: int = 0
    tokens: int = 0
    micro_usd: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The most that may be used and held in a day; None for any amount."""

    requests: int | None = None
    tokens: int | None = None
    micro_usd: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What is set aside for a generation that has begun, until it is known what it took."""

    user_id: str
    day: date
    """In UTC: the day it began; what it took is charged to that day."""
    generation_id: str
    amounts: Amounts
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DayUsage:
    """A user's day: what was used, and what is held by answers that run."""

    used: Amounts = Amounts()
    held: Amounts = Amounts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """A client that is open now, and what it shows."""

    client_id: str
    """Made up by the client for as long as it runs."""
    user_id: str
    client: str
    conversation_id: str | None
    seen_at: datetime


class AccountStorage(Protocol):
    """Accounts, sessions, invites, limits and presence of all users."""

    # Accounts

    async def create_login(self, login: Login) -> User:
        """Store a new user with an email.

        Raises:
            Conflict: The id or the email is taken.
        """

    async def find_login(self, email: str) -> Login | None:
        """Return who has exactly this (folded) email."""

    async def get_login(self, user_id: str) -> Login:
        """Return the user's, with an empty email for the one of one machine, or raise `NotFound`."""

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        """Set it, or raise `NotFound`."""

    async def update_user(self, user_id: str, change: UserChange) -> User:
        """Set fields and return the result.

        Raises:
            Conflict: The email is somebody else's.
            NotFound: There is no such user.
        """

    async def list_users(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        """Return users that have an email, by that email.

        Args:
            limit: 1 to 500.
            cursor: `next_cursor` of the page before.
        """

    async def count_admins(self) -> int:
        """Return how many admins there are who are not disabled."""

    # Sessions

    async def create_session(self, stored: StoredSession) -> None:
        """Store a new one."""

    async def find_session(self, session_id: str) -> StoredSession | None:
        """Return it, ended ones too."""

    async def advance_session(self, session_id: str, generation: int, at: datetime) -> bool:
        """Raise the session's generation by one and set `refreshed_at` and `seen_at`; one of many callers succeeds.

        Returns:
            False when its generation is another one, or it has ended.
        """

    async def list_sessions(self, user_id: str) -> list[Session]:
        """Return the user's sessions that have not ended, the one seen last first."""

    async def end_sessions(self, user_id: str, at: datetime, *, only: str | None = None, but: str | None = None) -> int:
        """End sessions of the user that have not ended; return how many.

        Args:
            user_id: Whose.
            at: When.
            only: The one session to end; None for all.
            but: A session that goes on.
        """

    async def find_open_sessions(self, session_ids: Collection[str]) -> set[str]:
        """Return which of these sessions have not ended; one call for all streams of a process."""

    async def purge_sessions(self, before: datetime) -> int:
        """Remove sessions that ended, or were seen last, before then; return how many."""

    # Invites

    async def create_invite(self, invite: Invite, code_digest: str) -> None:
        """Store a new one under the SHA-256 of its code."""

    async def find_invite(self, code_digest: str) -> Invite | None:
        """Return the invite with this code, used ones too."""

    async def use_invite(self, invite_id: str, user_id: str, at: datetime) -> bool:
        """Mark it used by that user; False when it was used before or has expired at `at`: one of many succeeds."""

    async def list_invites(self, *, limit: int = 100) -> list[Invite]:
        """Return the newest, used and expired ones too."""

    async def delete_invite(self, invite_id: str) -> None:
        """Remove it; idempotent."""

    # Limits

    async def take_from_bucket(self, key: str, rate: Rate, cost: int = 1) -> Taken:
        """Take `cost` from the bucket `key` if it holds that much; with a cost of 0 only look.

        The clock is the storage's own, so that processes whose clocks differ share one bucket.
        """

    async def reserve(self, hold: Hold, caps: Caps) -> bool:
        """Set aside `hold.amounts` if used + held + that stays within the caps; the same generation holds once.

        Returns:
            False when a cap would be passed; nothing is held then.
        """

    async def settle(self, user_id: str, day: date, generation_id: str, used: Amounts) -> bool:
        """Turn a hold into what was used; False when there is none (any more), so that nothing is charged twice."""

    async def get_day(self, user_id: str, day: date) -> DayUsage:
        """Return the user's day; empty when nothing was used."""

    async def list_holds(self, before: datetime, limit: int = 100) -> list[Hold]:
        """Return holds made before then, the oldest first."""

    async def purge_usage(self, before: date) -> int:
        """Remove days before that one that hold nothing, and buckets that are full; return how many days went."""

    # Presence

    async def note_presence(self, clients: Sequence[Presence]) -> None:
        """Remember what these clients show now, in place of what they showed before."""

    async def list_presence(self, user_ids: Collection[str], since: datetime) -> list[Presence]:
        """Return the clients of these users that were noted at or after then."""

    async def forget_presence(self, client_ids: Collection[str]) -> None:
        """Forget clients that have left; idempotent. Those not noted for an hour are forgotten by themselves."""


class FullStorage(Storage, AccountStorage, Protocol):
    """What every driver is: conversations and accounts in one store."""
