"""The write-ahead log: store before you show, one durable write a tick for all live generations of this process.

Readers keep no queue: each remembers the number it saw last and takes what is newer, from the tail in memory or from
the storage, so a slow reader costs nothing and never slows the provider.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator

from argus_core.errors import StorageError
from argus_core.events import Event, LoggedEvent, TextDelta, ThoughtDelta, is_terminator
from argus_core.storage.base import Storage

TICK_S = 0.05
"""The first delta and the terminator do not wait for it."""
POLL_S = 0.1
"""How often a reader looks for the events of a generation that another process runs."""
TAIL = 512
"""Events of a live generation kept in memory; older ones are read from the storage."""
MAX_UNSAVED_CHARS = 4 << 20
"""Above this a provider waits for the storage."""
PAGE = 500
RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)


class LiveLog:
    """One generation's part of the log, in the process that writes it."""

    def __init__(self, generation_id: str) -> None:
        self.generation_id = generation_id
        self.written = 0
        """The number of the last durable event."""
        self.tail: deque[LoggedEvent] = deque(maxlen=TAIL)
        self.pending: list[Event] = []
        self.unsaved_chars = 0
        self.lost = False
        """Another process took a slot: this one must stop."""
        self.ended = False
        self.news = asyncio.Condition()

    def add(self, event: Event) -> None:
        """Put `event` behind those that wait, joined to the last one where both are deltas of one kind."""
        last = self.pending[-1] if self.pending else None
        if isinstance(event, TextDelta) and isinstance(last, TextDelta):
            tokens = event.output_tokens or last.output_tokens
            self.pending[-1] = TextDelta(last.text + event.text, tokens)
        elif isinstance(event, ThoughtDelta) and isinstance(last, ThoughtDelta):
            self.pending[-1] = ThoughtDelta(last.text + event.text, event.duration_s)
        else:
            self.pending.append(event)
        if isinstance(event, TextDelta | ThoughtDelta):
            self.unsaved_chars += len(event.text)

    def newer(self, n: int) -> list[LoggedEvent] | None:
        """Return the durable events after `n` from memory; None when the tail no longer reaches back so far."""
        if n >= self.written:
            return []
        if not self.tail or self.tail[0].n > n + 1:
            return None
        return [event for event in self.tail if event.n > n]


class EventLog:
    """Writes the events of this process's generations and lets anyone read those of all."""

    def __init__(self, storage: Storage, owner: str, *, tick_s: float = TICK_S) -> None:
        self._storage = storage
        self._owner = owner
        self._tick_s = tick_s
        self._live: dict[str, LiveLog] = {}
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    def begin(self, generation_id: str) -> LiveLog:
        """Open the log of a generation that this process runs."""
        live = self._live[generation_id] = LiveLog(generation_id)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_forever(), name="event log writer")
        return live

    async def add(self, live: LiveLog, event: Event, *, urgent: bool = False) -> None:
        """Take an event; it becomes durable at the next tick, or at once if `urgent`."""
        live.add(event)
        self._wake.set()
        if urgent:
            self._urgent.set()
        if live.unsaved_chars > MAX_UNSAVED_CHARS:
            async with live.news:
                await live.news.wait_for(lambda: live.unsaved_chars <= MAX_UNSAVED_CHARS or live.lost)

    async def end(self, live: LiveLog, terminator: Event) -> bool:
        """Write the terminator behind all that waits; False when another process ended the generation first."""
        await self.add(live, terminator, urgent=True)
        async with live.news:
            await live.news.wait_for(lambda: live.ended or live.lost)
        self._live.pop(live.generation_id, None)
        return not live.lost

    async def read(self, generation_id: str, after: int = 0) -> AsyncGenerator[LoggedEvent, None]:
        """Yield the events after number `after`, then those to come; ends after the terminator."""
        n = after
        while True:
            live = self._live.get(generation_id)
            batch = live.newer(n) if live else None
            if batch is None:
                batch = await self._storage.events_after(generation_id, n, PAGE)
            for logged in batch:
                n = logged.n
                yield logged
                if is_terminator(logged.event):
                    return
            if not batch:
                await self._wait(live, n)

    async def _wait(self, live: LiveLog | None, n: int) -> None:
        if live is None or live.lost:
            await asyncio.sleep(POLL_S)
            return
        async with live.news:
            await live.news.wait_for(lambda: live.written > n or live.lost)

    async def close(self) -> None:
        """Stop writing. Generations that still run are left to the sweeper of another process."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.gather(self._writer, return_exceptions=True)

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            await self._next_tick()
            self._wake.clear()
            await self._write_pending()

    async def _next_tick(self) -> None:
        """Give other events a tick to come along, unless one is urgent."""
        try:
            await asyncio.wait_for(self._urgent.wait(), self._tick_s)
        except TimeoutError:
            return
        self._urgent.clear()

    async def _write_pending(self) -> None:
        batches = {live: self._number(live) for live in self._live.values() if live.pending and not live.lost}
        lost = await self._write([event for batch in batches.values() for event in batch])
        for live, batch in batches.items():
            await self._publish(live, batch, lost=live.generation_id in lost)

    def _number(self, live: LiveLog) -> list[LoggedEvent]:
        events, live.pending, live.unsaved_chars = live.pending, [], 0
        first = live.written + 1
        return [LoggedEvent(live.generation_id, n, self._owner, event) for n, event in enumerate(events, first)]

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

    async def _publish(self, live: LiveLog, batch: list[LoggedEvent], *, lost: bool) -> None:
        async with live.news:
            if lost:
                live.lost = True
            else:
                live.tail.extend(batch)
                live.written = batch[-1].n
                live.ended = is_terminator(batch[-1].event)
            live.news.notify_all()
