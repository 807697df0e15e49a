"""Finding messages by their words: an index over the folded words of each message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from argus_core.domain import Message, SearchHit
from argus_core.mongodb import Document
from argus_core.storage.mongo import conversations, documents
from argus_core.storage.mongo.documents import HIDDEN, starting_with, text
from argus_core.storage.snippets import snippet_of
from argus_core.text.fold import QueryTerm, query_terms

if TYPE_CHECKING:
    from argus_core.mongodb import Database


async def find(db: Database, user_id: str, query: str, limit: int) -> list[SearchHit]:
    """Return the best hits, which are those that say little else, then the newest; no words find nothing."""
    terms = query_terms(query)
    if not terms:
        return []
    deleted = await conversations.list_deleted(db, user_id)
    where: Document = {"user_id": text(user_id), **_matching(terms), "conversation_id": {"$nin": deleted}}
    found = db.messages.find(where, HIDDEN).sort({"word_count": 1, "created_at": -1, "seq": -1}).limit(limit)
    said = [documents.message(each) async for each in found]
    return await _hits(db, user_id, said, terms)


async def _hits(db: Database, user_id: str, said: list[Message], terms: list[QueryTerm]) -> list[SearchHit]:
    ids = list({each.conversation_id for each in said})
    where = {"_id": {"$in": ids}, "user_id": user_id, "deleted_at": None}
    alive = {each["_id"]: documents.conversation(each) async for each in db.conversations.find(where)}
    hits = []
    for message in said:
        if conversation := alive.get(message.conversation_id):
            snippet, spans = snippet_of(message.text, terms)
            hits.append(SearchHit(conversation=conversation, message=message, snippet=snippet, spans=spans))
    return hits


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
