"""Runs generations: stored before the provider is called, logged before they are shown, ended exactly once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from itertools import chain, repeat
from weakref import WeakValueDictionary

from argus_core.domain import ENDED, Generation, Turn
from argus_core.errors import NotFound, StorageError
from argus_core.events import Cancelled, Completed, Interrupted, LoggedEvent, Started, TextDelta, is_terminator
from argus_core.generations.fold import Folded
from argus_core.generations.log import EventLog
from argus_core.generations.pace import Pace
from argus_core.generations.patience import patiently
from argus_core.generations.run import KeepPicture, Run
from argus_core.generations.sweeper import Settle, Sweeper, read_log, settle_nothing
from argus_core.generations.tail import Push
from argus_core.ids import utc_now
from argus_core.providers.base import Prompt, Provider
from argus_core.storage.base import Ending, Storage
from argus_core.tasks import Background, Grumble, report_bug

Reading = Callable[[Push | None], AsyncGenerator[list[LoggedEvent], None]]
"""Begins to read an answer: yields its events in batches, and pushes those that come while the reader waits for them.
Only the terminator is always yielded."""

LEASE = timedelta(seconds=3)
RENEW_S = 1.0
"""From one renewal of the leases to the next; others give up what is not renewed three times, see `leases`."""
_RETRY_RENEW_S = 0.25
CLOSE_S = 5.0
"""How long `close` waits for the terminators to become durable."""
_RETRY_FINISH_S = 0.5
_FINISHED_S = (0.01, 0.02, 0.04, 0.1)
"""How long a reader waits between looks whether another process has finished what it ended."""


class Engine:
    """All generations of this process.

    Args:
        storage: Where they are.
        keep_picture: Keeps what the model draws.
        owner: The name of this process.
        log: Their events; made here unless given.
        clock: Tells the time.
        settle: Charges for an answer before it is finished; None charges nobody.
    """

    def __init__(
        self,
        storage: Storage,
        keep_picture: KeepPicture,
        owner: str,
        *,
        log: EventLog | None = None,
        clock: Callable[[], datetime] = utc_now,
        settle: Settle | None = None,
    ) -> None:
        self._storage = storage
        self._keep = keep_picture
        self._clock = clock
        self._settle = settle or settle_nothing
        self.owner = owner
        self.log = log or EventLog(storage, owner)
        self._runs: dict[str, Run] = {}
        self._pace = Pace()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.sweeper = Sweeper(storage, owner, self._runs.keys(), clock=clock, settle=self._settle)
        self._background = Background()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._closing = False
        self.on_ended: list[Callable[[Generation, Ending], None]] = []
        """Called with each generation that ended here, after the message is stored."""
        self.on_completed: list[Callable[[Generation, str], None]] = []
        """Called with each generation that ended well and its text, after the message is stored."""

    async def open(self) -> None:
        """Repair what a crash left, then keep leases and look for the abandoned until `close`."""
        await self.sweeper.sweep()
        self._background.start(self.sweeper.run(), "sweeper")
        self._background.start(self._keep_leases(), "leases")

    @property
    def running(self) -> int:
        """How many generations this process runs."""
        return len(self._runs)

    def lease(self) -> datetime:
        """Return until when a generation that starts now is this process's alone."""
        return self._clock() + LEASE

    def turn(self, conversation_id: str) -> asyncio.Lock:
        """Return the lock under which turns of this conversation are started, one after another."""
        return self._turns.setdefault(conversation_id, asyncio.Lock())

    def start(
        self, turn: Turn, provider: Provider, prompt: Callable[[], Awaitable[Prompt]], *, prefix: str = ""
    ) -> None:
        """Run the generation of a turn that is stored already.

        Args:
            turn: What `Storage.start_turn` returned.
            provider: Who answers.
            prompt: Makes what it is asked; called once, in the background.
            prefix: The text the answer goes on from; it becomes the first delta.
        """
        if self._closing:
            return  # whoever opens the store next ends it as interrupted
        generation = turn.generation
        live = self.log.begin(generation.id, lambda: self._runs[generation.id].stop(Interrupted()))
        self.log.put(live, Started(generation.model))
        if prefix:
            self.log.put(live, TextDelta(prefix), urgent=True)
        run = self._runs[generation.id] = Run(generation, provider, prompt, self.log, live, self._keep, self._pace)
        task = asyncio.create_task(self._run(run), name=f"generation {generation.id}")
        task.add_done_callback(report_bug)
        self._tasks[generation.id] = task

    async def cancel(self, user_id: str, generation_id: str) -> None:
        """Stop it at once if it runs here, else ask the process that runs it."""
        run = self._runs.get(generation_id)
        if run is not None and run.generation.user_id == user_id:
            run.stop(Cancelled())
        else:
            await self._storage.request_cancel(user_id, generation_id)

    async def events(self, user_id: str, generation_id: str, after: int = 0) -> AsyncGenerator[LoggedEvent, None]:
        """Yield the events after number `after`, then live; ends after the terminator.

        When the terminator comes, message and generation have their final form in the storage.
        """
        reading = await self.reading(user_id, generation_id, after)
        async with aclosing(reading(None)) as batches:
            async for batch in batches:
                for logged in batch:
                    yield logged

    async def reading(self, user_id: str, generation_id: str, after: int = 0) -> Reading:
        """Return what yields the same, as many events at a time as are there: for who sends them on.

        Raises:
            NotFound: No such generation for this user.
        """
        run = self._runs.get(generation_id)
        if run is None or run.generation.user_id != user_id:
            await self._storage.get_generation(user_id, generation_id)
        return partial(self._batches, user_id, generation_id, after)

    async def _batches(
        self, user_id: str, generation_id: str, after: int, push: Push | None
    ) -> AsyncGenerator[list[LoggedEvent], None]:
        async def is_over() -> bool:
            return (await self._storage.get_generation(user_id, generation_id)).status in ENDED

        async with aclosing(self.log.batches(generation_id, after, is_over, push)) as batches:
            async for batch in batches:
                *before, last = batch
                if not is_terminator(last.event):
                    yield batch
                    continue
                if before:
                    yield before
                await self._stored(generation_id, is_over)
                yield [last]

    async def _stored(self, generation_id: str, is_over: Callable[[], Awaitable[bool]]) -> None:
        """Wait until the message says what the log says."""
        task = self._tasks.get(generation_id)
        if task is not None:
            await asyncio.wait([task])
            return
        for pause_s in chain(_FINISHED_S, repeat(_FINISHED_S[-1])):
            if await patiently(is_over):
                return
            await asyncio.sleep(pause_s)

    async def drain(self, timeout_s: float) -> bool:
        """Wait until none runs; False if some still did after `timeout_s` seconds."""
        until = time.monotonic() + timeout_s
        while self._tasks:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            await asyncio.wait(self._tasks.values(), timeout=left_s)
        return True

    async def close(self) -> None:
        """End what runs as interrupted, keep what had come, and stop; calling it twice is harmless."""
        self._closing = True
        for run in self._runs.values():
            run.stop(Interrupted())
        await self.drain(CLOSE_S)
        await self._background.close()
        await self.log.close()
        tasks = list(self._tasks.values())
        for task in tasks:  # the storage is away: a sweeper will end them
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, run: Run) -> None:
        """Wait for the answer, write the terminator and finish the message."""
        began = time.monotonic()
        try:
            terminator = await run.terminator()
            is_whole = await self.log.end(run.live, terminator)
            await self._finish(run, is_whole, round(time.monotonic() - began, 1))
        finally:
            del self._runs[run.generation.id], self._tasks[run.generation.id]

    async def _finish(self, run: Run, is_whole: bool, duration_s: float) -> None:
        """Derive message and status from the log, which is read where another process has ended it."""
        while True:
            try:
                folded = run.live.folded if is_whole else await read_log(self._storage, run.generation.id)
                await self._try_finish(run.generation, folded, duration_s)
            except NotFound:
                return  # it was removed for good meanwhile
            except StorageError:
                await asyncio.sleep(_RETRY_FINISH_S)
            else:
                return

    async def _try_finish(self, generation: Generation, folded: Folded, duration_s: float) -> None:
        if folded.terminator is None:
            return  # the log was lost before its end: a sweeper will write that
        await self._settle(generation, folded)
        ending = folded.ending(self._clock(), duration_s)
        await self._storage.finish_generation(generation.id, ending)
        for count in self.on_ended:
            count(generation, ending)
        if isinstance(folded.terminator, Completed):
            for tell in self.on_completed:
                tell(generation, folded.text)

    async def _keep_leases(self) -> None:
        """Renew in time also when the storage is slow, and at once when it is back."""
        due_s, grumble = time.monotonic() + RENEW_S, Grumble("the renewal of leases")
        while True:
            await asyncio.sleep(max(due_s - time.monotonic(), 0))
            due_s = time.monotonic() + RENEW_S
            with grumble.told():
                if not await self._renew_leases():
                    due_s = time.monotonic() + _RETRY_RENEW_S

    async def _renew_leases(self) -> bool:
        """Renew all leases and stop what somebody wants stopped; False when the storage is away."""
        if not self._runs:
            return True
        try:
            asked = await self._storage.renew_leases(list(self._runs), self.owner, self.lease())
        except StorageError:
            return False
        for generation_id in asked & self._runs.keys():
            self._runs[generation_id].stop(Cancelled())
        return True
