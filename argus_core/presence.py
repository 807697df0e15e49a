"""Who is open on an account now, and what they show: told to each other, forgotten when they leave.

Each process notes its own clients every few seconds and looks who else is there, in two calls for all of them together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from argus_core.domain import Watcher
from argus_core.errors import StorageError
from argus_core.ids import utc_now
from argus_core.storage.accounts import AccountStorage, Presence
from argus_core.tasks import Background, Grumble

BEAT_S = 4.0
GONE = timedelta(seconds=14)
"""Who was not noted for so long has left without a word."""
SOON_S = 0.2
MOST = 20
"""More watchers than that are not told of."""


@dataclass(eq=False, slots=True)
class _Listener:
    """One client of this process that wants to know."""

    presence: Presence
    told: tuple[Watcher, ...] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)


class PresenceBoard:
    """The clients of this process, and what others' processes say of theirs."""

    def __init__(self, storage: AccountStorage, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._storage = storage
        self._clock = clock
        self._listeners: dict[str, _Listener] = {}
        self._soon = asyncio.Event()
        self._background = Background()
        self._is_beating = False

    async def look_at(self, client_id: str, user_id: str, client: str, conversation_id: str | None) -> None:
        """Note what a client shows, whichever process holds its stream."""
        listener = self._listeners.get(client_id)
        if listener is not None:
            listener.presence = replace(listener.presence, conversation_id=conversation_id)
        now = Presence(
            client_id=client_id,
            user_id=user_id,
            client=client,
            conversation_id=conversation_id,
            seen_at=self._clock(),
        )
        await self._storage.note_presence([now])
        self._soon.set()

    async def watch(self, client_id: str, user_id: str, client: str) -> AsyncGenerator[Sequence[Watcher], None]:
        """Yield who else is open on the account: at once, then at each change; the client counts as open meanwhile."""
        presence = Presence(
            client_id=client_id, user_id=user_id, client=client, conversation_id=None, seen_at=self._clock()
        )
        listener = self._listeners[client_id] = _Listener(presence)
        self._beat_soon()
        try:
            while True:
                await listener.news.wait()
                listener.news.clear()
                yield listener.told or ()
        finally:
            if self._listeners.get(client_id) is listener:
                del self._listeners[client_id]
                with suppress(StorageError):  # it is forgotten by itself
                    await self._storage.forget_presence([client_id])

    async def close(self) -> None:
        """Stop looking."""
        await self._background.close()

    def _beat_soon(self) -> None:
        self._soon.set()
        if not self._is_beating:
            self._is_beating = True
            self._background.start(self._beat(), "presence")

    async def _beat(self) -> None:
        grumble = Grumble("the look for who else is there")
        try:
            while self._listeners:
                await asyncio.sleep(SOON_S)  # many who come at once are one look
                self._soon.clear()
                with grumble.told(), suppress(StorageError):  # a store that is away is asked again
                    await self._look()
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S - SOON_S):
                        await self._soon.wait()
        finally:
            self._is_beating = False

    async def _look(self) -> None:
        """Note who is here, look who is elsewhere, and tell those for whom it changed."""
        now, here = self._clock(), dict(self._listeners)
        users = {listener.presence.user_id for listener in here.values()}
        found = {each.client_id: each for each in await self._storage.list_presence(users, now - GONE)}
        for client_id, listener in here.items():
            elsewhere = found.get(client_id)  # what it shows may have been told to another process
            if elsewhere is not None:
                listener.presence = replace(listener.presence, conversation_id=elsewhere.conversation_id)
            found[client_id] = listener.presence = replace(listener.presence, seen_at=now)
        await self._storage.note_presence([listener.presence for listener in here.values()])
        by_user: dict[str, list[Presence]] = {}
        for each in found.values():
            by_user.setdefault(each.user_id, []).append(each)
        first = {user_id: sorted(all_here, key=_by_name)[: MOST + 1] for user_id, all_here in by_user.items()}
        for listener in here.values():
            _tell(listener, first[listener.presence.user_id])


def _by_name(presence: Presence) -> tuple[str, str]:
    return presence.client, presence.client_id


def _tell(listener: _Listener, first: list[Presence]) -> None:
    """Tell of the first others; `first` has one more than are told of, since the listener may be among them."""
    others = [each for each in first if each.client_id != listener.presence.client_id]
    watchers = tuple(Watcher(client=each.client, conversation_id=each.conversation_id) for each in others[:MOST])
    if watchers != listener.told:
        listener.told = watchers
        listener.news.set()
