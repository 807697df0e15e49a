"""Who follows the logs of other processes is told their new events: a change stream while somebody iterates.

There is no place to resume from: after a break one begins anew, and None sends all to the logs. A standalone server has
no streams; there None comes again and again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Container, Sequence
from typing import TYPE_CHECKING

import pymongo
from pymongo.errors import OperationFailure

from argus_core.errors import StorageError
from argus_core.events import LoggedEvent
from argus_core.mongodb import DRIVER_ERRORS, Document, translated
from argus_core.storage.mongo import log
from argus_core.tasks import is_cancelled

if TYPE_CHECKING:
    from argus_core.mongodb import Database

POLL_S = 0.1
NO_STREAMS = 40573
MOST_KEPT = 10_000
"""Events for who does not come to take them; more are left to be read from the logs."""
_AWAIT_MS = 1000
_AT_ONCE = 500
_SILENCE_S = 10.0
"""A server that has not even said in this time that nothing happened is gone."""
_INSERTED: list[Document] = [
    {"$match": {"operationType": "insert"}},
    {"$project": {f"fullDocument.{name}": 1 for name in ("generation_id", "first", "owner", "events")}},
]


class Listener:
    """One iteration: a task that talks to the server, and what it has heard."""

    def __init__(self, db: Database, wanted: Container[str]) -> None:
        self._db = db
        self._wanted = wanted
        self._heard: list[LoggedEvent] = []
        self._missed = False
        self._news = asyncio.Event()
        # A task of its own: pymongo may swallow a cancellation, and who iterates must be able to leave at once.
        self.task = asyncio.create_task(self._listen(), name="argus-store-appends")
        self.task.add_done_callback(self._ended)

    async def take(self) -> Sequence[LoggedEvent] | None:
        """Wait for something and return it; None when the logs must be read."""
        await self._news.wait()
        self._news.clear()
        missed, self._missed = self._missed, False
        heard, self._heard = self._heard, []
        return None if missed else heard

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._news.set()
        if not task.cancelled():
            task.exception()  # raised to who iterates; when they have left it is no news

    async def _listen(self) -> None:
        try:
            await self._stream()
        except OperationFailure as error:
            if error.code != NO_STREAMS:
                raise
            await self._poll()

    async def _stream(self) -> None:
        events = self._db.generation_events
        async with await events.watch(_INSERTED, max_await_time_ms=_AWAIT_MS, batch_size=_AT_ONCE) as stream:
            self._miss()
            while stream.alive and not is_cancelled():
                with pymongo.timeout(_SILENCE_S):  # for each look, where the client's would end the whole stream
                    change = await stream.try_next()
                if change:
                    self._hear(change["fullDocument"])

    async def _poll(self) -> None:
        while True:
            self._miss()
            await asyncio.sleep(POLL_S)

    def _hear(self, document: Document) -> None:
        if document["generation_id"] not in self._wanted or self._missed:
            return
        try:
            self._heard += log.events_of(document)
        except StorageError:
            self._miss()  # whoever reads it is told what is wrong
        else:
            self._news.set()
        if len(self._heard) > MOST_KEPT:
            self._miss()

    def _miss(self) -> None:
        self._missed = True
        self._heard.clear()
        self._news.set()


class AppendFeed:
    """All iterations of a storage."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def follow(self, db: Database, wanted: Container[str]) -> AsyncGenerator[Sequence[LoggedEvent] | None, None]:
        """Yield what is heard until closed."""
        listener = Listener(db, wanted)
        self._tasks.add(listener.task)
        listener.task.add_done_callback(self._tasks.discard)
        try:
            while not listener.task.done():
                told = await listener.take()
                if told is None or told:
                    yield told
            if not self._closed and not listener.task.cancelled():
                listener.task.result()
        except DRIVER_ERRORS as error:
            raise translated(error, self._place) from error
        finally:
            listener.task.cancel()

    async def close(self) -> None:
        """End every iteration."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
