"""Finding messages by their words: an index over the folded words of each message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus_core.domain import ConversationRow, Message
from argus_core.mongodb import Document
from argus_core.storage.mongo import conversations, documents
from argus_core.storage.mongo.documents import ROW, WITHOUT_PARTS, starting_with, text
from argus_core.storage.snippets import READ_BYTES
from argus_core.text.fold import QueryTerm

if TYPE_CHECKING:
    from argus_core.mongodb import Database

Found = tuple[ConversationRow, Message]
_SIZED: Document = WITHOUT_PARTS | {"size": {"$strLenBytes": "$parts"}}


async def find(db: Database, user_id: str, terms: list[QueryTerm], limit: int) -> list[Found]:
    """Return the best messages and where they are: those that say little else, then the newest.

    When the first ones hold very much, the others come without their text.
    """
    deleted = await conversations.list_deleted(db, user_id)
    where: Document = {"user_id": text(user_id), **_matching(terms), "conversation_id": {"$nin": deleted}}
    order = {"word_count": 1, "created_at": -1, "seq": -1}
    found = await db.messages.find(where, _SIZED).sort(order).limit(limit).to_list()
    said = await _with_parts(db, found)
    ids = list({each["conversation_id"] for each in found})
    alive = {"_id": {"$in": ids}, "user_id": user_id, "deleted_at": None}
    rows = {each["_id"]: documents.conversation_row(each) async for each in db.conversations.find(alive, ROW)}
    return [(rows[each.conversation_id], each) for each in said if each.conversation_id in rows]


async def _with_parts(db: Database, found: list[Document]) -> list[Message]:
    """Return the messages, with what was said where there is room for it."""
    room = READ_BYTES
    wanted = []
    for each in found:
        if room > 0:
            wanted.append(each["_id"])
        room -= each["size"]
    parts = {each["_id"]: each async for each in db.messages.find({"_id": {"$in": wanted}}, {"parts": 1})}
    return [documents.message(each | parts.get(each["_id"], {})) for each in found]


def _matching(terms: list[QueryTerm]) -> Document:
    """Return the condition: every term, and words that begin with the last one."""
    plain = [term[0][0] for term in terms[:-1] if len(term) == len(term[0]) == 1]
    mixed = [_term(term, prefix=False) for term in terms[:-1] if not len(term) == len(term[0]) == 1]
    conditions: list[Document] = [{"tokens": {"$all": plain}}] if plain else []
    return {"$and": [*conditions, *mixed, _term(terms[-1], prefix=True)]}


def _term(term: QueryTerm, *, prefix: bool) -> Document:
    return {"$or": [_alternative(parts, prefix=prefix) for parts in term]}


def _alternative(parts: tuple[str, ...], *, prefix: bool) -> Document:
    """Return the condition that all parts are there; the last one may be the start of a word."""
    if not prefix:
        return {"tokens": {"$all": list(parts)}}
    last: Document = {"tokens": {"$elemMatch": starting_with(parts[-1])}}
    return {"$and": [{"tokens": {"$all": list(parts[:-1])}}, last]} if len(parts) > 1 else last
