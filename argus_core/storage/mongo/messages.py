"""Messages: reading them in the orders that front ends need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus_core.domain import Message
from argus_core.errors import NotFound
from argus_core.mongodb import Document
from argus_core.storage.mongo import conversations, documents
from argus_core.storage.mongo.documents import HIDDEN, owned, text
from argus_core.storage.paging import MOST_CHILDREN, PAGE_CHARS, READ_FOR_PROMPT

if TYPE_CHECKING:
    from pymongo.asynchronous.cursor import AsyncCursor

    from argus_core.mongodb import Database

_LEAST_PAGE = 8


async def get(db: Database, user_id: str, message_id: str) -> Message:
    """Return it or raise `NotFound`."""
    return documents.message(await _find(db, owned(user_id, message_id)))


async def list_path(db: Database, user_id: str, leaf_id: str, limit: int) -> list[Message]:
    """Walk up from the leaf.

    Parents mostly are the messages just before, so they are read by number, a page at a time; only a parent further
    away, behind other versions, is asked for by itself.
    """
    leaf = await _find(db, owned(user_id, leaf_id))
    path, near = [leaf], {leaf["_id"]: leaf}
    room = PAGE_CHARS - len(leaf["parts"])
    while len(path) < limit and room > 0 and (parent_id := path[-1]["parent_id"]) is not None:
        if parent_id not in near:
            near = await _read_before(db, path[-1], limit - len(path))
        if parent_id not in near:
            near = {parent_id: await _find(db, owned(user_id, parent_id))}
        path.append(near[parent_id])
        room -= len(path[-1]["parts"])
    return [documents.message(each) for each in reversed(path)]


async def _read_before(db: Database, message: Document, count: int) -> dict[str, Document]:
    """Return the messages just before one in its conversation, by id, as many as fill a page."""
    where = {"conversation_id": message["conversation_id"], "seq": {"$lt": message["seq"]}}
    found = db.messages.find(where, HIDDEN).sort({"seq": -1}).limit(max(count, _LEAST_PAGE))
    return {each["_id"]: each for each in await _page(found)}


async def _page(found: AsyncCursor[Document]) -> list[Document]:
    """Return the messages of a cursor up to where they fill a page."""
    page: list[Document] = []
    room = PAGE_CHARS
    async with found:
        async for each in found:
            page.append(each)
            room -= len(each["parts"])
            if room <= 0:
                break
    return page


async def _find(db: Database, where: Document) -> Document:
    found = await db.messages.find_one(where, HIDDEN)
    if found is None:
        raise NotFound("There is no such message.")
    return found


async def list_children(db: Database, user_id: str, conversation_id: str, parent_id: str | None) -> list[Message]:
    """Return the versions below `parent_id`, by `seq`, the last that fill a page."""
    await conversations.require(db, user_id, conversation_id)
    where = {"conversation_id": conversation_id, "parent_id": None if parent_id is None else text(parent_id)}
    found = await _page(db.messages.find(where, HIDDEN).sort({"seq": -1}).limit(MOST_CHILDREN))
    return [documents.message(each) for each in reversed(found)]


async def list_prompts(db: Database, user_id: str, limit: int) -> list[str]:
    """Read the user's messages from the newest until there are enough different ones."""
    deleted = await conversations.list_deleted(db, user_id)
    where = {"user_id": text(user_id), "role": "user", "conversation_id": {"$nin": deleted}}
    prompts: list[str] = []
    room = PAGE_CHARS
    newest = db.messages.find(where, HIDDEN).sort({"created_at": -1, "seq": -1}).limit(limit * READ_FOR_PROMPT)
    async with newest.batch_size(limit) as found:
        async for each in found:
            room -= len(each["parts"])
            if room < 0 and prompts:
                break
            prompt = documents.message(each).text
            if prompt and (not prompts or prompts[-1] != prompt):
                prompts.append(prompt)
                if len(prompts) == limit:
                    break
    return prompts
