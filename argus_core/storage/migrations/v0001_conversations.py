"""Version 1: users, conversations, messages, generations and their logs, attachments."""

from __future__ import annotations

import sqlite3

# Times are milliseconds since 1970. `num` is the place of a row on this machine and never leaves the driver.
_STATEMENTS = (
    """
    CREATE TABLE users (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        created_at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE preferences (
        user_id TEXT NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (user_id, name)
    ) WITHOUT ROWID
    """,
    # Its one row counts the changes to conversations. It is raised inside the write transaction, and there is one
    # writer at a time, so the order of numbers is the order of commits: a reader that has seen `n` asks for `> n`.
    "CREATE TABLE counter (last_change INTEGER NOT NULL)",
    "INSERT INTO counter VALUES (0)",
    """
    CREATE TABLE conversations (
        num INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        user_id TEXT NOT NULL,
        title TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        model TEXT,
        system TEXT NOT NULL,
        head_id TEXT,
        rev INTEGER NOT NULL,
        pinned INTEGER NOT NULL,
        title_by_user INTEGER NOT NULL,
        unread INTEGER NOT NULL,
        draft TEXT NOT NULL,
        deleted_at INTEGER,
        change INTEGER NOT NULL
    )
    """,
    """
    CREATE INDEX conversations_listed ON conversations (user_id, pinned DESC, updated_at DESC, id)
    WHERE deleted_at IS NULL
    """,
    "CREATE INDEX conversations_changed ON conversations (user_id, change)",
    "CREATE INDEX conversations_deleted ON conversations (deleted_at) WHERE deleted_at IS NOT NULL",
    """
    CREATE TABLE messages (
        num INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        user_id TEXT NOT NULL,
        parent_id TEXT,
        seq INTEGER NOT NULL,
        role TEXT NOT NULL,
        parts TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        generation_id TEXT,
        model TEXT,
        usage TEXT,
        problem TEXT,
        client_msg_id TEXT,
        duration_s REAL,
        UNIQUE (conversation_id, seq)
    )
    """,
    """
    CREATE UNIQUE INDEX messages_sent ON messages (conversation_id, client_msg_id) WHERE client_msg_id IS NOT NULL
    """,
    "CREATE INDEX messages_children ON messages (conversation_id, parent_id, seq)",
    "CREATE INDEX messages_prompts ON messages (user_id, created_at DESC, num DESC) WHERE role = 'user'",
    """
    CREATE TABLE generations (
        id TEXT PRIMARY KEY,
        conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        user_id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        model TEXT NOT NULL,
        status TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        owner TEXT NOT NULL,
        lease_until INTEGER NOT NULL,
        continues_id TEXT,
        cancel_requested INTEGER NOT NULL,
        ended_at INTEGER
    ) WITHOUT ROWID
    """,
    "CREATE INDEX generations_of ON generations (conversation_id)",
    "CREATE INDEX generations_running ON generations (conversation_id) WHERE status = 'running'",
    "CREATE INDEX generations_ended ON generations (ended_at) WHERE ended_at IS NOT NULL",
    # The write-ahead log. The primary key is the arbiter of who may write a slot; `ends` marks the terminator.
    """
    CREATE TABLE generation_events (
        generation_id TEXT NOT NULL REFERENCES generations (id) ON DELETE CASCADE,
        n INTEGER NOT NULL,
        owner TEXT NOT NULL,
        event TEXT NOT NULL,
        ends INTEGER NOT NULL,
        PRIMARY KEY (generation_id, n)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE attachments (
        id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        attachment TEXT NOT NULL
    ) WITHOUT ROWID
    """,
)


def upgrade(connection: sqlite3.Connection) -> None:
    """Make the tables."""
    for statement in _STATEMENTS:
        connection.execute(statement)
