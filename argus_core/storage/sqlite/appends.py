"""Who follows the logs of other processes hears that the file has changed; what it is, the logs themselves say."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable

from argus_core.errors import StorageError

POLL_S = 0.05


class AppendFeed:
    """Looks at the file while somebody iterates.

    Args:
        version: Reads a number that is another one after each commit, `data_version` on the lane that only reads.
    """

    def __init__(self, version: Callable[[], Awaitable[int]]) -> None:
        self._version = version
        self._closed = False

    async def follow(self) -> AsyncGenerator[None, None]:
        """Yield None now and after each commit, those of a moment joined into one, until closed."""
        seen: int | None = None
        try:
            while not self._closed:
                version = await self._version()
                if version != seen:
                    seen = version
                    yield None
                await asyncio.sleep(POLL_S)
        except StorageError:
            if not self._closed:
                raise

    def close(self) -> None:
        """End every iteration."""
        self._closed = True


def data_version(connection: sqlite3.Connection) -> int:
    """Return a number that is another one when any other connection has committed since this one looked."""
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version
