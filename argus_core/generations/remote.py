"""Following the generations of other processes: one listener for all of them, and the storage wherever it has a gap.

The listener only makes readers faster. It may start late, break, repeat itself or leave events out: a reader takes from
memory what continues what it has seen, reads the storage after each sign of a gap, and looks there by itself when it
hears nothing.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from argus_core.errors import StorageError
from argus_core.events import LoggedEvent
from argus_core.generations.patience import patiently
from argus_core.generations.tail import Tail
from argus_core.storage.base import Storage
from argus_core.storage.paging import is_full
from argus_core.tasks import Grumble, report_bug

T = TypeVar("T")

PAGE = 500
SILENCE_S = (1.0, 5.0, 15.0, 30.0)
"""How long nothing comes until a reader looks for itself, and how long until it looks again."""
_SPREAD = 0.25
"""Many readers that became silent together do not look together."""
RETRY_LISTEN_S = 0.5


class RemoteTail(Tail):
    """The end of a log that another process writes and somebody reads here."""

    def __init__(self) -> None:
        super().__init__()
        self.gaps = 0
        """How often something may have been missed."""
        self._calls: dict[Hashable, asyncio.Task[Any]] = {}

    def miss(self) -> None:
        """Send all readers to the storage."""
        self.gaps += 1
        self.tell()

    async def ask(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """Return what `call` returns; readers that ask for the same thing meanwhile share one call."""
        key = (key, self.gaps, self.written)  # what was asked before a gap, or before news, says nothing about them
        task = self._calls.get(key)
        if task is None:
            task = self._calls[key] = asyncio.create_task(self._answer(key, call))
            task.add_done_callback(_take_error)
        result: T = await asyncio.shield(task)
        return result

    async def _answer(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await patiently(call)
        finally:
            del self._calls[key]  # an answer is never handed to who asks after it came


class RemoteReader:
    """One reader of a generation that another process writes.

    Args:
        tail: Shared with all its other readers.
        read: Returns a page of events after a number from the storage.
        is_over: Asked while nothing comes; when the generation has ended, nothing ever will.
    """

    def __init__(
        self,
        tail: RemoteTail,
        read: Callable[[int], Awaitable[list[LoggedEvent]]],
        is_over: Callable[[], Awaitable[bool]],
    ) -> None:
        self._tail = tail
        self._read = read
        self._is_over = is_over
        self._over = False
        self._looked_at: int | None = None
        """The count of gaps when all that the storage had was read; None to look in any case."""
        self._silences = 0
        self._due_at = 0.0
        """When to look, on the monotonic clock; at once in the end of a log: it may have been purged long ago."""

    async def more(self, n: int) -> list[LoggedEvent] | None:
        """Return the next events after `n`; empty to be asked again, None when none will ever come."""
        news, gaps = self._tail.news, self._tail.gaps  # before looking: what changes meanwhile is not slept through
        batch = self._tail.newer(n)
        if batch is None or (not batch and (self._over or gaps != self._looked_at)):
            batch = await self._tail.ask(n, lambda: self._read(n))
            if not batch and self._over:
                return None
            self._looked_at = None if is_full(batch, PAGE) else gaps
        if batch:
            self._look_after(0)
        elif not await self._comes(news):
            await self._look()
        return batch

    async def _comes(self, news: asyncio.Event) -> bool:
        """Wait for news; False when it is time to look."""
        left_s = self._due_at - time.monotonic()
        if left_s <= 0:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(left_s):
                await news.wait()
        return news.is_set()

    async def _look(self) -> None:
        """Make sure that nothing was missed, and that something can still come."""
        self._look_after(self._silences + 1)
        self._looked_at = None
        self._over = await self._tail.ask("over", self._is_over)

    def _look_after(self, silences: int) -> None:
        self._silences = min(silences, len(SILENCE_S) - 1)
        self._due_at = time.monotonic() + SILENCE_S[self._silences] * random.uniform(1 - _SPREAD, 1 + _SPREAD)


class RemoteTails:
    """The tails of all generations of other processes that are read here, and who listens for them.

    Nobody listens while nobody reads.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._tails: dict[str, RemoteTail] = {}
        self._readers: Counter[str] = Counter()
        self._listener: asyncio.Task[None] | None = None
        self._closed = False

    @contextmanager
    def reader(self, generation_id: str, is_over: Callable[[], Awaitable[bool]]) -> Iterator[RemoteReader]:
        """Follow a generation: from here on its news are kept, so nothing falls between reading and listening."""
        tail = self._tails.setdefault(generation_id, RemoteTail())
        self._readers[generation_id] += 1
        self._keep_listening()
        try:
            yield RemoteReader(tail, lambda n: self._storage.events_after(generation_id, n, PAGE), is_over)
        finally:
            self._readers[generation_id] -= 1
            if not self._readers[generation_id]:
                del self._readers[generation_id], self._tails[generation_id]
            if not self._tails and self._listener is not None:
                self._listener.cancel()

    def tell(self, generation_id: str) -> None:
        """Wake the readers of a generation: it is written here from now on."""
        if generation_id in self._tails:
            self._tails[generation_id].tell()

    async def close(self) -> None:
        """Stop listening and let go of all who wait."""
        self._closed = True
        for tail in self._tails.values():
            tail.tell()
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.wait([self._listener])

    def _keep_listening(self) -> None:
        task = self._listener
        if not self._closed and (task is None or task.done() or task.cancelling()):
            self._listener = asyncio.create_task(self._listen(), name="event log listener")
            self._listener.add_done_callback(report_bug)

    async def _listen(self) -> None:
        """Hand out what is heard; what may have been missed while nobody heard anything is looked for."""
        grumble = Grumble("the event log's listener")
        while True:
            with grumble.told(), suppress(StorageError):
                async with aclosing(self._storage.appended(self._tails.keys())) as heard:
                    async for batch in heard:
                        self._take(batch)
            self._take(None)
            await asyncio.sleep(RETRY_LISTEN_S)

    def _take(self, batch: Sequence[LoggedEvent] | None) -> None:
        if batch is None:
            for tail in self._tails.values():
                tail.miss()
            return
        for generation_id, events in groupby(batch, attrgetter("generation_id")):
            if generation_id in self._tails:
                self._tails[generation_id].publish(events)


def _take_error(done: asyncio.Task[Any]) -> None:
    """Those who wait are raised it; when all have left it is no news."""
    if not done.cancelled():
        done.exception()
