"""Sessions: begun at sign-in, carried on by refresh tokens, looked up at each request, ended at once.

A session row is the truth, tokens only point to it (docs/adr/0013).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from argus_core.auth.tokens import ACCESS_LIFETIME, Generation, Tokens
from argus_core.domain import Session, SignedIn, User
from argus_core.errors import NotAuthenticated, NotFound
from argus_core.ids import new_id, utc_now
from argus_core.storage.accounts import AccountStorage, StoredSession
from argus_core.text.clean import clean_line

IDLE = timedelta(days=30)
"""A session that is not refreshed for so long is over."""
AGE = timedelta(days=90)
"""No session is older."""
GRACE = timedelta(seconds=10)
"""How long an answer that was lost on the line can be asked for again."""
CACHE_S = 1.0
CACHE_SIZE = 10_000
MAX_CLIENT = 80
MAX_ADDRESS = 80
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a sign-in comes from."""

    address: str = ""
    """The network address."""
    client: str = ""
    """What the client calls itself."""
    device_token: str = field(default="", repr=False)
    """What the client kept of an earlier sign-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks, and by which session."""

    user: User
    session_id: str


class Sessions:
    """The sessions of all users.

    Args:
        storage: Keeps them.
        tokens: Point to them.
        most: How many one user may have; None for any number.
        clock: Tells the time.
        ticks: Tells seconds that never jump, for the cache.
    """

    def __init__(
        self,
        storage: AccountStorage,
        tokens: Tokens,
        *,
        most: int | None = None,
        clock: Callable[[], datetime] = utc_now,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._storage = storage
        self._tokens = tokens
        self._most = most
        self._clock = clock
        self._ticks = ticks
        self._seen: dict[str, tuple[float, Identity | None]] = {}
        """What was read of sessions lately, and when that reading began; the oldest first."""
        self._forgotten = 0

    async def begin(self, user: User, origin: Origin) -> SignedIn:
        """Make a new session of a user who has proved who they are."""
        now = self._clock()
        session = Session(
            id=new_id(),
            user_id=user.id,
            created_at=now,
            seen_at=now,
            client=clean_line(origin.client, MAX_CLIENT),
            address=clean_line(origin.address, MAX_ADDRESS),
        )
        await self._storage.create_session(StoredSession(session=session, refreshed_at=now))
        await self._end_oldest(user.id, session.id)
        return self._signed_in(user, Generation(session.id, 0), now, origin)

    async def _end_oldest(self, user_id: str, new_id: str) -> None:
        """End the sessions that were not seen for longest where there are too many; never the new one."""
        if self._most is None:
            return
        others = [each.id for each in await self._storage.list_sessions(user_id) if each.id != new_id]
        for session_id in others[self._most - 1 :]:
            await self.end(user_id, only=session_id)
            _log.info("session ended for a newer one", extra={"user_id": user_id, "session_id": session_id})

    async def refresh(self, refresh_token: str, origin: Origin) -> SignedIn:
        """Exchange a refresh token for the next pair; of many at once one moves the session on, and all get that pair.

        Raises:
            NotAuthenticated: The token is not genuine, the session is over, or the token was used before: then somebody
                else has it too, and the session ends.
        """
        asked = self._tokens.read_refresh(refresh_token)
        stored, user = await self._get_live(asked.session_id)
        now = self._clock()
        if asked.number == stored.generation:
            if await self._storage.advance_session(asked.session_id, asked.number, now):
                return self._signed_in(user, Generation(asked.session_id, asked.number + 1), now, origin)
            stored, user = await self._get_live(asked.session_id)  # somebody was faster
        if asked.number + 1 == stored.generation and now - stored.refreshed_at <= GRACE:
            return self._signed_in(user, Generation(asked.session_id, stored.generation), stored.refreshed_at, origin)
        await self.end(user.id, only=asked.session_id)
        _log.warning("refresh token used twice", extra={"user_id": user.id, "session_id": asked.session_id})
        raise _over()

    async def find(self, session_id: str) -> Identity | None:
        """Return whose session it is if it goes on; what another process did shows after a second at the most."""
        began = self._ticks()
        read_at, identity = self._seen.get(session_id, (None, None))
        if read_at is not None and began - read_at <= CACHE_S:
            return identity
        forgotten = self._forgotten
        try:
            identity = Identity(user=(await self._get_live(session_id))[1], session_id=session_id)
        except NotAuthenticated:
            identity = None
        if forgotten == self._forgotten:  # else it may have been read before it was changed
            self._keep(session_id, began, identity)
        return identity

    async def list(self, user_id: str, current: str) -> list[Session]:
        """Return the user's that go on, the one seen last first; the current one is marked."""
        now = self._clock()
        listed = await self._storage.list_sessions(user_id)
        return [replace(each, current=each.id == current) for each in listed if _goes_on(each, now)]

    async def end(self, user_id: str, *, only: str | None = None, but: str | None = None) -> int:
        """End sessions of the user, at once in this process; return how many.

        Args:
            user_id: Whose.
            only: The one to end; None for all.
            but: One that goes on.
        """
        count = await self._storage.end_sessions(user_id, self._clock(), only=only, but=but)
        self.forget(user_id)
        return count

    def forget(self, user_id: str) -> None:
        """Read the user and their sessions anew from now on: they have changed."""
        self._forgotten += 1
        for session_id, (_, identity) in list(self._seen.items()):
            if identity is not None and identity.user.id == user_id:
                del self._seen[session_id]

    def _keep(self, session_id: str, read_at: float, identity: Identity | None) -> None:
        self._seen.pop(session_id, None)
        self._seen[session_id] = read_at, identity
        if len(self._seen) > CACHE_SIZE:
            del self._seen[next(iter(self._seen))]

    async def _get_live(self, session_id: str) -> tuple[StoredSession, User]:
        """Return a session that goes on and its user, or raise `NotAuthenticated`."""
        stored = await self._storage.find_session(session_id)
        if stored is None or not _goes_on(stored.session, self._clock()):
            raise _over()
        try:
            user = (await self._storage.get_login(stored.session.user_id)).user
        except NotFound:
            raise _over() from None
        if user.disabled:
            raise _over()
        return stored, user

    def _signed_in(self, user: User, generation: Generation, at: datetime, origin: Origin) -> SignedIn:
        """Return the tokens of a generation that was made at `at`: always the same ones."""
        # A client that is known already stays the device it was; a new one gets the name of its first session.
        device_id = self._tokens.find_device(origin.device_token, user.id) or generation.session_id
        left = ACCESS_LIFETIME - max(self._clock() - at, timedelta())
        return SignedIn(
            user=user,
            session_id=generation.session_id,
            access_token=self._tokens.access(user.id, generation, at),
            refresh_token=self._tokens.refresh(generation),
            device_token=self._tokens.device(user.id, device_id),
            expires_in_s=int(left.total_seconds()),
        )


def _goes_on(session: Session, now: datetime) -> bool:
    return session.ended_at is None and now - session.seen_at <= IDLE and now - session.created_at <= AGE


def _over() -> NotAuthenticated:
    return NotAuthenticated("Sign in again: `argus login`.")
