"""Messages: reading them in the orders that front ends need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus_core.domain import Message
from argus_core.errors import NotFound
from argus_core.mongodb import Document
from argus_core.storage.mongo import conversations, documents
from argus_core.storage.mongo.documents import HIDDEN, owned, text

if TYPE_CHECKING:
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
    while len(path) < limit and (parent_id := path[-1]["parent_id"]) is not None:
        if parent_id not in near:
            near = await _read_before(db, path[-1], limit - len(path))
        if parent_id not in near:
            near = {parent_id: await _find(db, owned(user_id, parent_id))}
        path.append(near[parent_id])
    return [documents.message(each) for each in reversed(path)]


async def _read_before(db: Database, message: Document, count: int) -> dict[str, Document]:
    """Return the messages just before one in its conversation, by id."""
    where = {"conversation_id": message["conversation_id"], "seq": {"$lt": message["seq"]}}
    found = db.messages.find(where, HIDDEN).sort({"seq": -1}).limit(max(count, _LEAST_PAGE))
    return {each["_id"]: each async for each in found}


async def _find(db: Database, where: Document) -> Document:
    found = await db.messages.find_one(where, HIDDEN)
    if found is None:
        raise NotFound("There is no such message.")
    return found


async def list_children(db: Database, user_id: str, conversation_id: str, parent_id: str | None) -> list[Message]:
    """Return the versions below `parent_id`, by `seq`."""
    await conversations.get(db, user_id, conversation_id)
    where = {"conversation_id": conversation_id, "parent_id": None if parent_id is None else text(parent_id)}
    return [documents.message(each) async for each in db.messages.find(where, HIDDEN).sort({"seq": 1})]


async def list_prompts(db: Database, user_id: str, limit: int) -> list[str]:
    """Read the user's messages from the newest until there are enough different ones."""
    deleted = await conversations.list_deleted(db, user_id)
    where = {"user_id": text(user_id), "role": "user", "conversation_id": {"$nin": deleted}}
    prompts: list[str] = []
    async with db.messages.find(where, HIDDEN).sort({"created_at": -1, "seq": -1}).batch_size(limit) as found:
        async for each in found:
            prompt = documents.message(each).text
            if prompt and (not prompts or prompts[-1] != prompt):
                prompts.append(prompt)
                if len(prompts) == limit:
                    break
    return prompts
