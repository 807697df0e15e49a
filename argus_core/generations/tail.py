"""The end of a log in memory, where those who follow it look before they ask the storage."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice

from argus_core.events import LoggedEvent, is_terminator

_log = logging.getLogger(__name__)
TAIL = 512
"""Events of a generation kept in memory; older ones are read from the storage."""

Push = Callable[[list[LoggedEvent]], bool]
"""Hands events on at once; False when whoever they are for cannot take them now."""


class _Follower:
    """A reader who has seen everything and is handed what comes, with no task woken for it."""

    def __init__(self, n: int, push: Push) -> None:
        self.n = n
        self.stopped = asyncio.Event()
        self._push = push

    def take(self, batch: list[LoggedEvent]) -> None:
        """Hand events on, or have the reader look for itself: for the terminator, behind a gap, when it is slow."""
        try:
            if self.n + 1 == batch[0].n and not is_terminator(batch[-1].event) and self._push(batch):
                self.n = batch[-1].n
                return
        except Exception as bug:  # noqa: BLE001 - it must not reach who writes, and the others who read
            _log.error("a reader could not be handed an event", exc_info=bug)
        self.stopped.set()


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
        self._followers: dict[_Follower, None] = {}

    def publish(self, events: Iterable[LoggedEvent]) -> None:
        """Show readers what is durable: repeated events are left out, and what comes after a gap begins anew."""
        fresh: list[LoggedEvent] = []
        for logged in events:
            if logged.n <= self.written:
                continue
            if logged.n > self.written + 1:
                self._events.clear()
                fresh.clear()
            self._events.append(logged)
            fresh.append(logged)
            self.written = logged.n
        if fresh:
            for follower in self._followers:
                follower.take(fresh)
        self._wake()

    def newer(self, n: int) -> list[LoggedEvent] | None:
        """Return the known events after `n`; None when memory does not reach back so far."""
        if n >= self.written:
            return []
        skipped = n + 1 - self._events[0].n
        return None if skipped < 0 else list(islice(self._events, skipped, None))

    async def follow(self, n: int, push: Push) -> int:
        """Have `push` called with all that comes after `n`; return the number of the last event that it took.

        Ends when something else is to be done: there are events that were not pushed, or `tell` was called.
        """
        if n != self.written:
            return n
        follower = _Follower(n, push)
        self._followers[follower] = None
        try:
            await follower.stopped.wait()
        finally:
            del self._followers[follower]
        return follower.n

    def tell(self) -> None:
        """Wake all who wait for news, those who follow too."""
        for follower in self._followers:
            follower.stopped.set()
        self._wake()

    def _wake(self) -> None:
        self.news.set()
        self.news = asyncio.Event()
