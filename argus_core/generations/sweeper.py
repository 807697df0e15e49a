"""Ends the generations whose process is gone, and finishes what a crash left between log and message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from argus_core.domain import Generation
from argus_core.errors import StorageError
from argus_core.events import Interrupted, LoggedEvent
from argus_core.generations.fold import Folded
from argus_core.generations.owner import is_gone
from argus_core.ids import utc_now
from argus_core.storage.base import Storage

SWEEP_S = 1.0
KEEP_LOGS = timedelta(hours=24)
KEEP_DELETED = timedelta(days=30)
_ANY_LEASE = timedelta(days=36500)


async def read_log(storage: Storage, generation_id: str) -> Folded:
    """Return the whole log of a generation, folded."""
    folded = Folded()
    while batch := await storage.events_after(generation_id, folded.n, 1000):
        folded.add(batch)
    return folded


class Sweeper:
    """Looks once a second; any number of processes may do so at the same time."""

    def __init__(self, storage: Storage, owner: str, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._storage = storage
        self._owner = owner
        self._clock = clock

    async def sweep(self) -> int:
        """End every running generation whose owner is gone or let its lease run out; return how many ended."""
        now = self._clock()
        running = await self._storage.list_expired(now + _ANY_LEASE, 1000)
        abandoned = [g for g in running if g.owner != self._owner and (g.lease_until < now or is_gone(g.owner))]
        return sum([await self._end(generation) for generation in abandoned])

    async def tidy(self) -> None:
        """Remove what nobody can ask for any more: logs of answers that ended, conversations deleted long ago."""
        now = self._clock()
        await self._storage.purge_events(now - KEEP_LOGS)
        await self._storage.purge_deleted(now - KEEP_DELETED)

    async def _end(self, generation: Generation) -> bool:
        folded = await read_log(self._storage, generation.id)
        if folded.terminator is None:
            last = LoggedEvent(generation.id, folded.n + 1, self._owner, Interrupted())
            if await self._storage.append_events([last]):
                return False  # its owner lives after all, or another sweeper was faster: the next look will tell
            folded.add([last])
        await self._storage.finish_generation(generation.id, folded.ending(generation, self._clock()))
        return True

    async def run(self) -> None:
        """Sweep until cancelled; a storage that does not answer is asked again at the next look."""
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.sweep()
            except StorageError:
                continue
