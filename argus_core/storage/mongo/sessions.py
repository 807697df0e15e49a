"""Sessions; each change of one is one conditional update."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from argus_core.domain import Session
from argus_core.mongodb import Document
from argus_core.storage.accounts import StoredSession
from argus_core.storage.mongo.account_documents import session_document, stored_session
from argus_core.storage.mongo.documents import text, whole_ms

if TYPE_CHECKING:
    from argus_core.mongodb import Database


async def create(db: Database, stored: StoredSession) -> None:
    """Insert it."""
    await db.sessions.insert_one(session_document(stored))


async def find(db: Database, session_id: str) -> StoredSession | None:
    """Return it, ended or not."""
    found = await db.sessions.find_one({"_id": text(session_id)})
    return None if found is None else stored_session(found)


async def advance(db: Database, session_id: str, generation: int, at: datetime) -> bool:
    """Compare the generation and raise it."""
    where = {"_id": text(session_id), "generation": generation, "ended_at": None}
    change = {"$inc": {"generation": 1}, "$set": {"refreshed_at": whole_ms(at), "seen_at": whole_ms(at)}}
    return (await db.sessions.update_one(where, change)).matched_count == 1


async def list_open(db: Database, user_id: str) -> list[Session]:
    """Return those that have not ended, the one seen last first."""
    found = db.sessions.find({"user_id": text(user_id), "ended_at": None}).sort({"seen_at": -1, "_id": 1})
    return [stored_session(each).session async for each in found]


async def find_open(db: Database, session_ids: Collection[str]) -> set[str]:
    """Return the ids of those that have not ended."""
    where = {"_id": {"$in": [text(each) for each in session_ids]}, "ended_at": None}
    return {each["_id"] async for each in db.sessions.find(where, {"_id": 1})}


async def end(db: Database, user_id: str, at: datetime, only: str | None, but: str | None) -> int:
    """Mark them ended; the first time counts."""
    where: Document = {"user_id": text(user_id), "ended_at": None}
    conditions: list[Document] = [] if only is None else [{"_id": text(only)}]
    conditions += [] if but is None else [{"_id": {"$ne": text(but)}}]
    if conditions:
        where["$and"] = conditions
    return (await db.sessions.update_many(where, {"$set": {"ended_at": whole_ms(at)}})).modified_count


async def purge(db: Database, before: datetime) -> int:
    """Remove those that ended or were seen last before then."""
    old = {"$lt": before}
    return (await db.sessions.delete_many({"$or": [{"ended_at": old}, {"seen_at": old}]})).deleted_count
