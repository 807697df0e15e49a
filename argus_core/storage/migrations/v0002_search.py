"""Version 2: the words of messages and titles, so that they can be found."""

from __future__ import annotations

import json
import sqlite3

from argus_core.text.fold import words


def upgrade(connection: sqlite3.Connection) -> None:
    """Add the index over messages and the folded titles, and fill both from what is there."""
    # The text comes folded and cut into words; this tokeniser parts it at its spaces and leaves the rest alone, while
    # `unicode61` would cut again, by the letters its own Unicode 6.1 knows.
    connection.execute("CREATE VIRTUAL TABLE message_words USING fts5 (words, tokenize = 'ascii')")
    connection.execute("ALTER TABLE conversations ADD COLUMN title_words TEXT NOT NULL DEFAULT ''")
    connection.execute("DROP INDEX conversations_listed")
    # `title_words` and `deleted_at`, though always NULL here, let filtering and counting read the index alone.
    connection.execute(
        "CREATE INDEX conversations_listed ON conversations"
        " (user_id, pinned DESC, updated_at DESC, id, title_words, deleted_at) WHERE deleted_at IS NULL"
    )
    titles = connection.execute("SELECT num, title FROM conversations WHERE title != ''").fetchall()
    connection.executemany(
        "UPDATE conversations SET title_words = ? WHERE num = ?",
        [(" " + " ".join(words(title)), num) for num, title in titles],
    )
    messages = connection.execute("SELECT num, parts FROM messages WHERE status != 'running'")
    for num, parts in messages:
        text = "".join(part["text"] for part in json.loads(parts) if part["type"] == "text")
        connection.execute("INSERT INTO message_words (rowid, words) VALUES (?, ?)", (num, " ".join(words(text))))
