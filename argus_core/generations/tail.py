"""The end of a log in memory, where those who follow it look before they ask the storage."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from itertools import islice

from argus_core.events import LoggedEvent

TAIL = 512
"""Events of a generation kept in memory; older ones are read from the storage."""


class Tail:
    """The last durable events of one generation, without gaps.

    Readers keep no queue: each remembers the number it saw last and takes what is newer. So many may read one tail, and
    a slow one costs nothing.
    """

    def __init__(self) -> None:
        self.written = 0
        """The number of the last event that is known here."""
        self.news = asyncio.Event()
        """Set, and another one put in its place, when something has changed."""
        self._events: deque[LoggedEvent] = deque(maxlen=TAIL)

    def publish(self, events: Iterable[LoggedEvent]) -> None:
        """Show readers what is durable: repeated events are left out, and what comes after a gap begins anew."""
        for logged in events:
            if logged.n <= self.written:
                continue
            if logged.n > self.written + 1:
                self._events.clear()
            self._events.append(logged)
            self.written = logged.n
        self.tell()

    def newer(self, n: int) -> list[LoggedEvent] | None:
        """Return the known events after `n`; None when memory does not reach back so far."""
        if n >= self.written:
            return []
        skipped = n + 1 - self._events[0].n
        return None if skipped < 0 else list(islice(self._events, skipped, None))

    def tell(self) -> None:
        """Wake all who wait for news."""
        self.news.set()
        self.news = asyncio.Event()
