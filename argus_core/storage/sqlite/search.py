"""Finding messages by their words, with FTS5 over folded text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from argus_core.domain import ConversationRow, Message
from argus_core.storage.snippets import READ_BYTES
from argus_core.storage.sqlite import conversations, rows
from argus_core.text.fold import QueryTerm

_HITS = """
SELECT m.num FROM message_words
JOIN messages m ON m.num = message_words.rowid
JOIN conversations c ON c.id = m.conversation_id
WHERE message_words MATCH ? AND m.user_id = ? AND c.deleted_at IS NULL
ORDER BY message_words.rank, m.created_at DESC, m.num DESC LIMIT ?
"""
_WITHOUT_PARTS = f"""
SELECT {", ".join(name for name in rows.MESSAGES.columns if name != "parts")} FROM messages WHERE num = ?
"""
Found = tuple[ConversationRow, Message]


def index(connection: sqlite3.Connection, num: int, words: Iterable[str]) -> None:
    """Make the message with this number findable by these folded words, in place of those it was found by before."""
    connection.execute("DELETE FROM message_words WHERE rowid = ?", (num,))
    connection.execute("INSERT INTO message_words (rowid, words) VALUES (?, ?)", (num, " ".join(words)))


def find(connection: sqlite3.Connection, user_id: str, terms: list[QueryTerm], limit: int) -> list[Found]:
    """Return the best messages and where they are; when the first ones hold very much, the others come without text."""
    nums = [row["num"] for row in connection.execute(_HITS, (_expression(terms), user_id, limit))]
    found: list[Found] = []
    room = READ_BYTES
    for num in nums:
        row = connection.execute(
            "SELECT * FROM messages WHERE num = ?" if room > 0 else _WITHOUT_PARTS, (num,)
        ).fetchone()
        message = rows.message(row) if room > 0 else rows.message_without_parts(row)
        if room > 0:
            room -= len(row["parts"].encode())
        found.append((conversations.get_row(connection, user_id, message.conversation_id), message))
    return found


def _expression(terms: list[QueryTerm]) -> str:
    """Return the FTS5 query: every term, each word quoted, the last term as a prefix."""
    exact = [_alternatives(term, "") for term in terms[:-1]]
    return " AND ".join([*exact, _alternatives(terms[-1], "*")])


def _alternatives(term: QueryTerm, star: str) -> str:
    return "(" + " OR ".join(" AND ".join(map(_quoted, parts)) + star for parts in term) + ")"


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'
