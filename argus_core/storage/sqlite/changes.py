"""Who follows the conversations of a user hears of every commit, of this process at once and of others by a poll."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

from argus_core.domain import ConversationRow
from argus_core.errors import StorageError

POLL_S = 0.25
Fetch = Callable[[int], Awaitable[list[tuple[int, ConversationRow]]]]


class ChangeFeed:
    """Rings a bell for each follower when a conversation changed; polls only while somebody follows.

    Args:
        newest: Reads the number of the newest change. It lies still while answers only grow their logs, which
            `PRAGMA data_version` does not.
    """

    def __init__(self, newest: Callable[[], Awaitable[int]]) -> None:
        self._newest = newest
        self._bells: set[asyncio.Event] = set()
        self._poll: asyncio.Task[None] | None = None
        self._closed = False

    def ring(self) -> None:
        """Wake every follower: this process has changed a conversation."""
        for bell in self._bells:
            bell.set()

    async def follow(self, start: Awaitable[int], fetch: Fetch) -> AsyncGenerator[ConversationRow, None]:
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
        """Ring when the newest change is another one; when it cannot be read, the followers' own reads say why."""
        seen: int | None = None
        while True:
            try:
                newest: int | None = await self._newest()
            except StorageError:
                newest = None
            if newest is None or newest != seen:
                seen = newest
                self.ring()
            await asyncio.sleep(POLL_S)
