"""Ends the generations whose process is gone, and finishes what a crash left between log and message."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta

from argus_core.domain import Generation
from argus_core.errors import ArgusError, StorageError
from argus_core.events import Interrupted, LoggedEvent
from argus_core.generations.fold import Folded
from argus_core.generations.owner import is_gone
from argus_core.ids import utc_now
from argus_core.storage.base import Storage

SWEEP_S = 1.0
TIDY_EVERY = 3600
"""Looks between two tidyings; the first comes a minute after the start."""
_FIRST_TIDY = 60
KEEP_LOGS = timedelta(hours=24)
KEEP_DELETED = timedelta(days=30)
_ANY_LEASE = timedelta(days=36500)
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
    """Looks once a second; any number of processes may do so at the same time.

    Args:
        storage: Where the generations are.
        owner: The name of this process.
        mine: The ids of the generations that this process runs.
        clock: Tells the time.
        settle: Charges for an answer before it is finished.
    """

    def __init__(
        self,
        storage: Storage,
        owner: str,
        mine: Collection[str] = (),
        *,
        clock: Callable[[], datetime] = utc_now,
        settle: Settle = settle_nothing,
    ) -> None:
        self._storage = storage
        self._owner = owner
        self._mine = mine
        self._clock = clock
        self._settle = settle

    async def sweep(self) -> int:
        """End every running generation whose owner is gone or let its lease run out; return how many ended."""
        now = self._clock()
        running = await self._storage.list_expired(now + _ANY_LEASE, 1000)
        return sum([await self._end(one) for one in running if self._is_abandoned(one, now)])

    def _is_abandoned(self, generation: Generation, now: datetime) -> bool:
        if generation.id in self._mine:
            return False
        return generation.lease_until < now or is_gone(generation.owner)

    async def tidy(self) -> None:
        """Remove what nobody can ask for any more: logs of answers that ended, conversations deleted long ago."""
        now = self._clock()
        await self._storage.purge_events(now - KEEP_LOGS)
        await self._storage.purge_deleted(now - KEEP_DELETED)

    async def _end(self, generation: Generation) -> bool:
        """Return whether it ended; one that cannot be ended must not keep the others waiting."""
        try:
            return await self._interrupt(generation)
        except ArgusError as error:
            _log.warning("generation %s could not be ended: %s", generation.id, error.title)
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
        looks = TIDY_EVERY - _FIRST_TIDY
        while True:
            await asyncio.sleep(SWEEP_S)
            looks += 1
            try:
                await self.sweep()
                if looks >= TIDY_EVERY:
                    looks = 0
                    await self.tidy()
            except StorageError:
                continue
