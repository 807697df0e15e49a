"""Users, preferences and conversations."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from argus_core.domain import Conversation, Page, User
from argus_core.errors import Conflict, NotFound
from argus_core.mongodb import Document
from argus_core.storage.base import ConversationChange
from argus_core.storage.mongo import documents
from argus_core.storage.mongo.accounts import TAKEN
from argus_core.storage.mongo.documents import NOW_CHANGED, owned, starting_with, text
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
    found = await db.conversations.find_one(owned(user_id, conversation_id))
    if found is None:
        raise NotFound("There is no such conversation.")
    return documents.conversation(found)


async def find(db: Database, user_id: str, id_prefix: str, limit: int) -> list[Conversation]:
    """Return those whose id begins so, newest first."""
    where = {"user_id": text(user_id), "deleted_at": None, "_id": starting_with(id_prefix)}
    found = db.conversations.find(where).sort({"updated_at": -1, "_id": 1}).limit(limit)
    return [documents.conversation(each) async for each in found]


async def list_page(db: Database, user_id: str, limit: int, cursor: str | None, words: str) -> Page[Conversation]:
    """Return one page of the sidebar."""
    where: Document = {"user_id": text(user_id), "deleted_at": None}
    conditions = [*_after(cursor), *_titled(words)]
    if conditions:
        where["$and"] = conditions
    found = db.conversations.find(where).sort(SORTED).limit(limit + 1)
    items = tuple([documents.conversation(each) async for each in found])
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
    changed = await _change(db, owned(user_id, conversation_id), {"$set": values}) if values else None
    return changed or await get(db, user_id, conversation_id)


async def move_head(db: Database, user_id: str, conversation_id: str, head_id: str | None, rev: int) -> Conversation:
    """Compare `rev` and set the head, in one write."""
    stale = Conflict("The conversation went on in another window.")
    if (await get(db, user_id, conversation_id)).rev != rev:
        raise stale
    if head_id is not None:
        await require_message(db, conversation_id, head_id)
    where = owned(user_id, conversation_id) | {"rev": rev}
    moved = await _change(db, where, {"$set": {"head_id": head_id}, "$inc": {"rev": 1}})
    if moved is None:
        raise stale
    return moved


async def delete(db: Database, user_id: str, conversation_id: str, at: datetime) -> None:
    """Mark it deleted; the first time counts."""
    where = owned(user_id, conversation_id) | {"deleted_at": None}
    if await _change(db, where, {"$set": {"deleted_at": at}}) is None:
        await get(db, user_id, conversation_id)


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


async def purge(db: Database, before: datetime) -> int:
    """Remove what was deleted before then; what a crash leaves half removed is found again by the next call."""
    gone = 0
    while True:
        where = {"deleted_at": {"$type": "date", "$lt": before}}  # the type lets it read its index
        doomed = await db.conversations.find_one_and_update(where, {"$set": {"purging": True}}, projection=["_id"])
        if doomed is None:
            return gone
        gone += await _purge_one(db, doomed["_id"])


async def _purge_one(db: Database, conversation_id: str) -> int:
    """Remove what hangs on a conversation before itself: while it is there, the rest can be found."""
    inside = {"conversation_id": conversation_id}
    ids = [each["_id"] async for each in db.generations.find(inside, {"_id": 1})]
    await db.generation_events.delete_many({"generation_id": {"$in": ids}})
    await db.generations.delete_many(inside)
    await db.messages.delete_many(inside)
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
