"""Finding messages by their words, with FTS5 over folded text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from argus_core.domain import Part, SearchHit, TextPart
from argus_core.storage.snippets import snippet_of
from argus_core.storage.sqlite import conversations, rows
from argus_core.text.fold import QueryTerm, query_terms, words

_HITS = """
SELECT messages.* FROM (
    SELECT m.num, message_words.rank AS rank, m.created_at FROM message_words
    JOIN messages m ON m.num = message_words.rowid
    JOIN conversations c ON c.id = m.conversation_id
    WHERE message_words MATCH ? AND m.user_id = ? AND c.deleted_at IS NULL
    ORDER BY rank, m.created_at DESC, m.num DESC LIMIT ?
) best JOIN messages ON messages.num = best.num
ORDER BY best.rank, best.created_at DESC, best.num DESC
"""


def index(connection: sqlite3.Connection, num: int, parts: Iterable[Part]) -> None:
    """Make the message with this number findable by its text, in place of what it said before."""
    text = "".join(part.text for part in parts if isinstance(part, TextPart))
    connection.execute("DELETE FROM message_words WHERE rowid = ?", (num,))
    connection.execute("INSERT INTO message_words (rowid, words) VALUES (?, ?)", (num, " ".join(words(text))))


def find(connection: sqlite3.Connection, user_id: str, query: str, limit: int) -> list[SearchHit]:
    """Return the best hits; a query without words finds nothing."""
    terms = query_terms(query)
    if not terms:
        return []
    found = connection.execute(_HITS, (_expression(terms), user_id, limit)).fetchall()
    return [_hit(connection, user_id, row, terms) for row in found]


def _hit(connection: sqlite3.Connection, user_id: str, row: sqlite3.Row, terms: list[QueryTerm]) -> SearchHit:
    message = rows.message(row)
    snippet, spans = snippet_of(message.text, terms)
    conversation = conversations.get(connection, user_id, message.conversation_id)
    return SearchHit(conversation=conversation, message=message, snippet=snippet, spans=spans)


def _expression(terms: list[QueryTerm]) -> str:
    """Return the FTS5 query: every term, each word quoted, the last term as a prefix."""
    exact = [_alternatives(term, "") for term in terms[:-1]]
    return " AND ".join([*exact, _alternatives(terms[-1], "*")])


def _alternatives(term: QueryTerm, star: str) -> str:
    return "(" + " OR ".join(" AND ".join(map(_quoted, parts)) + star for parts in term) + ")"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
