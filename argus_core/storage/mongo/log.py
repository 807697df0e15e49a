"""The write-ahead logs. A document holds the events one write brought to one generation, from `first` to `last`.

Its `_id` is `generation_id:first`, the slot that arbitrates: each writer has read where the log ends, or written it
there itself, so documents lie end to end, and of two that would go on from one place the second is refused whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pymongo.errors import BulkWriteError

from argus_core.events import LoggedEvent, is_terminator
from argus_core.mongodb import Document, is_duplicate
from argus_core.storage import codec
from argus_core.storage.mongo import documents
from argus_core.storage.mongo.documents import text
from argus_core.storage.paging import is_full

if TYPE_CHECKING:
    from argus_core.mongodb import Database

_TRUSTED_S = 30.0
"""How long the end of a log that was written here is not read again. A process that slept longer may have been given
up, its log ended by another and purged since."""
_MOST_REMEMBERED = 4096
_MOST_CHARS = 1 << 20
"""Text in one document, 4 bytes a character at most, far below the 16 MB that MongoDB takes."""


@dataclass(slots=True)
class _Log:
    """What is known of a log."""

    user_id: str
    last: int
    ended: bool
    """Nothing may follow: a terminator is there, or the log was purged."""
    since: int
    """`stored` holds every slot from here to `last`."""
    stored: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Slot -> owner and event."""


@dataclass(frozen=True, slots=True)
class _Tail:
    user_id: str
    last: int
    written_at: float


class LogWriter:
    """Appends to logs, and remembers where those end that are written here, so that an append reads nothing."""

    def __init__(self) -> None:
        self._tails: dict[str, _Tail] = {}

    def begin(self, user_id: str, generation_id: str) -> None:
        """Remember that a new generation has an empty log."""
        self._remember(generation_id, _Log(user_id, 0, False, since=1))

    async def append(self, db: Database, events: Sequence[LoggedEvent]) -> set[str]:
        """Write what fits into the logs, as a rule in one write; return the generations that lost a slot."""
        todo: dict[str, list[LoggedEvent]] = {}
        for logged in events:
            todo.setdefault(text(logged.generation_id), []).append(logged)
        logs = {id: self._remembered(id, each[0].n) for id, each in todo.items()}
        lost: set[str] = set()
        while todo:
            await _read(db, logs, todo)
            lost |= {id for id, each in todo.items() if not _skip_stored(logs[id], each)}
            todo = {id: each for id, each in todo.items() if each and id not in lost}
            await self._write(db, logs, todo)
            todo = {id: each for id, each in todo.items() if each}
        return lost

    async def _write(self, db: Database, logs: dict[str, _Log | None], todo: dict[str, list[LoggedEvent]]) -> None:
        """Write a document for each log and take it off `todo`; forget the logs that have grown meanwhile."""
        pieces = {id: _next_piece(each) for id, each in todo.items()}
        refused = await _insert(db, [_document(log.user_id, pieces[id]) for id in pieces if (log := logs[id])])
        for id, piece in pieces.items():
            log = logs[id]
            if log is None or id in refused:
                logs[id] = None
                continue
            log.stored |= {logged.n: (logged.owner, event) for logged, event in piece}
            log.last, log.ended = piece[-1][0].n, is_terminator(piece[-1][0].event)
            del todo[id][: len(piece)]
            self._remember(id, log)

    def _remembered(self, generation_id: str, first: int) -> _Log | None:
        tail = self._tails.get(generation_id)
        if tail is None or first != tail.last + 1 or time.time() - tail.written_at > _TRUSTED_S:
            return None
        return _Log(tail.user_id, tail.last, False, since=first)

    def _remember(self, generation_id: str, log: _Log) -> None:
        self._tails.pop(generation_id, None)
        if not log.ended:
            self._tails[generation_id] = _Tail(log.user_id, log.last, time.time())
            if len(self._tails) > _MOST_REMEMBERED:
                del self._tails[next(iter(self._tails))]


def events_of(document: Document) -> list[LoggedEvent]:
    """Return the events that a document holds."""
    return [
        LoggedEvent(document["generation_id"], n, document["owner"], codec.load_event(event))
        for n, event in enumerate(document["events"], document["first"])
    ]


async def events_after(db: Database, generation_id: str, n: int, limit: int) -> list[LoggedEvent]:
    """Return the events from `n + 1` on, up to a gap: a log that is being purged is removed in any order."""
    where = {"generation_id": text(generation_id), "last": {"$gt": n}}
    found: list[LoggedEvent] = []
    async with db.generation_events.find(where).sort({"last": 1}).limit(limit) as logs:
        async for each in logs:
            if each["first"] > n + len(found) + 1:
                break
            found += [logged for logged in events_of(each) if logged.n > n]
            if is_full(found, limit):
                break
    return found[:limit]


async def _read(db: Database, logs: dict[str, _Log | None], todo: dict[str, list[LoggedEvent]]) -> None:
    """Read the logs of which it is not known what stands where the next event is to go."""
    ids = [id for id, each in todo.items() if (log := logs[id]) is None or each[0].n < log.since]
    if not ids:
        return
    generations = db.generations.find({"_id": {"$in": ids}}, {"user_id": 1, "status": 1})
    found = {each["_id"]: each async for each in generations}
    read = await asyncio.gather(*(_read_log(db, each, todo[id][0].n) for id, each in found.items()))
    logs |= dict.fromkeys(ids) | dict(zip(found, read, strict=True))


async def _read_log(db: Database, generation: Document, since: int) -> _Log:
    own = {"generation_id": generation["_id"]}
    end = await db.generation_events.find_one(own, {"last": 1, "ends": 1}, sort={"last": -1})
    if end is None:
        return _Log(generation["user_id"], 0, generation["status"] != "running", since)
    log = _Log(generation["user_id"], end["last"], end["ends"], since)
    async for each in db.generation_events.find(own | {"last": {"$gte": since, "$lte": log.last}}):
        log.stored |= {n: (each["owner"], event) for n, event in enumerate(each["events"], each["first"])}
    return log


def _skip_stored(log: _Log | None, events: list[LoggedEvent]) -> bool:
    """Take what is stored already off `events`; return False when the next one cannot be written."""
    if log is None:
        return False
    while events and events[0].n <= log.last:
        if log.stored.get(events[0].n) != (events[0].owner, codec.dump_event(events[0].event)):
            return False
        del events[0]
    return not events or (not log.ended and events[0].n == log.last + 1)


_Piece = list[tuple[LoggedEvent, str]]


def _next_piece(events: list[LoggedEvent]) -> _Piece:
    """Return the first events and their text: consecutive, up to a terminator, not too many for one document."""
    piece: _Piece = []
    room = _MOST_CHARS
    for logged in events:
        if piece and (logged.n != piece[-1][0].n + 1 or logged.owner != piece[-1][0].owner):
            break
        event = codec.dump_event(logged.event)
        room -= len(event)
        if piece and room < 0:
            break
        piece.append((logged, event))
        if is_terminator(logged.event):
            break
    return piece


def _document(user_id: str, piece: _Piece) -> Document:
    first, last = piece[0][0], piece[-1][0]
    return {
        "_id": f"{first.generation_id}:{first.n}",
        "generation_id": first.generation_id,
        "first": first.n,
        "last": last.n,
        "owner": text(first.owner),
        "events": [event for _, event in piece],
        "ends": is_terminator(last.event),
        "user_id": user_id,
        "schema_v": documents.SCHEMA_V,
    }


def packed(user_id: str, events: list[LoggedEvent]) -> list[Document]:
    """Return the documents for events of one generation, in order, of a log that is copied."""
    rows = []
    while events:
        piece = _next_piece(events)
        rows.append(_document(user_id, piece))
        events = events[len(piece) :]
    return rows


async def _insert(db: Database, pieces: list[Document]) -> set[str]:
    """Write all that can be written at once; return the generations whose slot was taken."""
    if not pieces:
        return set()
    try:
        await db.generation_events.insert_many(pieces, ordered=False)
    except BulkWriteError as error:
        if not is_duplicate(error):
            raise
        return {pieces[each["index"]]["generation_id"] for each in error.details["writeErrors"]}
    return set()
