"""Buckets, days and holds: each decision is one update of one document, by the server's clock."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from argus_core.mongodb import Document, passing
from argus_core.storage.accounts import Amounts, Caps, DayUsage, Hold, Rate, Taken
from argus_core.storage.mongo import account_documents as documents
from argus_core.storage.mongo.account_documents import day_id, hold_document
from argus_core.storage.mongo.documents import SCHEMA_V, text
from argus_core.storage.rates import Measure, measure, taken

if TYPE_CHECKING:
    from argus_core.mongodb import Collection, Database

_NAMES = tuple(each.name for each in fields(Amounts))
_ZERO = dict.fromkeys(_NAMES, 0)
_NOW_US = {"$multiply": [{"$toLong": "$$NOW"}, 1000]}
_OVERTAKEN_US = 1_000_000
"""Updates that run at once may reach a document in another order than they began: `$$NOW` then seems to go back."""


async def take(db: Database, key: str, rate: Rate, cost: int) -> Taken:
    """Take from a bucket; with a cost of 0 only look."""
    size = measure(rate, cost)
    found = await (_took(db, key, size, cost) if cost else _look(db, key, size))
    return taken(size, found["ahead_us"], cost, found["allowed"])


async def _took(db: Database, key: str, size: Measure, cost: int) -> Document:
    needed_us = cost * size.interval_us
    moved = {"$add": ["$ahead_us", {"$cond": ["$allowed", needed_us, 0]}]}
    full_at_us = {"$add": ["$now_us", "$ahead_us"]}
    change = [
        *_ahead(size),
        {"$set": {"allowed": {"$lte": [{"$add": ["$ahead_us", needed_us]}, size.room_us]}}},
        {"$set": {"ahead_us": moved}},
        # `full_at` is for the index that removes full buckets.
        {"$set": {"full_at_us": full_at_us, "full_at": {"$toDate": {"$divide": [full_at_us, 1000]}}}},
    ]
    return await _upserted(passing(db.buckets), text(key), change)


async def _look(db: Database, key: str, size: Measure) -> Document:
    async for found in await passing(db.buckets).aggregate([{"$match": {"_id": text(key)}}, *_ahead(size)]):
        return {"ahead_us": found["ahead_us"], "allowed": False}
    return {"ahead_us": 0, "allowed": False}


def _ahead(size: Measure) -> list[Document]:
    """Return the stages that work out how far ahead of now the bucket is full."""
    seen_us = {"$ifNull": ["$now_us", 0]}
    overtaken = {"$lt": [{"$subtract": [seen_us, _NOW_US]}, _OVERTAKEN_US]}
    now_us = {"$cond": [overtaken, {"$max": [seen_us, _NOW_US]}, _NOW_US]}
    ahead_us = {"$subtract": [{"$ifNull": ["$full_at_us", 0]}, "$now_us"]}
    bounded = {"$min": [{"$max": [ahead_us, 0]}, size.room_us]}
    return [{"$set": {"now_us": now_us}}, {"$set": {"ahead_us": bounded}}]


async def reserve(db: Database, hold: Hold, caps: Caps) -> bool:
    """Hold the amounts if they fit; a generation that holds already is let through."""
    day, new = hold.day.isoformat(), {"$literal": hold_document(hold)}
    holds: Document = {"$ifNull": ["$holds", []]}
    is_new = {"$not": [{"$in": [{"$literal": hold.generation_id}, {"$ifNull": ["$holds.generation_id", []]}]}]}
    change = {
        "user_id": {"$literal": text(hold.user_id)},
        "day": day,
        "used": {"$ifNull": ["$used", _ZERO]},
        "holds": {"$cond": [{"$and": [is_new, *_fits(hold.amounts, caps)]}, {"$concatArrays": [holds, [new]]}, holds]},
        "schema_v": SCHEMA_V,
    }
    found = await _upserted(db.usage_days, day_id(hold.user_id, day), [{"$set": change}])
    return any(each["generation_id"] == hold.generation_id for each in found["holds"])


def _fits(wanted: Amounts, caps: Caps) -> list[Document]:
    """Return a condition per cap: used, held and wanted together do not pass it."""
    found: list[Document] = []
    for name in _NAMES:
        cap = getattr(caps, name)
        if cap is not None:
            sums = [{"$ifNull": [f"$used.{name}", 0]}, {"$sum": f"$holds.{name}"}, getattr(wanted, name)]
            found.append({"$lte": [{"$add": sums}, cap]})
    return found


async def settle(db: Database, user_id: str, day: date, generation_id: str, used: Amounts) -> bool:
    """Take the hold away and add what was used, in one update that finds the hold once."""
    where = {"_id": day_id(user_id, day.isoformat()), "holds.generation_id": text(generation_id)}
    change = {
        "$inc": {f"used.{name}": getattr(used, name) for name in _NAMES},
        "$pull": {"holds": {"generation_id": generation_id}},
    }
    return (await db.usage_days.update_one(where, change)).matched_count == 1


async def get_day(db: Database, user_id: str, day: date) -> DayUsage:
    """Return what was used and is held."""
    found = await db.usage_days.find_one({"_id": day_id(user_id, day.isoformat())})
    if found is None:
        return DayUsage()
    held = {name: sum(each[name] for each in found["holds"]) for name in _NAMES}
    return DayUsage(used=documents.amounts(found["used"]), held=Amounts(**held))


async def list_holds(db: Database, before: datetime, limit: int) -> list[Hold]:
    """Return old holds, the oldest first."""
    old = {"$match": {"holds.created_at": {"$lt": before}}}
    order = {"holds.created_at": 1, "holds.generation_id": 1}
    found = await db.usage_days.aggregate([old, {"$unwind": "$holds"}, old, {"$sort": order}, {"$limit": limit}])
    return [documents.hold(each, each["holds"]) async for each in found]


async def purge(db: Database, before: date) -> int:
    """Remove old days that hold nothing; full buckets go by themselves."""
    return (await db.usage_days.delete_many({"day": {"$lt": before.isoformat()}, "holds": []})).deleted_count


async def _upserted(collection: Collection, id: str, change: list[dict[str, Any]]) -> Document:
    """Change one document, making it if need be, and return it as it is then."""
    while True:
        try:
            found = await collection.find_one_and_update(
                {"_id": id}, change, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:  # another made it at the same moment: now it is there
            continue
        if found is not None:
            return found
