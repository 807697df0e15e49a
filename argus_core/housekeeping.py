"""Removes what accounts leave behind: sessions that are over, days that were counted, what a crash left held."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from argus_core.auth.logins import refold_emails
from argus_core.errors import StorageError
from argus_core.ids import utc_now
from argus_core.limits import Limits
from argus_core.storage.accounts import FullStorage

FIRST_S = 90.0
EVERY_S = 3600.0
KEEP_SESSIONS = timedelta(days=91)
"""Longer than any session lasts, so that who asks for one that ended is told so."""
KEEP_DAYS = timedelta(days=60)


async def keep_house(storage: FullStorage, limits: Limits) -> None:
    """Tidy a minute after the start, then once an hour, until cancelled; any number of processes may do so."""
    await asyncio.sleep(FIRST_S)
    with suppress(StorageError):  # away: the next start will do
        await refold_emails(storage)
    while True:
        with suppress(StorageError):  # away: the next time will do
            await tidy(storage, limits, utc_now())
        await asyncio.sleep(EVERY_S)


async def tidy(storage: FullStorage, limits: Limits, now: datetime) -> None:
    """Remove what nobody can ask for any more, and free what is held by answers that do not run."""
    await limits.free_stale(storage)
    await storage.purge_sessions(now - KEEP_SESSIONS)
    await storage.purge_usage((now - KEEP_DAYS).date())
