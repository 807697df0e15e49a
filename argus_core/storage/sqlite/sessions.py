"""Sessions: what runs inside a transaction of a lane."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from datetime import datetime

from argus_core.domain import Session
from argus_core.storage.accounts import StoredSession
from argus_core.storage.sqlite import rows
from argus_core.storage.times import to_ms


def create(connection: sqlite3.Connection, stored: StoredSession) -> None:
    """Insert it."""
    rows.insert(connection, "sessions", rows.session_values(stored))


def find(connection: sqlite3.Connection, session_id: str) -> StoredSession | None:
    """Return it, ended or not."""
    row = connection.execute("SELECT * FROM sessions WHERE id = ?", (session_id,)).fetchone()
    return rows.stored_session(row) if row else None


def advance(connection: sqlite3.Connection, session_id: str, generation: int, at: datetime) -> bool:
    """Compare the generation and raise it."""
    changed = connection.execute(
        "UPDATE sessions SET generation = generation + 1, refreshed_at = ?, seen_at = ?"
        " WHERE id = ? AND generation = ? AND ended_at IS NULL",
        (to_ms(at), to_ms(at), session_id, generation),
    )
    return changed.rowcount == 1


def find_open(connection: sqlite3.Connection, session_ids: Collection[str]) -> set[str]:
    """Return the ids of those that have not ended."""
    query = "SELECT id FROM sessions WHERE id IN (SELECT value FROM json_each(?)) AND ended_at IS NULL"
    return {row["id"] for row in connection.execute(query, (json.dumps(list(session_ids)),))}


def list_open(connection: sqlite3.Connection, user_id: str) -> list[Session]:
    """Return those that have not ended, the one seen last first."""
    query = "SELECT * FROM sessions WHERE user_id = ? AND ended_at IS NULL ORDER BY seen_at DESC, id"
    return [rows.stored_session(row).session for row in connection.execute(query, (user_id,))]


def end(connection: sqlite3.Connection, user_id: str, at: datetime, only: str | None, but: str | None) -> int:
    """Mark them ended; the first time counts."""
    ended = connection.execute(
        "UPDATE sessions SET ended_at = :at WHERE user_id = :user_id AND ended_at IS NULL"
        " AND (:only IS NULL OR id = :only) AND (:but IS NULL OR id != :but)",
        {"at": to_ms(at), "user_id": user_id, "only": only, "but": but},
    )
    return ended.rowcount


def purge(connection: sqlite3.Connection, before: datetime) -> int:
    """Remove those that ended or were seen last before then."""
    query = "DELETE FROM sessions WHERE ended_at < :before OR seen_at < :before"
    return connection.execute(query, {"before": to_ms(before)}).rowcount
