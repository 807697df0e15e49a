"""Attachments: who owns which, and which messages have them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pymongo.errors import DuplicateKeyError

from argus_core.domain import Attachment
from argus_core.errors import Conflict, NotFound
from argus_core.mongodb import Document
from argus_core.storage.mongo import documents
from argus_core.storage.mongo.documents import owned, text

if TYPE_CHECKING:
    from argus_core.mongodb import Database

CLAIMED = timedelta(minutes=10)
"""So long a claimed one waits for its message."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_FOUND = "There is no such attachment."


async def create(db: Database, user_id: str, attachment: Attachment, now: datetime) -> Attachment:
    """Insert it; one with this id and owner is returned as it is."""
    try:
        await db.attachments.insert_one(documents.attachment_document(user_id, attachment, now))
    except DuplicateKeyError:
        try:
            return await get(db, user_id, attachment.id)
        except NotFound:
            raise Conflict("This id is taken.") from None
    return attachment


async def get(db: Database, user_id: str, attachment_id: str) -> Attachment:
    """Return it or raise `NotFound`."""
    found = await db.attachments.find_one(owned(user_id, attachment_id))
    if found is None:
        raise NotFound(_NOT_FOUND)
    return documents.attachment(found)


async def claim(db: Database, user_id: str, ids: Sequence[str], now: datetime) -> list[Attachment]:
    """Note the time with each and return them."""
    where = {"_id": {"$in": [text(id) for id in ids]}, "user_id": text(user_id)}
    await db.attachments.update_many(where, {"$set": {"free_since": documents.whole_ms(now)}})
    found = {each["_id"]: documents.attachment(each) async for each in db.attachments.find(where)}
    if not found.keys() >= set(ids):
        raise NotFound(_NOT_FOUND)
    return [found[id] for id in ids]


async def release(db: Database, conversation_id: str) -> list[str]:
    """Let go of the attachments of a conversation that is about to be purged; return their ids.

    Should the purge break off behind this, whoever frees attachments finds them.
    """
    having = db.messages.find(
        {"conversation_id": conversation_id, "attachment_ids": {"$exists": True}}, {"attachment_ids": 1}
    )
    ids = list({id for each in await having.to_list() for id in each["attachment_ids"]})
    await db.attachments.update_many({"_id": {"$in": ids}, "free_since": None}, {"$set": {"free_since": _LONG_AGO}})
    return ids


async def free(db: Database, before: datetime, ids: Sequence[str] | None = None) -> int:
    """Remove those that no message has and nobody has claimed since; return how many went.

    Args:
        db: The database.
        before: When they must have been free.
        ids: The only ones to look at; None for all.
    """
    where: Document = {"free_since": {"$lt": documents.whole_ms(before)}}
    if ids is not None:
        where["_id"] = {"$in": list(ids)}
    return sum([await _free(db, each) async for each in db.attachments.find(where, {"digest": 1, "free_since": 1})])


async def _free(db: Database, found: Document) -> int:
    """Remove one, if it is as it was found; its digest is taken down before."""
    same = {"_id": found["_id"], "free_since": found["free_since"]}
    if await db.messages.find_one({"attachment_ids": found["_id"]}, {"_id": 1}) is not None:
        await db.attachments.update_one(same, {"$set": {"free_since": None}})
        return 0
    await db.orphans.update_one(
        {"_id": found["digest"]}, {"$setOnInsert": {"schema_v": documents.SCHEMA_V}}, upsert=True
    )
    return (await db.attachments.delete_one(same)).deleted_count


async def list_orphans(db: Database, limit: int) -> list[str]:
    """Return digests of attachments that were removed."""
    return [each["_id"] async for each in db.orphans.find().limit(limit)]


async def is_attached(db: Database, digest: str) -> bool:
    """Return whether anybody has it."""
    return await db.attachments.find_one({"digest": text(digest)}, {"_id": 1}) is not None


async def forget_orphan(db: Database, digest: str) -> None:
    """Take it off the list."""
    await db.orphans.delete_one({"_id": text(digest)})


async def total_bytes(db: Database, user_id: str) -> int:
    """Return how many bytes the user's attachments have together."""
    total = {"$group": {"_id": None, "size_bytes": {"$sum": "$size_bytes"}}}
    found = await (await db.attachments.aggregate([{"$match": {"user_id": text(user_id)}}, total])).to_list()
    return int(found[0]["size_bytes"]) if found else 0
