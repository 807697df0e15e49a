"""Version 3: accounts, sessions, invites, limits and presence."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    "ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE users ADD COLUMN role TEXT NOT NULL DEFAULT 'member'",
    "ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE users ADD COLUMN password_hash TEXT",
    "CREATE UNIQUE INDEX users_emails ON users (email) WHERE email != ''",
    """
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        seen_at INTEGER NOT NULL,
        client TEXT NOT NULL,
        address TEXT NOT NULL,
        ended_at INTEGER,
        generation INTEGER NOT NULL,
        refreshed_at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX sessions_open ON sessions (user_id, seen_at DESC, id) WHERE ended_at IS NULL",
    "CREATE INDEX sessions_seen ON sessions (seen_at)",
    "CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL",
    """
    CREATE TABLE invites (
        id TEXT PRIMARY KEY,
        code_digest TEXT NOT NULL UNIQUE,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        role TEXT NOT NULL,
        email TEXT NOT NULL,
        user_id TEXT,
        created_by TEXT,
        used_at INTEGER,
        used_by TEXT
    ) WITHOUT ROWID
    """,
    "CREATE INDEX invites_listed ON invites (created_at DESC, id)",
    # `full_at_us`, microseconds since 1970, is the whole state of a bucket: what is taken moves it on.
    "CREATE TABLE buckets (key TEXT PRIMARY KEY, full_at_us INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX buckets_full ON buckets (full_at_us)",
    # A day is `2026-01-31`, in UTC.
    """
    CREATE TABLE usage_days (
        user_id TEXT NOT NULL,
        day TEXT NOT NULL,
        requests INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        micro_usd INTEGER NOT NULL,
        PRIMARY KEY (user_id, day)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX usage_days_old ON usage_days (day)",
    """
    CREATE TABLE holds (
        user_id TEXT NOT NULL,
        day TEXT NOT NULL,
        generation_id TEXT NOT NULL,
        requests INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        micro_usd INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        PRIMARY KEY (user_id, day, generation_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX holds_old ON holds (created_at, generation_id)",
    """
    CREATE TABLE presence (
        client_id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        client TEXT NOT NULL,
        conversation_id TEXT,
        seen_at INTEGER NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX presence_of ON presence (user_id, seen_at)",
    "CREATE INDEX presence_seen ON presence (seen_at)",
    "CREATE INDEX attachments_of ON attachments (user_id)",
)


def upgrade(connection: sqlite3.Connection) -> None:
    """Give users what they sign in with, and make the other tables."""
    for statement in _STATEMENTS:
        connection.execute(statement)
