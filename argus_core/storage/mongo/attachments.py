"""Attachments: who owns which."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pymongo.errors import DuplicateKeyError

from argus_core.domain import Attachment
from argus_core.errors import Conflict, NotFound
from argus_core.storage.mongo import documents
from argus_core.storage.mongo.documents import owned

if TYPE_CHECKING:
    from argus_core.mongodb import Database


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
        raise NotFound("There is no such attachment.")
    return documents.attachment(found)


async def total_bytes(db: Database, user_id: str) -> int:
    """Return how many bytes the user's attachments have together."""
    total = {"$group": {"_id": None, "size_bytes": {"$sum": "$size_bytes"}}}
    found = await (await db.attachments.aggregate([{"$match": {"user_id": documents.text(user_id)}}, total])).to_list()
    return int(found[0]["size_bytes"]) if found else 0
