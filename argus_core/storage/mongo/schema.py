"""Indexes and migrations, done at start by one process at a time.

A step may run again after a crash half-way, so each one can be repeated. Old and new processes may run side by side
only across steps that add indexes or fields.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pymongo
from pymongo import IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from argus_core.errors import SchemaTooNew, StorageError, StorageUnavailable
from argus_core.ids import new_id
from argus_core.mongodb import Document
from argus_core.storage.codec import load_parts
from argus_core.storage.mongo.accounts import HAS_EMAIL
from argus_core.storage.mongo.documents import SIZES, attached

if TYPE_CHECKING:
    from argus_core.mongodb import Database

LEASE_S = 30.0
"""So long nobody else takes the lock of a process that died; a living one renews it in time."""
PATIENCE_S = 120.0
_LOOK_S = 0.2
_AT_ONCE = 100
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_LOCK = "lock"
_VERSION = "schema"
_COUNTED = ("users", "conversations", "messages", "generations", "generation_events", "attachments")

_RUNNING = {"status": "running"}
_INDEXES: dict[str, list[IndexModel]] = {
    "conversations": [
        # Without the words of the title: an index over a list cannot tell `deleted_at: None` from no value in order.
        IndexModel({"user_id": 1, "deleted_at": 1, "pinned": -1, "updated_at": -1, "_id": 1}, name="listed"),
        IndexModel({"user_id": 1, "changed": 1}, name="changed"),
        IndexModel({"deleted_at": 1}, name="deleted", partialFilterExpression={"deleted_at": {"$type": "date"}}),
    ],
    "messages": [
        IndexModel({"conversation_id": 1, "seq": 1}, name="numbered", unique=True),
        IndexModel({"conversation_id": 1, "parent_id": 1, "seq": 1}, name="children"),
        IndexModel(
            {"user_id": 1, "created_at": -1, "seq": -1},
            name="prompts",
            partialFilterExpression={"role": "user"},
        ),
        IndexModel({"user_id": 1, "tokens": 1}, name="words"),
    ],
    "generations": [
        IndexModel(
            {"conversation_id": 1, "client_msg_id": 1},
            name="sent",
            unique=True,
            partialFilterExpression={"client_msg_id": {"$type": "string"}},
        ),
        IndexModel({"conversation_id": 1}, name="of"),
        IndexModel({"user_id": 1, "created_at": 1, "_id": 1}, name="running", partialFilterExpression=_RUNNING),
        IndexModel({"lease_until": 1, "_id": 1}, name="leases", partialFilterExpression=_RUNNING),
        IndexModel({"ended_at": 1}, name="logs", partialFilterExpression={"has_log": True}),
    ],
    "generation_events": [IndexModel({"generation_id": 1, "last": 1}, name="log")],
    "attachments": [
        IndexModel({"user_id": 1}, name="of"),
        IndexModel({"digest": 1}, name="blobs"),
    ],
}


async def _v1_indexes(db: Database) -> None:
    await asyncio.gather(*(db[name].create_indexes(indexes) for name, indexes in _INDEXES.items()))


_ACCOUNT_INDEXES: dict[str, list[IndexModel]] = {
    "users": [IndexModel({"email": 1}, name="emails", unique=True, partialFilterExpression=HAS_EMAIL)],
    "sessions": [
        IndexModel({"user_id": 1, "ended_at": 1, "seen_at": -1, "_id": 1}, name="listed"),
        IndexModel({"seen_at": 1}, name="seen"),
        IndexModel({"ended_at": 1}, name="ended"),
    ],
    "invites": [
        IndexModel({"code_digest": 1}, name="codes", unique=True),
        IndexModel({"created_at": -1, "_id": 1}, name="listed"),
    ],
    "buckets": [IndexModel({"full_at": 1}, name="full", expireAfterSeconds=60)],
    "usage_days": [
        IndexModel({"day": 1}, name="old"),
        IndexModel({"holds.created_at": 1}, name="holds"),
    ],
    "presence": [
        IndexModel({"user_id": 1, "seen_at": 1}, name="of"),
        IndexModel({"seen_at": 1}, name="forgotten", expireAfterSeconds=3600),
    ],
}


async def _v2_accounts(db: Database) -> None:
    await asyncio.gather(*(db[name].create_indexes(indexes) for name, indexes in _ACCOUNT_INDEXES.items()))


_SHARE_INDEXES: dict[str, list[IndexModel]] = {
    "conversations": [IndexModel(dict.fromkeys(("user_id", "deleted_at", *SIZES), 1), name="kept")],
    "messages": [
        IndexModel({"attachment_ids": 1}, name="uses", partialFilterExpression={"attachment_ids": {"$exists": True}})
    ],
    "attachments": [
        IndexModel({"user_id": 1, "size_bytes": 1}, name="kept"),
        IndexModel({"free_since": 1}, name="free", partialFilterExpression={"free_since": {"$type": "date"}}),
    ],
}
_HAS_ATTACHMENT = {"$expr": {"$gte": [{"$indexOfBytes": ["$parts", '"attachment"']}, 0]}}


async def _v3_shares(db: Database) -> None:
    """Count what everybody keeps, from what is there; whoever repeats it counts anew."""
    await asyncio.gather(*(db[name].create_indexes(indexes) for name, indexes in _SHARE_INDEXES.items()))
    of_texts = {name: {"$strLenBytes": f"${name.removesuffix('_bytes')}"} for name in ("draft_bytes", "system_bytes")}
    said: list[Document] = [
        {"$match": {"status": {"$ne": "running"}}},
        {"$group": {"_id": "$conversation_id", "said_bytes": {"$sum": {"$strLenBytes": "$parts"}}}},
        {"$merge": {"into": "conversations", "on": "_id", "whenMatched": "merge", "whenNotMatched": "discard"}},
    ]
    with pymongo.timeout(PATIENCE_S):
        await db.conversations.update_many({}, [{"$set": of_texts | {"said_bytes": {"$ifNull": ["$said_bytes", 0]}}}])
        await (await db.messages.aggregate(said, allowDiskUse=True)).to_list()
    await _note_uses(db)
    unseen = {"free_since": {"$exists": False}}
    await db.attachments.update_many(unseen, [{"$set": {"free_since": "$created_at"}}])


async def _note_uses(db: Database) -> None:
    """Take down which attachments the messages have that are there."""
    last = ""
    while True:
        where = {"_id": {"$gt": last}, "attachment_ids": {"$exists": False}, **_HAS_ATTACHMENT}
        with pymongo.timeout(PATIENCE_S):
            found = await db.messages.find(where, {"parts": 1}).sort("_id").limit(_AT_ONCE).to_list()
        if not found:
            return
        uses = {each["_id"]: attached(load_parts(each["parts"])) for each in found}
        changes = [UpdateOne({"_id": id}, {"$set": fields}) for id, fields in uses.items() if fields]
        if changes:
            await db.messages.bulk_write(changes)
        last = found[-1]["_id"]


STEPS: tuple[Callable[[Database], Awaitable[None]], ...] = (_v1_indexes, _v2_accounts, _v3_shares)
"""Append-only: a database at version `n` has had the first `n` of them. A released step is never edited."""
VERSION = len(STEPS)


async def upgrade(db: Database) -> None:
    """Do the steps that are missing, under the lock.

    Raises:
        SchemaTooNew: The database has steps this program does not know.
        StorageError: It is a database of some other program.
        StorageUnavailable: Another process holds the lock too long.
    """
    if await _current(db) == VERSION:
        return
    owner = new_id()
    await _lock(db, owner)
    renewing = asyncio.create_task(_renew(db, owner), name="argus-store-migration-lease")
    try:
        for number in range(await _current(db), VERSION):
            await STEPS[number](db)
            await _write_version(db, number + 1, owner)
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
        await db.meta.delete_one({"_id": _LOCK, "owner": owner})


async def _current(db: Database) -> int:
    found = await db.meta.find_one({"_id": _VERSION})
    if found is None:
        others = [name for name in await db.list_collection_names() if not name.startswith("system.")]
        if others and "meta" not in others:
            raise StorageError(f"The database «{db.name}» belongs to another program; name another one in MONGO_URI.")
        return 0
    version = found.get("version")
    if type(version) is not int:
        raise StorageError(f"The database «{db.name}» is damaged or not an Argus store.")
    if version > VERSION:
        raise SchemaTooNew(f"Its version is {version}, this Argus knows {VERSION}: install a newer Argus.")
    return version


async def _lock(db: Database, owner: str) -> None:
    """Wait for the lock; times are the server's, so no clock of ours counts."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not await _try_lock(db, owner):
        if asyncio.get_running_loop().time() > deadline:
            raise StorageUnavailable("Another Argus is bringing the database up to date; try again in a while.")
        await asyncio.sleep(_LOOK_S)


async def _try_lock(db: Database, owner: str) -> bool:
    """Take the lock if it is free, ran out or is ours."""
    me = {"$literal": owner}
    free = {"$or": [{"$eq": ["$owner", me]}, {"$lt": [{"$ifNull": ["$until", _LONG_AGO]}, "$$NOW"]}]}
    until = {"$add": ["$$NOW", int(LEASE_S * 1000)]}
    change = [{"$set": {"owner": {"$cond": [free, me, "$owner"]}, "until": {"$cond": [free, until, "$until"]}}}]
    after = ReturnDocument.AFTER
    try:
        found = await db.meta.find_one_and_update({"_id": _LOCK}, change, upsert=True, return_document=after)
    except DuplicateKeyError:  # two made it at once
        return False
    return found is not None and bool(found["owner"] == owner)


async def _renew(db: Database, owner: str) -> None:
    while True:
        await asyncio.sleep(LEASE_S / 3)
        await _try_lock(db, owner)


async def _write_version(db: Database, version: int, owner: str) -> None:
    if await db.meta.find_one({"_id": _LOCK, "owner": owner}) is None:
        raise StorageUnavailable("Another Argus took over bringing the database up to date; try again.")
    await db.meta.update_one({"_id": _VERSION}, {"$max": {"version": version}}, upsert=True)


async def statistics(db: Database) -> dict[str, int | str]:
    """Return the server's version and kind, the place, and what the collections hold."""
    hello = await db.command("hello")
    build = await db.command("buildInfo")
    sizes = await db.command("dbStats")
    kind = f"replica set {hello['setName']}" if "setName" in hello else "standalone, for trying only"
    if hello.get("msg") == "isdbgrid":
        kind = "sharded cluster"
    counts: dict[str, int | str] = {name: await db[name].estimated_document_count() for name in _COUNTED}
    return {
        "driver": f"MongoDB {build['version']}",
        "topology": kind,
        "database": db.name,
        "version": await _current(db),
        "size_bytes": int(sizes["storageSize"] + sizes["indexSize"]),
        **counts,
    }
