"""Starting a turn without a transaction.

The generation's document is written first and holds the messages that are still to come, so it is the one write that
decides: its unique keys choose between two sends of one message, and whoever finds it (its sender, a second send, the
sweeper after a crash) can do the rest, any number of times, with the same result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pymongo.errors import BulkWriteError, DuplicateKeyError

from argus_core.domain import Generation, Message, Turn
from argus_core.errors import Conflict, NotFound
from argus_core.mongodb import Document, is_duplicate, passing
from argus_core.storage.mongo import documents, messages
from argus_core.storage.mongo.documents import NOW_CHANGED, owned, text

if TYPE_CHECKING:
    from argus_core.mongodb import Database


_STOOD = {"last_seq": 1, "head_id": 1}


async def start(db: Database, turn: Turn, words: Sequence[str]) -> Turn:
    """Store the turn, its question to be found by `words`, or return the one that is there.

    What goes on from the head need not be looked up.
    """
    conversation = await _take_numbers(db, turn)
    if conversation is None or conversation["head_id"] != _first(turn).parent_id:
        record, taken = await asyncio.gather(_find_record(db, turn), _find_messages(db, turn))
        if record is not None:
            return await _stored(db, record, turn)
        _check(turn, taken)
    if conversation is None:
        raise NotFound("There is no such conversation.")
    turn = _numbered(turn, conversation["last_seq"] + 1)
    record = _record(turn, words)
    try:
        await db.generations.insert_one(record)
    except DuplicateKeyError:
        winner = await _find_record(db, turn)
        if winner is None:
            raise
        return await _stored(db, winner, turn)
    try:
        await complete(db, record)
    except Conflict:
        await _take_back(db, record)
        raise
    return turn


async def complete(db: Database, record: Document) -> None:
    """Do what a started turn still lacks: its messages, then the head, which makes it seen. Repeating is harmless."""
    waiting = record.get("turn")
    if waiting is not None:
        await _insert_messages(db, waiting)
        await _place(db, record, waiting[-1])


async def _find_record(db: Database, turn: Turn) -> Document | None:
    """Return the generation with this id, else the one that answers the question's `client_msg_id`."""
    wanted, sent_as = turn.generation, _client_msg_id(turn)
    where: list[Document] = [{"_id": text(wanted.id)}]
    if sent_as is not None:
        sent = {"conversation_id": text(wanted.conversation_id), "client_msg_id": text(sent_as)}
        where.append(sent | {"user_id": text(wanted.user_id)})
    found = {each["_id"]: each async for each in db.generations.find({"$or": where})}
    return found.get(wanted.id) or next(iter(found.values()), None)


async def _find_messages(db: Database, turn: Turn) -> dict[str, str]:
    """Return which of the messages that the turn names are there: id -> conversation."""
    ids = [text(id) for id in (_first(turn).parent_id, *(each.id for each in _messages(turn))) if id is not None]
    found = db.messages.find({"_id": {"$in": ids}}, {"conversation_id": 1})
    return {each["_id"]: each["conversation_id"] async for each in found}


def _check(turn: Turn, taken: dict[str, str]) -> None:
    parent_id = _first(turn).parent_id
    if parent_id is not None and taken.get(parent_id) != turn.reply.conversation_id:
        raise NotFound("There is no such message in the conversation.")
    if any(each.id in taken for each in _messages(turn)):
        raise Conflict("Something with this id is there already.")


async def _take_numbers(db: Database, turn: Turn) -> Document | None:
    """Take the next numbers of the conversation and return where it stood, None if there is none.

    A turn that is not written leaves a gap.
    """
    where = owned(turn.generation.user_id, turn.reply.conversation_id) | {"deleted_at": None}
    change = {"$inc": {"last_seq": len(_messages(turn))}}
    # Numbers that are lost with a primary are given out again; the unique ones of messages tell that from ours.
    return await passing(db.conversations).find_one_and_update(where, change, projection=_STOOD)


def _numbered(turn: Turn, seq: int) -> Turn:
    if turn.question is None:
        return replace(turn, reply=replace(turn.reply, seq=seq))
    return replace(turn, question=replace(turn.question, seq=seq), reply=replace(turn.reply, seq=seq + 1))


def _record(turn: Turn, words: Sequence[str]) -> Document:
    """Return the generation's document with the messages that are to come, the reply last."""
    user_id = turn.generation.user_id
    waiting = [documents.message_document(user_id, each, words) for each in _messages(turn)]
    return documents.generation_document(turn.generation, _client_msg_id(turn)) | {"turn": waiting}


async def _insert_messages(db: Database, waiting: list[Document]) -> None:
    """Insert the messages that are not there; one with the same id and number is ours already."""
    try:
        await db.messages.insert_many([dict(each) for each in waiting], ordered=False)
    except BulkWriteError as error:
        if not is_duplicate(error):
            raise
        for each in error.details["writeErrors"]:
            wanted = waiting[each["index"]]
            same = {field: wanted[field] for field in ("_id", "conversation_id", "seq")}
            if await db.messages.find_one(same, {"_id": 1}) is None:
                raise Conflict("Something with this id is there already.") from error


async def _place(db: Database, record: Document, reply: Document) -> None:
    """Count the generation as running and move the head to its reply, unless a later turn has moved it further."""
    uncounted = {
        "_id": record["conversation_id"],
        "open": {"$ne": record["_id"]},
        "settled": {"$ne": record["_id"]},
    }
    change: Document = {
        "$push": {"open": record["_id"]},
        "$inc": {"said_bytes": sum(len(each["parts"].encode()) for each in record["turn"][:-1])},
        "$max": {"updated_at": reply["created_at"]},
        "$currentDate": NOW_CHANGED,
    }
    moved = {
        "$set": {"head_id": reply["_id"], "placed_seq": reply["seq"]},
        "$inc": change["$inc"] | {"rev": 1},
    }
    first = await db.conversations.update_one(uncounted | {"placed_seq": {"$lt": reply["seq"]}}, change | moved)
    if not first.matched_count:
        await db.conversations.update_one(uncounted, change)


async def _take_back(db: Database, record: Document) -> None:
    """Remove a turn that met a message of another one under its id: only ids that were made up can do that."""
    await db.generations.delete_one({"_id": record["_id"]})
    for each in record["turn"]:
        await db.messages.delete_one({field: each[field] for field in ("_id", "conversation_id", "seq")})


async def _stored(db: Database, record: Document, turn: Turn) -> Turn:
    """Return the turn of a record, whole."""
    user_id = turn.generation.user_id
    if record["user_id"] != user_id:
        raise Conflict("This id is taken.")
    await complete(db, record)
    generation = await _reread(db, record)
    reply = await messages.get(db, user_id, generation.message_id)
    asked = turn.question is not None and reply.parent_id is not None
    question = await messages.get(db, user_id, reply.parent_id) if asked and reply.parent_id else None
    return Turn(question=question, reply=reply, generation=generation)


async def _reread(db: Database, record: Document) -> Generation:
    found = await db.generations.find_one({"_id": record["_id"]}, {"turn": 0})
    return documents.generation(found or record)


def _messages(turn: Turn) -> list[Message]:
    return [turn.reply] if turn.question is None else [turn.question, turn.reply]


def _first(turn: Turn) -> Message:
    return turn.question or turn.reply


def _client_msg_id(turn: Turn) -> str | None:
    return None if turn.question is None else turn.question.client_msg_id
