"""Users, preferences and conversations."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from argus_core.domain import Conversation, ConversationRow, Page, User
from argus_core.errors import Conflict, NotFound
from argus_core.mongodb import Document
from argus_core.storage.base import ConversationChange, Keeping
from argus_core.storage.mongo import attachments, documents
from argus_core.storage.mongo.accounts import TAKEN
from argus_core.storage.mongo.documents import NOW_CHANGED, ROW, alive, owned, starting_with, text
from argus_core.storage.paging import cursor_after, read_cursor
from argus_core.storage.times import from_ms
from argus_core.text.fold import query_terms

if TYPE_CHECKING:
    from argus_core.mongodb import Database

SORTED = {"pinned": -1, "updated_at": -1, "_id": 1}


async def ensure_user(db: Database, user: User) -> User:
    """Insert the user unless the id is taken; return the stored one."""
    try:
        await db.users.insert_one(documents.user_document(user))
    except DuplicateKeyError:
        try:
            return await get_user(db, user.id)
        except NotFound:
            raise Conflict(TAKEN) from None
    return user


async def get_user(db: Database, user_id: str) -> User:
    """Return the user or raise `NotFound`."""
    found = await db.users.find_one({"_id": text(user_id)})
    if found is None:
        raise NotFound("There is no such user.")
    return documents.user(found)


async def get_preference(db: Database, user_id: str, name: str) -> str | None:
    """Return the value or None."""
    found = await db.preferences.find_one(_preference(user_id, name))
    return found["value"] if found else None


async def set_preference(db: Database, user_id: str, name: str, value: str | None) -> None:
    """Keep or forget the value."""
    if value is None:
        await db.preferences.delete_one(_preference(user_id, name))
        return
    change = {"$set": {"value": text(value)}, "$setOnInsert": {"name": name, "schema_v": documents.SCHEMA_V}}
    await db.preferences.update_one(_preference(user_id, name), change, upsert=True)


def _preference(user_id: str, name: str) -> Document:
    return owned(user_id, f"{user_id}:{text(name)}")


async def create(db: Database, new: Conversation) -> Conversation:
    """Insert it; one with this id and owner is returned as it is."""
    try:
        await db.conversations.insert_one(documents.conversation_document(new))
    except DuplicateKeyError:
        found = await db.conversations.find_one(owned(new.user_id, new.id))
        if found is None:
            raise Conflict("This id is taken.") from None
        return documents.conversation(found)
    return await get(db, new.user_id, new.id)


async def get(db: Database, user_id: str, conversation_id: str) -> Conversation:
    """Return it, deleted or not, or raise `NotFound`."""
    found = await _find(db, owned(user_id, conversation_id))
    if found is None:
        raise NotFound("There is no such conversation.")
    return found


async def require(db: Database, user_id: str, conversation_id: str) -> None:
    """Raise `NotFound` unless the user has such a conversation, deleted or not."""
    if await db.conversations.find_one(owned(user_id, conversation_id), {"_id": 1}) is None:
        raise NotFound("There is no such conversation.")


async def _find(db: Database, where: Document) -> Conversation | None:
    found = await db.conversations.find_one(where)
    return None if found is None else documents.conversation(found)


async def find(db: Database, user_id: str, id_prefix: str, limit: int) -> list[ConversationRow]:
    """Return those whose id begins so, newest first."""
    where = {"user_id": text(user_id), "deleted_at": None, "_id": starting_with(id_prefix)}
    found = db.conversations.find(where, ROW).sort({"updated_at": -1, "_id": 1}).limit(limit)
    return [documents.conversation_row(each) async for each in found]


async def list_page(db: Database, user_id: str, limit: int, cursor: str | None, words: str) -> Page[ConversationRow]:
    """Return one page of the sidebar."""
    where: Document = {"user_id": text(user_id), "deleted_at": None}
    conditions = [*_after(cursor), *_titled(words)]
    if conditions:
        where["$and"] = conditions
    found = db.conversations.find(where, ROW).sort(SORTED).limit(limit + 1)
    items = tuple([documents.conversation_row(each) async for each in found])
    if len(items) <= limit:
        return Page(items)
    return Page(items[:limit], cursor_after(items[limit - 1]))


async def count(db: Database, user_id: str) -> int:
    """Return how many are not deleted."""
    return await db.conversations.count_documents({"user_id": text(user_id), "deleted_at": None})


async def update(db: Database, user_id: str, conversation_id: str, change: ConversationChange) -> Conversation:
    """Set the fields that are not None."""
    given = {each.name: getattr(change, each.name) for each in fields(change)}
    values = {name: value for name, value in given.items() if value is not None}
    if "model" in values:
        values["model"] = values["model"] or None
    if "title" in values:
        values["title_words"] = documents.title_words(values["title"])
    values |= documents.sizes(system=change.system, draft=change.draft)
    where = alive(user_id, conversation_id)
    changed = await _change(db, where, {"$set": values}) if values else await _find(db, where)
    if changed is None:
        raise NotFound("There is no such conversation.")
    return changed


async def move_head(db: Database, user_id: str, conversation_id: str, head_id: str | None, rev: int) -> Conversation:
    """Compare `rev` and set the head, in one write."""
    stale = Conflict("The conversation went on in another window.")
    now = await db.conversations.find_one(alive(user_id, conversation_id), {"rev": 1})
    if now is None:
        raise NotFound("There is no such conversation.")
    if now["rev"] != rev:
        raise stale
    if head_id is not None:
        await require_message(db, conversation_id, head_id)
    where = alive(user_id, conversation_id) | {"rev": rev}
    moved = await _change(db, where, {"$set": {"head_id": head_id}, "$inc": {"rev": 1}})
    if moved is None:
        raise stale
    return moved


async def delete(db: Database, user_id: str, conversation_id: str, at: datetime) -> None:
    """Mark it deleted; the first time counts."""
    change = {"$set": {"deleted_at": at}, "$currentDate": NOW_CHANGED}
    if not (await db.conversations.update_one(alive(user_id, conversation_id), change)).matched_count:
        await require(db, user_id, conversation_id)


async def restore(db: Database, user_id: str, conversation_id: str) -> Conversation:
    """Take the mark away, unless it is being removed for good."""
    where = owned(user_id, conversation_id) | {"purging": None}
    restored = await _change(db, where | {"deleted_at": {"$ne": None}}, {"$set": {"deleted_at": None}})
    if restored is not None:
        return restored
    found = await db.conversations.find_one(where)
    if found is None:
        raise NotFound("There is no such conversation.")
    return documents.conversation(found)


async def count_preferences(db: Database, user_id: str) -> int:
    """Return how many values the user keeps."""
    return await db.preferences.count_documents({"user_id": text(user_id)})


async def keeping(db: Database, user_id: str) -> Keeping:
    """Return how much the user keeps, read from indexes alone."""
    size = {"$add": [{"$ifNull": [f"${name}", 0]} for name in documents.SIZES]}
    is_deleted = {"$ne": [{"$ifNull": ["$deleted_at", None]}, None]}
    totals: list[Document] = [
        {"$match": {"user_id": text(user_id)}},
        {"$group": {"_id": is_deleted, "count": {"$sum": 1}, "bytes": {"$sum": size}}},
    ]
    counting = db.conversations.aggregate(totals, hint="kept")
    found, picture_bytes = await asyncio.gather(counting, attachments.total_bytes(db, user_id))
    kinds = {each["_id"]: each async for each in found}
    alive, deleted = (kinds.get(kind, {"count": 0, "bytes": 0}) for kind in (False, True))
    return Keeping(
        conversations=alive["count"],
        text_bytes=alive["bytes"],
        deleted=deleted["count"],
        deleted_text_bytes=deleted["bytes"],
        picture_bytes=picture_bytes,
    )


async def purge_oldest(db: Database, user_id: str, now: datetime) -> bool:
    """Remove what the user deleted first; False when nothing is left."""
    where = {"user_id": text(user_id), "deleted_at": {"$type": "date"}}
    change = {"$set": {"purging": True}}
    doomed = await db.conversations.find_one_and_update(where, change, projection=["_id"], sort={"deleted_at": 1})
    if doomed is not None:
        await _purge_one(db, doomed["_id"], now)
    return doomed is not None


async def purge(db: Database, before: datetime, now: datetime) -> int:
    """Remove what was deleted before then; what a crash leaves half removed is found again by the next call."""
    gone = 0
    while True:
        where = {"deleted_at": {"$type": "date", "$lt": before}}  # the type lets it read its index
        doomed = await db.conversations.find_one_and_update(where, {"$set": {"purging": True}}, projection=["_id"])
        if doomed is None:
            return gone
        gone += await _purge_one(db, doomed["_id"], now)


async def _purge_one(db: Database, conversation_id: str, now: datetime) -> int:
    """Remove what hangs on a conversation before itself: while it is there, the rest can be found."""
    inside = {"conversation_id": conversation_id}
    ids = [each["_id"] async for each in db.generations.find(inside, {"_id": 1})]
    await db.generation_events.delete_many({"generation_id": {"$in": ids}})
    await db.generations.delete_many(inside)
    pictures = await attachments.release(db, conversation_id)
    await db.messages.delete_many(inside)
    await attachments.free(db, now - attachments.CLAIMED, pictures)
    return (await db.conversations.delete_one({"_id": conversation_id})).deleted_count


async def list_deleted(db: Database, user_id: str) -> list[str]:
    """Return the ids of the user's deleted conversations: few, since they are purged in the end."""
    where = {"user_id": text(user_id), "deleted_at": {"$ne": None}}
    return [each["_id"] async for each in db.conversations.find(where, {"_id": 1})]


async def require_message(db: Database, conversation_id: str, message_id: str) -> None:
    """Raise `NotFound` unless the message is in the conversation."""
    where = {"_id": text(message_id), "conversation_id": text(conversation_id)}
    if await db.messages.find_one(where, {"_id": 1}) is None:
        raise NotFound("There is no such message in the conversation.")


async def _change(db: Database, where: Document, change: dict[str, Any]) -> Conversation | None:
    """Change one conversation and return it as it is then; None when nothing is there like `where`."""
    change = change | {"$currentDate": NOW_CHANGED}
    found = await db.conversations.find_one_and_update(where, change, return_document=ReturnDocument.AFTER)
    return None if found is None else documents.conversation(found)


def _after(cursor: str | None) -> list[Document]:
    if cursor is None:
        return []
    pinned, updated_ms, conversation_id = read_cursor(cursor)
    updated_at = from_ms(updated_ms)
    rest: list[Document] = [
        {"pinned": pinned, "updated_at": {"$lt": updated_at}},
        {"pinned": pinned, "updated_at": updated_at, "_id": {"$gt": conversation_id}},
    ]
    return [{"$or": [*rest, {"pinned": False}] if pinned else rest}]


def _titled(title_words: str) -> list[Document]:
    """Return a condition per word: a word of the title begins with it."""
    return [
        {"$or": [{"$and": [{"title_words": {"$elemMatch": starting_with(part)}} for part in parts]} for parts in term]}
        for term in query_terms(title_words)
    ]
