"""Ends the generations whose process is gone, and finishes what a crash left between log and message."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import datetime, timedelta

from argus_core.domain import Generation
from argus_core.errors import ArgusError, StorageUnavailable
from argus_core.events import Interrupted, LoggedEvent
from argus_core.generations.fold import Folded
from argus_core.generations.leases import Leases
from argus_core.generations.owner import is_gone
from argus_core.ids import utc_now
from argus_core.storage.base import Storage
from argus_core.tasks import Grumble

SWEEP_S = 0.5
"""Between two looks: what a dead process ran ends within five seconds, see `leases`."""
TIDY_EVERY = 7200
"""Looks between two tidyings; the first comes a minute after the start."""
_FIRST_TIDY = 120
KEEP_LOGS = timedelta(hours=24)
KEEP_DELETED = timedelta(days=30)
_ANY_LEASE = timedelta(days=36500)
_MOST = 1000
_AT_ONCE = 16
"""A process that dies may leave a hundred."""
_log = logging.getLogger(__name__)

Settle = Callable[[Generation, Folded], Awaitable[None]]
"""Charges for an answer, given its whole log, while it still counts as running. A crash or a storage that fails repeats
it: the second time must change nothing."""


async def settle_nothing(_generation: Generation, _folded: Folded) -> None:
    """Charge nobody."""


async def read_log(storage: Storage, generation_id: str) -> Folded:
    """Return the whole log of a generation, folded."""
    folded = Folded()
    while batch := await storage.events_after(generation_id, folded.n, 1000):
        folded.add(batch)
    return folded


class Sweeper:
    """Looks twice a second; any number of processes may do so at the same time.

    Args:
        storage: Where the generations are.
        owner: The name of this process.
        mine: The ids of the generations that this process runs.
        clock: Tells the time.
        monotonic: Tells seconds that only grow.
        settle: Charges for an answer before it is finished.
    """

    def __init__(
        self,
        storage: Storage,
        owner: str,
        mine: Collection[str] = (),
        *,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        settle: Settle = settle_nothing,
    ) -> None:
        self._storage = storage
        self._owner = owner
        self._mine = mine
        self._clock = clock
        self._monotonic = monotonic
        self._settle = settle
        self._leases = Leases()
        self._ending = asyncio.Semaphore(_AT_ONCE)
        self._bugs: set[str] = set()
        """Generations that could not be ended because of a bug."""

    async def sweep(self) -> int:
        """End every running generation whose owner is gone or does not keep it up; return how many ended."""
        asked_s = self._monotonic()
        running = await self._storage.list_expired(self._clock() + _ANY_LEASE, _MOST)
        silent = self._leases.look(running, asked_s, self._monotonic())
        gone = {owner for owner in {one.owner for one in running} if is_gone(owner)}
        abandoned = [one for one in running if one.id in silent or one.owner in gone]
        return sum(await asyncio.gather(*(self._end(one) for one in abandoned if one.id not in self._mine)))

    async def tidy(self) -> None:
        """Remove what nobody can ask for any more: logs of answers that ended, conversations deleted long ago."""
        now = self._clock()
        await self._storage.purge_events(now - KEEP_LOGS)
        await self._storage.purge_deleted(now - KEEP_DELETED)

    async def _end(self, generation: Generation) -> bool:
        """Return whether it ended; one that cannot be ended must not keep the others waiting."""
        try:
            async with self._ending:
                return await self._interrupt(generation)
        except ArgusError as error:
            _log.warning("generation %s could not be ended: %s", generation.id, error.title)
        except Exception as bug:  # noqa: BLE001 - told once for each generation, not twice a second
            if generation.id not in self._bugs:
                self._bugs.add(generation.id)
                _log.error("generation %s could not be ended", generation.id, exc_info=bug)
        return False

    async def _interrupt(self, generation: Generation) -> bool:
        folded = await read_log(self._storage, generation.id)
        if folded.terminator is None:
            last = LoggedEvent(generation.id, folded.n + 1, self._owner, Interrupted())
            if await self._storage.append_events([last]):
                return False  # its owner lives after all, or another sweeper was faster: the next look will tell
            folded.add([last])
        await self._settle(generation, folded)
        await self._storage.finish_generation(generation.id, folded.ending(self._clock()))
        return True

    async def run(self) -> None:
        """Sweep, and now and then tidy, until cancelled; a storage that is away is asked again at the next look."""
        looks, sweeping, tidying = TIDY_EVERY - _FIRST_TIDY, Grumble("the sweeper"), Grumble("the tidying")
        while True:
            await asyncio.sleep(SWEEP_S)
            looks += 1
            with sweeping.told(), suppress(StorageUnavailable):
                await self.sweep()
            if looks >= TIDY_EVERY:
                with tidying.told(), suppress(StorageUnavailable):
                    await self.tidy()
                    looks = 0
