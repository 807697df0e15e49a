"""The write-ahead log: store before you show, one durable write a tick for all live generations of this process.

A reader takes what is newer than what it saw last from the tail in memory or from the storage, so a slow one costs
nothing and never slows the provider.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, aclosing, suppress
from dataclasses import replace

from argus_core.errors import ArgusError
from argus_core.events import Event, Failed, LoggedEvent, TextDelta, ThoughtDelta, is_terminator
from argus_core.generations.appending import Fate, append
from argus_core.generations.fold import Folded
from argus_core.generations.patience import patiently
from argus_core.generations.remote import PAGE, RemoteReader, RemoteTails
from argus_core.generations.tail import Push, Tail
from argus_core.storage.base import Storage
from argus_core.tasks import report_bug

_log = logging.getLogger(__name__)
TICK_S = 0.05
"""The first delta and the terminator do not wait for it."""
TICK_EACH_S = 0.001
"""Added for each live generation of the process, so that many together cost little more than a few do."""
MOST_ADDED_S = 0.15
MAX_EVENT_CHARS = 16 << 10
"""Deltas are joined up to this length, and longer ones are cut: no event is too large for any storage."""
MAX_UNSAVED_CHARS = 4 << 20
"""Above this a provider waits for the storage."""


class LiveLog(Tail):
    """One generation's part of the log, in the process that writes it."""

    def __init__(self, generation_id: str, on_lost: Callable[[], None]) -> None:
        super().__init__()
        self.generation_id = generation_id
        self.folded = Folded()
        """All that is durable."""
        self.pending: list[Event] = []
        self.unsaved_chars = 0
        self.ended = False
        """The terminator is durable."""
        self.lost = False
        """Nothing more is written here: another process took a slot, or the writer is gone."""
        self._is_refused = False
        """The storage takes an event of it never: it ends with the words that say so."""
        self._on_lost = on_lost

    def add(self, event: Event) -> None:
        """Put `event` behind those that wait, joined to the last one where both are deltas of one kind."""
        if self._is_refused:
            return
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

    def publish(self, events: Iterable[LoggedEvent]) -> None:
        """Show readers what is durable now."""
        batch = list(events)
        self.folded.add(batch)
        self.ended = is_terminator(batch[-1].event)
        super().publish(batch)

    def lose(self) -> None:
        """Let go of all who wait, and stop what fills this log."""
        if not self.lost and not self.ended:
            self.lost = True
            self.tell()
            self._on_lost()

    def refuse(self) -> bool:
        """End the log as failed in the place of what waits; False when it was to end so before."""
        if self._is_refused:
            return False
        self._is_refused = True
        why = ArgusError("What had come is kept; /retry asks again.", title="The answer could not be stored")
        self.pending, self.unsaved_chars = [Failed(why.problem())], 0
        self.tell()
        self._on_lost()
        return True

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` holds, or the log is lost."""
        while not (condition() or self.lost):
            await self.news.wait()


class EventLog:
    """Writes the events of this process's generations and lets anyone read those of all."""

    def __init__(self, storage: Storage, owner: str, *, tick_s: float = TICK_S) -> None:
        self._storage = storage
        self._owner = owner
        self._tick_s = tick_s
        self._live: dict[str, LiveLog] = {}
        self._remote = RemoteTails(storage)
        self._ticked = 0.0
        self._due: float | None = None
        """When what waits is written; None while nothing does."""
        self._wake = asyncio.Event()
        self._urgent: set[LiveLog] = set()
        self._hurry = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._closed = False

    def begin(self, generation_id: str, on_lost: Callable[[], None] = lambda: None) -> LiveLog:
        """Open the log of a generation that this process runs; `on_lost` is called once if it may not go on."""
        live = self._live[generation_id] = LiveLog(generation_id, on_lost)
        self._remote.tell(generation_id)
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
            self._hasten(live)

    def _hasten(self, live: LiveLog) -> None:
        self._urgent.add(live)
        self._wake.set()
        self._hurry.set()

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
        """Yield what `batches` does, one event after another."""
        async with aclosing(self.batches(generation_id, after, is_over)) as batches:
            async for batch in batches:
                for logged in batch:
                    yield logged

    async def batches(
        self, generation_id: str, after: int, is_over: Callable[[], Awaitable[bool]], push: Push | None = None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        """Yield the events after number `after`, then those to come, as many at a time as are there; never none.

        Ends after the terminator, which is always yielded.

        Args:
            generation_id: Whose log; this process or another may be writing it.
            after: 0 for all.
            is_over: Asked while nothing comes; when the generation has ended, nothing ever will.
            push: Called instead of yielding, where nothing older is left and it takes what has just come.
        """
        n, live = max(after, 0), None
        elsewhere: RemoteReader | None = None
        with ExitStack() as stack:
            while True:
                live = self._live.get(generation_id, live)  # a reader keeps the tail of one that ended under its eyes
                if live is not None and not live.lost:
                    if push is not None and not live.ended:
                        n = await live.follow(n, push)
                    batch = await self._more(live, n)
                elif self._closed:
                    return
                else:
                    elsewhere = elsewhere or stack.enter_context(self._remote.reader(generation_id, is_over))
                    batch = await elsewhere.more(n)
                if batch is None:
                    return
                if batch:
                    n = batch[-1].n
                    yield batch
                    if is_terminator(batch[-1].event):
                        return

    async def _more(self, live: LiveLog, n: int) -> list[LoggedEvent] | None:
        """Wait for events after `n` of a generation of this process; None when there will be none."""
        batch = live.newer(n)
        if batch is None:
            return await patiently(lambda: self._storage.events_after(live.generation_id, n, PAGE))
        if not batch:
            if live.ended:
                return None
            await live.until(lambda: live.written > n or live.ended)
        return batch

    async def close(self) -> None:
        """Stop writing and let go of all who wait. What has no terminator is left to a sweeper."""
        self._closed = True
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])
        self._release()
        await self._remote.close()

    def _release(self, _writer: object = None) -> None:
        """Without a writer nothing becomes durable: whoever waits for that would wait forever."""
        for live in list(self._live.values()):
            live.lose()

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            if not await self._is_hurried():
                self._wake.clear()
                self._urgent |= set(self._live.values())
            urgent, self._urgent = self._urgent, set()
            self._hurry.clear()
            await self._write_pending([live for live in self._live.values() if live in urgent])

    async def _is_hurried(self) -> bool:
        """Give other events a tick to come along; return True when one came before its end that cannot wait.

        The time a write takes is part of its tick.
        """
        now = time.monotonic()
        if self._due is None:
            tick_s = self._tick_s + min(TICK_EACH_S * len(self._live), MOST_ADDED_S)
            self._due = (self._ticked if now - self._ticked < tick_s else now) + tick_s
        with suppress(TimeoutError):
            async with asyncio.timeout(self._due - now):
                await self._hurry.wait()
        if time.monotonic() < self._due:
            return True
        self._ticked, self._due = self._due, None
        return False

    async def _write_pending(self, lives: Iterable[LiveLog]) -> None:
        batches = {live: live.take(self._owner) for live in lives if live.pending and not live.lost}
        if not batches:
            return
        async with aclosing(append(self._storage, batches)) as fates:
            async for live, fate in fates:
                self._settle(live, fate)

    def _settle(self, live: LiveLog, fate: Fate) -> None:
        """Show what is durable, and end what cannot go on; a bug in that harms one generation only."""
        try:
            if fate.written:
                live.publish(fate.written)
            if fate.refused is not None:
                _log.error("generation %s holds what cannot be stored", live.generation_id, exc_info=fate.refused)
            if fate.is_lost or (fate.refused is not None and not live.refuse()):
                live.lose()
            elif fate.refused is not None:
                self._hasten(live)
        except Exception as bug:  # noqa: BLE001 - all answers of the process are written here
            _log.error("generation %s cannot be shown", live.generation_id, exc_info=bug)
            live.lose()


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
