"""Invites: what runs inside a transaction of a lane."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from argus_core.domain import Invite
from argus_core.storage.sqlite import rows
from argus_core.storage.times import to_ms


def create(connection: sqlite3.Connection, invite: Invite, code_digest: str) -> None:
    """Insert it."""
    rows.insert(connection, "invites", rows.INVITES.dump(invite) | {"code_digest": code_digest})


def find(connection: sqlite3.Connection, code_digest: str) -> Invite | None:
    """Return it, used or not."""
    row = connection.execute("SELECT * FROM invites WHERE code_digest = ?", (code_digest,)).fetchone()
    return rows.invite(row) if row else None


def use(connection: sqlite3.Connection, invite_id: str, user_id: str, at: datetime) -> bool:
    """Mark it used if it can be."""
    changed = connection.execute(
        "UPDATE invites SET used_at = :at, used_by = :user_id WHERE id = :id AND used_at IS NULL AND expires_at > :at",
        {"at": to_ms(at), "user_id": user_id, "id": invite_id},
    )
    return changed.rowcount == 1


def list_newest(connection: sqlite3.Connection, limit: int) -> list[Invite]:
    """Return the newest."""
    query = "SELECT * FROM invites ORDER BY created_at DESC, id LIMIT ?"
    return [rows.invite(row) for row in connection.execute(query, (limit,))]


def delete(connection: sqlite3.Connection, invite_id: str) -> None:
    """Remove it if it is there."""
    connection.execute("DELETE FROM invites WHERE id = ?", (invite_id,))
