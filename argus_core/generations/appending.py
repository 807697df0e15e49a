"""Writing the events of many generations at once, so that one which cannot be stored harms no other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from argus_core.errors import StorageError, StorageUnavailable
from argus_core.events import LoggedEvent
from argus_core.generations.patience import pause_s
from argus_core.storage.base import Storage

_log = logging.getLogger(__name__)
K = TypeVar("K")
Batch = Sequence[LoggedEvent]

TRIES = 8
"""So often, in some eight seconds, a storage may fail at one generation before that is taken to be at fault."""
TRIES_BESIDE_OTHERS = 3
"""The same while it takes what others write."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the events of one generation."""

    written: Batch = ()
    """The first of them, all where nothing else is said."""
    is_lost: bool = False
    """Another process holds a slot: nothing more may be written."""
    refused: Exception | None = None
    """Why the event behind those that are written cannot be stored, however often it is tried."""


async def append(storage: Storage, batches: Mapping[K, Batch]) -> AsyncGenerator[tuple[K, Fate], None]:
    """Write until the storage has taken or refused all, and yield what became of each.

    A write whose answer was lost is repeated with the same numbers. While the storage is away it is waited for.
    """
    tries = 0
    while True:
        try:
            lost = await storage.append_events([event for batch in batches.values() for event in batch])
        except StorageUnavailable:
            await asyncio.sleep(pause_s(tries))
            tries += 1
        except Exception as error:  # noqa: BLE001 - whose fault it is, and which, is found out by writing them apart
            _log.warning("what was written together was refused", exc_info=error)
            break
        else:
            for key, batch in batches.items():
                yield key, _fate(batch, lost)
            return
    async for key, fate in _append_apart(storage, dict(batches)):
        yield key, fate


async def _append_apart(storage: Storage, left: dict[K, Batch]) -> AsyncGenerator[tuple[K, Fate], None]:
    failed, tries, some_are_taken = dict.fromkeys(left, 0), 0, False
    while left:
        for key, batch in list(left.items()):
            try:
                fate = _fate(batch, await storage.append_events(batch))
            except StorageUnavailable:
                continue
            except StorageError:
                failed[key] += 1
                if failed[key] < (TRIES_BESIDE_OTHERS if some_are_taken else TRIES):
                    continue
                fate = await _append_singly(storage, batch)
            except Exception:  # noqa: BLE001 - a bug, or an event that no storage takes: not a matter of time
                fate = await _append_singly(storage, batch)
            some_are_taken |= fate.refused is None
            del left[key]
            yield key, fate
        if left:
            await asyncio.sleep(pause_s(tries))
            tries += 1


async def _append_singly(storage: Storage, batch: Batch) -> Fate:
    """Write what stands before the event that is refused."""
    written: list[LoggedEvent] = []
    tries = 0
    while len(written) < len(batch):
        try:
            if await storage.append_events([batch[len(written)]]):
                return Fate(written, is_lost=True)
        except StorageUnavailable:
            await asyncio.sleep(pause_s(tries))
            tries += 1
        except Exception as error:  # noqa: BLE001 - handed on
            return Fate(written, refused=error)
        else:
            written.append(batch[len(written)])
    return Fate(written)


def _fate(batch: Batch, lost: set[str]) -> Fate:
    return Fate(is_lost=True) if batch[0].generation_id in lost else Fate(batch)
