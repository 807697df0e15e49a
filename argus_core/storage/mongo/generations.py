"""Generations: who runs what, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from argus_core.domain import Generation
from argus_core.errors import NotFound
from argus_core.mongodb import Document
from argus_core.storage import codec
from argus_core.storage.base import Ending
from argus_core.storage.mongo import documents, turns
from argus_core.storage.mongo.documents import NOW_CHANGED, owned, text

if TYPE_CHECKING:
    from argus_core.mongodb import Database

_RUNNING = {"status": "running"}
_WITHOUT_TURN = {"turn": 0}
_SETTLED = 50
"""Generations of a conversation remembered as counted: a crash is repaired long before so many have ended."""
_PURGED_AT_ONCE = 200


async def get(db: Database, user_id: str, generation_id: str) -> Generation:
    """Return it or raise `NotFound`."""
    found = await db.generations.find_one(owned(user_id, generation_id), _WITHOUT_TURN)
    if found is None:
        raise NotFound("There is no such answer.")
    return documents.generation(found)


async def list_running(db: Database, user_id: str) -> list[Generation]:
    """Return the user's running ones, oldest first."""
    found = db.generations.find(_RUNNING | {"user_id": text(user_id)}, _WITHOUT_TURN)
    return [documents.generation(each) async for each in found.sort({"created_at": 1, "_id": 1})]


async def list_expired(db: Database, now: datetime, limit: int) -> list[Generation]:
    """Return running ones whose lease ran out, the longest ago first."""
    found = db.generations.find(_RUNNING | {"lease_until": {"$lt": documents.whole_ms(now)}}, _WITHOUT_TURN)
    return [documents.generation(each) async for each in found.sort({"lease_until": 1, "_id": 1}).limit(limit)]


async def renew_leases(db: Database, generation_ids: Sequence[str], owner: str, until: datetime) -> set[str]:
    """Extend the leases; return the generations to be cancelled."""
    mine = _RUNNING | {"_id": {"$in": [text(id) for id in generation_ids]}, "owner": text(owner)}
    await db.generations.update_many(mine, {"$set": {"lease_until": until}})
    return {each["_id"] async for each in db.generations.find(mine | {"cancel_requested": True}, {"_id": 1})}


async def request_cancel(db: Database, user_id: str, generation_id: str) -> Generation:
    """Set the flag on a running one."""
    where = owned(user_id, generation_id) | _RUNNING
    await db.generations.update_one(where, {"$set": {"cancel_requested": True}})
    return await get(db, user_id, generation_id)


async def finish(db: Database, generation_id: str, ending: Ending, words: Sequence[str]) -> str:
    """Write the ending into message, conversation and generation, in this order and each once; return the user's id.

    The generation is `running` until the last write, so after a crash the sweeper finds it and calls this again. What
    a crash while the turn was started has left out is caught up first. The message is found by `words`.
    """
    record = await db.generations.find_one({"_id": text(generation_id)})
    if record is None:
        raise NotFound("There is no such answer.")
    user_id: str = record["user_id"]
    if record["status"] != "running":
        return user_id
    said = _said(ending) | documents.indexed(words)
    size = len(said["parts"].encode())
    if not await _end_message(db, record, said) or not await _settle(db, record, ending, size):
        await turns.complete(db, record)
        await _end_message(db, record, said)
        await _settle(db, record, ending, size)
    end = {"$set": {"status": ending.status, "ended_at": ending.ended_at}, "$unset": {"turn": ""}}
    await db.generations.update_one({"_id": record["_id"]} | _RUNNING, end)
    return user_id


def _said(ending: Ending) -> Document:
    return {
        "status": ending.status,
        "parts": codec.dump_parts(ending.parts),
        "usage": codec.dump(ending.usage),
        "problem": codec.dump(ending.problem),
        "duration_s": ending.duration_s,
        "truncated": ending.truncated,
        **documents.attached(ending.parts),
    }


async def _end_message(db: Database, record: Document, said: Document) -> bool:
    """Write what was said into the message, if it has no ending yet."""
    where = {"_id": record["message_id"]} | _RUNNING
    return bool((await db.messages.update_one(where, {"$set": said})).matched_count)


async def _settle(db: Database, record: Document, ending: Ending, size: int) -> bool:
    """Count the answer as unread and no longer as running, and what it takes, in one write."""
    generation_id = record["_id"]
    change: Document = {
        "$pull": {"open": generation_id},
        "$push": {"settled": {"$each": [generation_id], "$slice": -_SETTLED}},
        "$inc": {"unread": 1, "said_bytes": size},
        "$max": {"updated_at": documents.whole_ms(ending.ended_at)},
        "$currentDate": NOW_CHANGED,
    }
    done = await db.conversations.update_one({"_id": record["conversation_id"], "open": generation_id}, change)
    return bool(done.matched_count)


async def purge_logs(db: Database, before: datetime) -> int:
    """Remove the logs of generations that ended before then; return how many events went."""
    gone = 0
    old = {"has_log": True, "ended_at": {"$lt": documents.whole_ms(before)}}
    while ids := [each["_id"] async for each in db.generations.find(old, {"_id": 1}).limit(_PURGED_AT_ONCE)]:
        logs = {"generation_id": {"$in": ids}}
        gone += await _count_events(db, logs)
        await db.generation_events.delete_many(logs)
        await db.generations.update_many({"_id": {"$in": ids}}, {"$set": {"has_log": False}})
    return gone


async def _count_events(db: Database, logs: Document) -> int:
    events = {"$subtract": [{"$add": ["$last", 1]}, "$first"]}
    pipeline = [{"$match": logs}, {"$group": {"_id": None, "events": {"$sum": events}}}]
    async with await db.generation_events.aggregate(pipeline) as found:
        return sum([each["events"] async for each in found])
