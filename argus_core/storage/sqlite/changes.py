"""Who follows the conversations of a user hears of every commit, of this process at once and of others by a poll."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from argus_core.domain import Conversation
from argus_core.errors import StorageError

POLL_S = 0.2
Fetch = Callable[[int], Awaitable[list[tuple[int, Conversation]]]]


class ChangeFeed:
    """Rings a bell for each follower when the store may have changed; polls only while somebody follows."""

    def __init__(self, read_version: Callable[[], Awaitable[int]]) -> None:
        self._read_version = read_version
        self._bells: set[asyncio.Event] = set()
        self._poll: asyncio.Task[None] | None = None
        self._closed = False

    def ring(self) -> None:
        """Wake every follower: this process has written."""
        for bell in self._bells:
            bell.set()

    async def follow(self, start: Awaitable[int], fetch: Fetch) -> AsyncIterator[Conversation]:
        """Yield what `fetch(number)` finds after `start` and after each bell, until closed."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            seen = await start
            self._keep_polling()
            while not self._closed:
                bell.clear()
                changed = await fetch(seen)
                for number, conversation in changed:
                    seen = number
                    yield conversation
                if not changed:
                    await bell.wait()
        except StorageError:
            if not self._closed:
                raise
        finally:
            self._bells.discard(bell)
            if not self._bells and self._poll is not None:
                self._poll.cancel()

    async def close(self) -> None:
        """End every follower's iteration."""
        self._closed = True
        self.ring()
        if self._poll is not None:
            self._poll.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._poll

    def _keep_polling(self) -> None:
        if not self._closed and (self._poll is None or self._poll.done() or self._poll.cancelling()):
            self._poll = asyncio.get_running_loop().create_task(self._watch(), name="argus-store-changes")

    async def _watch(self) -> None:
        """Ring when the file's version moved; a store that fails is told by the followers' own reads."""
        version = -1
        while True:
            try:
                newest = await self._read_version()
            except StorageError:
                newest = -1
            if newest != version or newest == -1:
                version = newest
                self.ring()
            await asyncio.sleep(POLL_S)
