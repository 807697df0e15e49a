"""Removes what is left behind: sessions that are over, days that were counted, what a crash left held, pictures."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from argus_core.auth.logins import refold_emails
from argus_core.blobs.base import BlobStore
from argus_core.errors import StorageError
from argus_core.ids import utc_now
from argus_core.limits import Limits
from argus_core.storage.accounts import FullStorage
from argus_core.storage.base import Storage
from argus_core.tasks import Grumble

FIRST_S = 90.0
EVERY_S = 3600.0
KEEP_SESSIONS = timedelta(days=91)
"""Longer than any session lasts, so that who asks for one that ended is told so."""
KEEP_DAYS = timedelta(days=60)
KEEP_PICTURES = timedelta(hours=24)
"""So long a picture waits for the question it goes with."""
PUT_S = 3600.0
"""Bytes that were put in the last hour may be of a picture that is just being kept."""
_AT_ONCE = 500


async def keep_house(storage: FullStorage, blobs: BlobStore, limits: Limits) -> None:
    """Tidy a minute after the start, then once an hour, until cancelled; any number of processes may do so."""
    grumble = Grumble("the housekeeping")
    await asyncio.sleep(FIRST_S)
    with suppress(StorageError):  # away: the next start will do
        await refold_emails(storage)
    while True:
        with grumble.told(), suppress(StorageError):  # away: the next time will do
            await tidy(storage, limits, utc_now())
            await remove_pictures(storage, blobs, utc_now())
        await asyncio.sleep(EVERY_S)


async def tidy(storage: FullStorage, limits: Limits, now: datetime) -> None:
    """Remove what nobody can ask for any more, and free what is held by answers that do not run."""
    await limits.free_stale(storage)
    await storage.purge_sessions(now - KEEP_SESSIONS)
    await storage.purge_usage((now - KEEP_DAYS).date())


async def remove_pictures(storage: Storage, blobs: BlobStore, now: datetime) -> int:
    """Remove pictures that no message has, and the bytes that nobody's picture names; return how many went.

    First it is taken down that an attachment goes, then it goes, then its bytes do if no other has the same. Whoever
    keeps a picture puts its bytes first: such bytes are not idle, and stay.
    """
    await storage.free_attachments(now - KEEP_PICTURES)
    gone = 0
    for digest in await storage.list_orphans(_AT_ONCE):
        if await storage.is_attached(digest):
            await storage.forget_orphan(digest)
        elif await blobs.remove(digest, PUT_S):
            await storage.forget_orphan(digest)
            gone += 1
    return gone
