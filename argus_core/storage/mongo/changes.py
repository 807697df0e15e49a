"""Who follows the conversations of a user hears of every change: one change stream for the whole process.

The stream only says whose conversations to look at; what changed is found by the server's time in `changed`. So a
stream that broke needs no place to resume from: everybody looks once. A standalone server has no streams and is polled.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pymongo
from bson.timestamp import Timestamp
from pymongo.errors import OperationFailure, PyMongoError

from argus_core.domain import ConversationRow
from argus_core.errors import StorageError, StorageUnavailable
from argus_core.mongodb import Document
from argus_core.storage.mongo import documents
from argus_core.storage.mongo.documents import text
from argus_core.tasks import is_cancelled

if TYPE_CHECKING:
    from argus_core.mongodb import Database

POLL_S = 0.25
RETRY_S = 0.5
_AWAIT_MS = 1000
_SILENCE_S = 10.0
"""A server that has not even said in this time that nothing happened is gone."""
_OVERLAP_S = 10
"""Two writes may become visible in the other order than their times say; so far back is looked at again."""
_AT_ONCE = 200
_NO_STREAMS = 40573
_MARKED_ROW: Document = documents.ROW | {"changed": 1}
_STREAMED: list[Document] = [
    {
        "$match": {
            "$or": [
                {"operationType": {"$in": ["insert", "replace"]}},
                {"updateDescription.updatedFields.changed": {"$exists": True}},
            ]
        }
    },
    {"$project": {"fullDocument.user_id": 1}},
]


@dataclass(slots=True)
class Place:
    """What one follower has seen."""

    user_id: str
    newest: Timestamp | None = None
    """The time of the newest change seen; None before the first look."""
    seen: dict[str, Timestamp] = field(default_factory=dict)
    """Conversation -> time of its change, back to the overlap."""


Fetch = Callable[[Place], Awaitable[list[ConversationRow]]]


class ChangeFeed:
    """Rings a bell for each follower of a user whose conversations changed; listens only while somebody follows."""

    def __init__(self) -> None:
        self._bells: dict[asyncio.Event, str] = {}
        self._listener: asyncio.Task[None] | None = None
        self._closed = False

    def ring(self, user_ids: Iterable[str] | None = None) -> None:
        """Wake the followers of these users, None for all."""
        wanted = None if user_ids is None else set(user_ids)
        for bell, user_id in self._bells.items():
            if wanted is None or user_id in wanted:
                bell.set()

    async def follow(
        self, db: Database, start: asyncio.Future[Place], fetch: Fetch
    ) -> AsyncGenerator[ConversationRow, None]:
        """Yield what `fetch` finds from `start` on, now and after each bell, until closed."""
        bell = asyncio.Event()
        try:
            place = await asyncio.shield(start)  # a cancelled read may be swallowed by pymongo, and the cancel with it
            self._bells[bell] = place.user_id
            self._keep_listening(db)
            while not self._closed:
                bell.clear()
                changed = await _patiently(fetch, place)
                for conversation in changed or ():
                    yield conversation
                if changed is None and not self._closed:
                    await asyncio.sleep(RETRY_S)
                elif not changed and not self._closed:
                    await bell.wait()
        except StorageError:
            if not self._closed:
                raise
        finally:
            self._bells.pop(bell, None)
            if not self._bells and self._listener is not None:
                self._listener.cancel()

    async def close(self) -> None:
        """End every follower's iteration."""
        self._closed = True
        self.ring()
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener

    def _keep_listening(self, db: Database) -> None:
        task = self._listener
        if not self._closed and (task is None or task.done() or task.cancelling()):
            self._listener = asyncio.get_running_loop().create_task(self._listen(db), name="argus-store-changes")

    async def _listen(self, db: Database) -> None:
        """Ring at each change; when the server was away, ring for all that came meanwhile."""
        streams = True
        while not is_cancelled():
            try:
                await (self._stream(db) if streams else self._poll(db))
            except PyMongoError as error:
                if isinstance(error, OperationFailure) and error.code == _NO_STREAMS:
                    streams = False
                else:
                    await asyncio.sleep(RETRY_S)

    async def _stream(self, db: Database) -> None:
        watching = db.conversations.watch(_STREAMED, full_document="updateLookup", max_await_time_ms=_AWAIT_MS)
        async with await watching as stream:
            self.ring()
            while stream.alive and not is_cancelled():
                with pymongo.timeout(_SILENCE_S):  # for each look, where the client's would end the whole stream
                    event = await stream.try_next()
                if event and (found := event.get("fullDocument")):
                    self.ring([found["user_id"]])

    async def _poll(self, db: Database) -> None:
        newest: Timestamp | None = None
        known: set[tuple[str, Timestamp]] = set()
        self.ring()
        while not is_cancelled():
            marks = await _marks(db, sorted(set(self._bells.values())), newest)
            now = {(each["_id"], each["changed"]) for each in marks}
            self.ring(each["user_id"] for each in marks if (each["_id"], each["changed"]) not in known)
            newest = max((changed for _, changed in now), default=newest)
            known = now
            await asyncio.sleep(POLL_S)


async def _patiently(fetch: Fetch, place: Place) -> list[ConversationRow] | None:
    """Return what changed, None when the store is away for now: following goes on when it is back."""
    try:
        return await fetch(place)
    except StorageUnavailable:
        return None


async def find_place(db: Database, user_id: str) -> Place:
    """Return the place of a follower for whom all that is there now is the past."""
    place = Place(text(user_id))
    _move_on(place, await _marks(db, [user_id], None))
    return place


async def list_changed(db: Database, place: Place) -> list[ConversationRow]:
    """Return the conversations that changed since, oldest change first, and move the place on."""
    marks = await _marks(db, [place.user_id], place.newest)
    fresh = [each["_id"] for each in marks if place.seen.get(each["_id"]) != each["changed"]][:_AT_ONCE]
    found: dict[str, Document] = {}
    if fresh:
        where = {"_id": {"$in": fresh}, "user_id": place.user_id}
        found = {each["_id"]: each async for each in db.conversations.find(where, _MARKED_ROW)}
    if len(fresh) < _AT_ONCE:
        _move_on(place, marks)
    place.seen |= {id: each["changed"] for id, each in found.items()}
    return [documents.conversation_row(found[id]) for id in fresh if id in found]


def _move_on(place: Place, marks: list[Document]) -> None:
    place.seen = {each["_id"]: each["changed"] for each in marks}
    place.newest = marks[-1]["changed"] if marks else place.newest or Timestamp(0, 0)


async def _marks(db: Database, user_ids: list[str], newest: Timestamp | None) -> list[Document]:
    """Return id, user and time of what changed at that time, shortly before, or later; None is the newest of all."""
    of_users = {"user_id": {"$in": user_ids}}
    fields = {"user_id": 1, "changed": 1}
    if newest is None:
        last = await db.conversations.find_one(of_users, fields, sort={"changed": -1})
        newest = last["changed"] if last else Timestamp(0, 0)
    assert newest is not None
    since = Timestamp(max(newest.time - _OVERLAP_S, 0), 0)
    return [
        each async for each in db.conversations.find(of_users | {"changed": {"$gte": since}}, fields).sort("changed")
    ]
