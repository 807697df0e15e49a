"""How long the answers of a process may keep everything else waiting: chunks that lie ready need no waiting at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

GIVE_WAY_S = 0.002


class Pace:
    """Shared by all answers that run in a process.

    What counts is the time all of them took together since the event loop last went round; of answers that are not
    faster than they are read it costs nothing.

    Args:
        ticks: Tells seconds that only grow.
    """

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._began: float | None = None

    async def give_way(self) -> None:
        """Let others run when they have waited long enough; called after each chunk."""
        now = self._ticks()
        if self._began is None:
            self._began = now
            asyncio.get_running_loop().call_soon(self._begin_anew)
        elif now - self._began > GIVE_WAY_S:
            await asyncio.sleep(0)

    def _begin_anew(self) -> None:
        self._began = None
