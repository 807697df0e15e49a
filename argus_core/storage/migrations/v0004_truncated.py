"""Version 4: which answers stopped at the model's length limit."""

from __future__ import annotations

import sqlite3


def upgrade(connection: sqlite3.Connection) -> None:
    """Add the mark; the logs of older answers that are still there say which of them have it."""
    connection.execute("ALTER TABLE messages ADD COLUMN truncated INTEGER NOT NULL DEFAULT 0")
    connection.execute(
        "UPDATE messages SET truncated = 1 WHERE generation_id IN (SELECT generation_id FROM generation_events"
        """ WHERE ends AND event LIKE '{"type":"completed"%"truncated":true%')"""
    )
