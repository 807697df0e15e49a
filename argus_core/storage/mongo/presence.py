"""Who is open now; an index forgets those who were not noted for an hour."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from argus_core.mongodb import is_duplicate
from argus_core.storage.accounts import Presence
from argus_core.storage.mongo.account_documents import presence as read_presence
from argus_core.storage.mongo.account_documents import presence_document
from argus_core.storage.mongo.documents import text

if TYPE_CHECKING:
    from argus_core.mongodb import Database


async def note(db: Database, clients: Sequence[Presence]) -> None:
    """Write what they show."""
    found = [presence_document(each) for each in clients]
    writes = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in found]
    try:
        await db.presence.bulk_write(writes, ordered=False)
    except BulkWriteError as error:
        if not is_duplicate(error):
            raise
        await db.presence.bulk_write(writes, ordered=False)  # another noted one for the first time at the same moment


async def list_of(db: Database, user_ids: Collection[str], since: datetime) -> list[Presence]:
    """Return the clients of these users seen since then."""
    where = {"user_id": {"$in": [text(each) for each in user_ids]}, "seen_at": {"$gte": since}}
    return [read_presence(each) async for each in db.presence.find(where).sort({"_id": 1})]


async def forget(db: Database, client_ids: Collection[str]) -> None:
    """Remove these."""
    await db.presence.delete_many({"_id": {"$in": [text(each) for each in client_ids]}})
