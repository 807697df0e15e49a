"""Room for pictures that are in memory and decoded: a few at a time, and fewer of one user."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

AT_A_TIME = 4
OF_USER = 2
"""Who sends slowly keeps places taken: not all of them, then."""


class Uploads:
    """The places; who finds none waits, and nothing more of their picture is read meanwhile."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def place(self, user_id: str) -> AsyncGenerator[None, None]:
        """Take a place until the end of the block."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_room(user_id))
            self._taken[user_id] += 1
        try:
            yield
        finally:
            self._taken[user_id] -= 1
            self._taken += Counter()  # users without any are forgotten
            async with self._changed:
                self._changed.notify_all()

    def _has_room(self, user_id: str) -> bool:
        return self._taken.total() < AT_A_TIME and self._taken[user_id] < OF_USER
