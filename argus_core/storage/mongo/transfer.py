"""All documents of a kind out of the database and into it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pymongo import UpdateOne

from argus_core.domain import Conversation, Generation
from argus_core.events import LoggedEvent
from argus_core.mongodb import Document
from argus_core.storage import codec
from argus_core.storage.accounts import Amounts, Login, StoredSession
from argus_core.storage.indexing import Indexer
from argus_core.storage.mongo import account_documents as accounts
from argus_core.storage.mongo import conversations, documents, log, turns
from argus_core.storage.transfer import (
    BATCH,
    CodedInvite,
    Kind,
    OwnedAttachment,
    OwnedMessage,
    Preference,
    Record,
    UsedDay,
)

if TYPE_CHECKING:
    from argus_core.mongodb import Database


class _Collection(NamedTuple):
    name: str
    keys: tuple[str, ...]
    """Fields that order the documents and are unique together."""
    records: Callable[[Document], Iterable[Record]]


def _events(document: Document) -> list[Record]:
    numbered = enumerate(document["events"], document["first"])
    generation_id, owner = document["generation_id"], document["owner"]
    return [LoggedEvent(generation_id, n, owner, codec.load_event(event)) for n, event in numbered]


def _preference(document: Document) -> list[Record]:
    return [Preference(document["user_id"], document["name"], document["value"])]


def _owned_message(document: Document) -> list[Record]:
    return [OwnedMessage(document["user_id"], documents.message(document))]


def _owned_attachment(document: Document) -> list[Record]:
    return [OwnedAttachment(document["user_id"], documents.attachment(document), document["created_at"])]


def _coded_invite(document: Document) -> list[Record]:
    return [CodedInvite(accounts.invite(document), document["code_digest"])]


def _used_day(document: Document) -> list[Record]:
    """Return what was used; nothing of a day on which something was only held."""
    used = accounts.amounts(document["used"])
    return [UsedDay(document["user_id"], document["day"], used)] if used != Amounts() else []


_COLLECTIONS: dict[Kind, _Collection] = {
    "users": _Collection("users", ("_id",), lambda document: [accounts.login(document)]),
    "preferences": _Collection("preferences", ("_id",), _preference),
    "sessions": _Collection("sessions", ("_id",), lambda document: [accounts.stored_session(document)]),
    "invites": _Collection("invites", ("_id",), _coded_invite),
    "usage_days": _Collection("usage_days", ("_id",), _used_day),
    "conversations": _Collection("conversations", ("_id",), lambda document: [documents.conversation(document)]),
    "messages": _Collection("messages", ("_id",), _owned_message),
    "generations": _Collection("generations", ("_id",), lambda document: [documents.generation(document)]),
    "events": _Collection("generation_events", ("generation_id", "last"), _events),
    "attachments": _Collection("attachments", ("_id",), _owned_attachment),
}


async def catch_up(db: Database) -> None:
    """Write the messages that a crash kept a turn from writing, so that no generation is without its own."""
    async for record in db.generations.find({"status": "running", "turn": {"$exists": True}}):
        await turns.complete(db, record)


async def export(db: Database, kind: Kind) -> AsyncGenerator[list[Record], None]:
    """Yield the records of that kind in batches, each read by its own call: none lives longer than a call may take."""
    collection = _COLLECTIONS[kind]
    order = dict.fromkeys(collection.keys, 1)
    where: Document = {}
    while True:
        found = await db[collection.name].find(where).sort(order).limit(BATCH).to_list()
        if not found:
            return
        yield [record for document in found for record in collection.records(document)]
        where = _behind([(key, found[-1][key]) for key in collection.keys])


def _behind(place: list[tuple[str, Any]]) -> Document:
    """Return the condition of the documents behind that place in the order of its keys."""
    *equal, (last, value) = place
    behind: Document = {**dict(equal), last: {"$gt": value}}
    return {"$or": [_behind(equal), behind]} if equal else behind


async def load(db: Database, kind: Kind, records: Sequence[Record], indexer: Indexer) -> None:
    """Insert records as they are, and what the driver keeps beside them."""
    match kind:
        case "preferences":
            for each in records:
                if isinstance(each, Preference):
                    await conversations.set_preference(db, each.user_id, each.name, each.value)
        case "messages":
            await _load_messages(db, [each for each in records if isinstance(each, OwnedMessage)], indexer)
        case "generations":
            await _load_generations(db, [each for each in records if isinstance(each, Generation)])
        case "events":
            await _load_events(db, [each for each in records if isinstance(each, LoggedEvent)])
        case _:
            await _insert(db, _COLLECTIONS[kind].name, [found for each in records for found in _documents(each)])


def _documents(record: Record) -> list[Document]:
    """Return the document of a record that needs no others."""
    match record:
        case Login():
            return [accounts.login_document(record)]
        case StoredSession():
            return [accounts.session_document(record)]
        case CodedInvite(invite, code_digest):
            return [accounts.invite_document(invite, code_digest)]
        case UsedDay(user_id, day, used):
            return [accounts.day_document(user_id, day, used)]
        case Conversation():
            return [documents.conversation_document(record)]
        case OwnedAttachment(user_id, attachment, created_at):
            return [documents.attachment_document(user_id, attachment, created_at)]
        case _:
            return []


async def _insert(db: Database, name: str, rows: list[Document]) -> None:
    if rows:
        await db[name].insert_many(rows)


async def _load_messages(db: Database, given: list[OwnedMessage], indexer: Indexer) -> None:
    """Insert messages, and let their conversations count on from the highest number."""
    found_by = [await indexer.words_of(each.message.parts) for each in given]
    both = zip(given, found_by, strict=True)
    rows = [documents.message_document(each.user_id, each.message, words) for each, words in both]
    await _insert(db, "messages", rows)
    await db.conversations.bulk_write([_counted(row) for row in rows])


def _counted(row: Document) -> UpdateOne:
    # The bytes of a reply that runs are counted when it ends, all of them.
    size = len(row["parts"].encode()) if row["status"] != "running" else 0
    highest = {"$max": {"last_seq": row["seq"], "placed_seq": row["seq"]}}
    return UpdateOne({"_id": row["conversation_id"]}, highest | {"$inc": {"said_bytes": size}})


async def _load_generations(db: Database, given: list[Generation]) -> None:
    """Insert generations with what they were sent as, and count those that run."""
    sent_as = await _sent_as(db, given)
    rows = [documents.generation_document(each, sent_as.get(each.message_id)) for each in given]
    await _insert(db, "generations", rows)
    running = [each for each in given if each.status == "running"]
    if running:
        await db.conversations.bulk_write(
            [UpdateOne({"_id": each.conversation_id}, {"$push": {"open": each.id}}) for each in running]
        )


async def _sent_as(db: Database, given: list[Generation]) -> dict[str, str]:
    """Return the `client_msg_id` that each reply was asked for by: the first reply to a question has it."""
    places = {"_id": {"$in": [each.message_id for each in given]}}
    parents = [each["parent_id"] async for each in db.messages.find(places, {"parent_id": 1})]
    asked = {"_id": {"$in": parents}, "client_msg_id": {"$type": "string"}}
    found: dict[str, str] = {}
    async for question in db.messages.find(asked, {"conversation_id": 1, "client_msg_id": 1}):
        below = {"conversation_id": question["conversation_id"], "parent_id": question["_id"]}
        first = await db.messages.find_one(below, {"_id": 1}, sort={"seq": 1})
        if first is not None:
            found[first["_id"]] = question["client_msg_id"]
    return found


async def _load_events(db: Database, given: list[LoggedEvent]) -> None:
    """Insert events packed as a writer packs them; those of one generation come in order."""
    ids = list({each.generation_id for each in given})
    found = db.generations.find({"_id": {"$in": ids}}, {"user_id": 1})
    owners = {each["_id"]: each["user_id"] async for each in found}
    logs: dict[str, list[LoggedEvent]] = {}
    for each in given:
        logs.setdefault(each.generation_id, []).append(each)
    await _insert(
        db,
        "generation_events",
        [row for id, events in logs.items() if id in owners for row in log.packed(owners[id], events)],
    )
