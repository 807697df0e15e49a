"""The write-ahead log: store before you show, one durable write a tick for all live generations of this process.

Readers keep no queue: each remembers the number it saw last and takes what is newer, from the tail in memory or from
the storage, so a slow reader costs nothing and never slows the provider.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from argus_core.errors import StorageError, StorageUnavailable
from argus_core.events import Event, LoggedEvent, TextDelta, ThoughtDelta, is_terminator
from argus_core.storage.base import Storage
from argus_core.tasks import report_bug

T = TypeVar("T")

TICK_S = 0.05
"""The first delta and the terminator do not wait for it."""
POLL_S = 0.1
"""How often a reader looks for the events of a generation that another process runs."""
TAIL = 512
"""Events of a live generation kept in memory; older ones are read from the storage."""
MAX_EVENT_CHARS = 16 << 10
"""Deltas are joined up to this length, and longer ones are cut: no event is too large for any storage."""
MAX_UNSAVED_CHARS = 4 << 20
"""Above this a provider waits for the storage."""
PAGE = 500
RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class LiveLog:
    """One generation's part of the log, in the process that writes it."""

    def __init__(self, generation_id: str, on_lost: Callable[[], None]) -> None:
        self.generation_id = generation_id
        self.written = 0
        """The number of the last durable event."""
        self.pending: list[Event] = []
        self.unsaved_chars = 0
        self.ended = False
        """The terminator is durable."""
        self.lost = False
        """Nothing more is written here: another process took a slot, or the writer is gone."""
        self._tail: deque[LoggedEvent] = deque(maxlen=TAIL)
        self._on_lost = on_lost
        self._news = asyncio.Event()

    def add(self, event: Event) -> None:
        """Put `event` behind those that wait, joined to the last one where both are deltas of one kind."""
        for piece in _pieces(event):
            joined = _joined(self.pending[-1], piece) if self.pending else None
            if joined is None:
                self.pending.append(piece)
            else:
                self.pending[-1] = joined
        if isinstance(event, TextDelta | ThoughtDelta):
            self.unsaved_chars += len(event.text)

    def take(self, owner: str) -> list[LoggedEvent]:
        """Return what waits, with its numbers; it is now the caller's to write."""
        events, self.pending, self.unsaved_chars = self.pending, [], 0
        return [LoggedEvent(self.generation_id, n, owner, event) for n, event in enumerate(events, self.written + 1)]

    def publish(self, batch: list[LoggedEvent]) -> None:
        """Show readers what is durable now."""
        self._tail.extend(batch)
        self.written = batch[-1].n
        self.ended = is_terminator(batch[-1].event)
        self._tell()

    def lose(self) -> None:
        """Let go of all who wait, and stop what fills this log."""
        if not self.lost and not self.ended:
            self.lost = True
            self._tell()
            self._on_lost()

    def newer(self, n: int) -> list[LoggedEvent] | None:
        """Return the durable events after `n` from memory; None when the tail no longer reaches back so far."""
        if n >= self.written:
            return []
        skipped = n + 1 - self._tail[0].n
        return None if skipped < 0 else list(islice(self._tail, skipped, None))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds, or the log is lost."""
        while not (condition() or self.lost):
            await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class EventLog:
    """Writes the events of this process's generations and lets anyone read those of all."""

    def __init__(self, storage: Storage, owner: str, *, tick_s: float = TICK_S) -> None:
        self._storage = storage
        self._owner = owner
        self._tick_s = tick_s
        self._live: dict[str, LiveLog] = {}
        self._due = 0.0
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    def begin(self, generation_id: str, on_lost: Callable[[], None] = lambda: None) -> LiveLog:
        """Open the log of a generation that this process runs; `on_lost` is called once if it may not go on."""
        live = self._live[generation_id] = LiveLog(generation_id, on_lost)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_forever(), name="event log writer")
            self._writer.add_done_callback(report_bug)
            self._writer.add_done_callback(self._release)
        return live

    def put(self, live: LiveLog, event: Event, *, urgent: bool = False) -> None:
        """Take an event as `add` does, and do not wait for a storage that is behind."""
        live.add(event)
        self._wake.set()
        if urgent:
            self._urgent.set()

    async def add(self, live: LiveLog, event: Event, *, urgent: bool = False) -> None:
        """Take an event; it becomes durable at the next tick, or at once if `urgent`.

        Cancelling this loses nothing: it only waits for a storage that is too far behind.
        """
        self.put(live, event, urgent=urgent)
        await live.until(lambda: live.unsaved_chars <= MAX_UNSAVED_CHARS)

    async def end(self, live: LiveLog, terminator: Event) -> bool:
        """Write the terminator behind all that waits; False when the log was lost before."""
        self.put(live, terminator, urgent=True)
        try:
            await live.until(lambda: live.ended)
        finally:
            self._live.pop(live.generation_id, None)
        return live.ended

    async def read(
        self, generation_id: str, after: int, is_over: Callable[[], Awaitable[bool]]
    ) -> AsyncGenerator[LoggedEvent, None]:
        """Yield the events after number `after`, then those to come; ends after the terminator.

        Args:
            generation_id: Whose log; this process or another may be writing it.
            after: 0 for all.
            is_over: Asked while nothing comes; when the generation has ended, nothing ever will.
        """
        n, live, over = max(after, 0), None, False
        while True:
            live = self._live.get(generation_id, live)  # a reader keeps the tail of one that ended under its eyes
            if self._closed and (live is None or live.lost):
                return
            batch = await self._newer(generation_id, live, n)
            for logged in batch:
                n = logged.n
                yield logged
                if is_terminator(logged.event):
                    return
            if not batch:
                if over:
                    return
                over = await self._wait(live, n, is_over)

    async def _newer(self, generation_id: str, live: LiveLog | None, n: int) -> list[LoggedEvent]:
        batch = live.newer(n) if live is not None and not live.lost else None
        if batch is None:
            batch = await patiently(lambda: self._storage.events_after(generation_id, n, PAGE))
        return batch

    async def _wait(self, live: LiveLog | None, n: int, is_over: Callable[[], Awaitable[bool]]) -> bool:
        """Wait for news; True when nothing can come any more but what is in the log already."""
        if live is not None and not live.lost:
            await live.until(lambda: live.written > n or live.ended)
            return live.ended
        if await patiently(is_over):
            return True
        await asyncio.sleep(POLL_S)
        return False

    async def close(self) -> None:
        """Stop writing and let go of all who wait. What has no terminator is left to a sweeper."""
        self._closed = True
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])
        self._release()

    def _release(self, _writer: object = None) -> None:
        """Without a writer nothing becomes durable: whoever waits for that would wait forever."""
        for live in list(self._live.values()):
            live.lose()

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            await self._next_tick()
            self._wake.clear()
            await self._write_pending()

    async def _next_tick(self) -> None:
        """Give other events a tick to come along, unless one is urgent; the time a write takes is part of its tick."""
        now = time.monotonic()
        in_step = now - self._due < self._tick_s
        self._due = (self._due if in_step else now) + self._tick_s
        with suppress(TimeoutError):
            async with asyncio.timeout(self._due - now):
                await self._urgent.wait()
        self._urgent.clear()

    async def _write_pending(self) -> None:
        batches = {live: live.take(self._owner) for live in self._live.values() if live.pending and not live.lost}
        lost = await self._write([event for batch in batches.values() for event in batch])
        for live, batch in batches.items():
            if live.generation_id in lost:
                live.lose()
            else:
                live.publish(batch)

    async def _write(self, events: list[LoggedEvent]) -> set[str]:
        """Write until the storage takes it: a write whose answer was lost is repeated with the same numbers."""
        tries = 0
        while events:
            try:
                return await self._storage.append_events(events)
            except StorageError:
                await asyncio.sleep(RETRY_S[min(tries, len(RETRY_S) - 1)])
                tries += 1
        return set()


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Return what `call` returns; while the storage is away, call again, for some four seconds at most."""
    for pause_s in RETRY_S:
        try:
            return await call()
        except StorageUnavailable:
            await asyncio.sleep(pause_s)
    return await call()


def _pieces(event: Event) -> Iterator[Event]:
    if not isinstance(event, TextDelta | ThoughtDelta) or len(event.text) <= MAX_EVENT_CHARS:
        yield event
        return
    for start in range(0, len(event.text), MAX_EVENT_CHARS):
        yield replace(event, text=event.text[start : start + MAX_EVENT_CHARS])


def _joined(last: Event, event: Event) -> Event | None:
    """Return both as one; None when they are not of one kind or too long together."""
    match last, event:
        case TextDelta(text=head, output_tokens=before), TextDelta(text=tail, output_tokens=now) if _fit(head, tail):
            return TextDelta(head + tail, now or before)
        case ThoughtDelta(text=head), ThoughtDelta(text=tail, duration_s=seconds) if _fit(head, tail):
            return ThoughtDelta(head + tail, seconds)
        case _:
            return None


def _fit(head: str, tail: str) -> bool:
    return len(head) + len(tail) <= MAX_EVENT_CHARS
