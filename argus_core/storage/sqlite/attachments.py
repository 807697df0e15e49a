"""Attachments: who owns which."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from argus_core.domain import Attachment
from argus_core.errors import Conflict, NotFound
from argus_core.storage import codec
from argus_core.storage.sqlite import rows
from argus_core.storage.times import to_ms


def create(connection: sqlite3.Connection, user_id: str, attachment: Attachment, now: datetime) -> Attachment:
    """Insert it; one with this id and owner is returned as it is."""
    row = connection.execute("SELECT * FROM attachments WHERE id = ?", (attachment.id,)).fetchone()
    if row is None:
        values = (attachment.id, user_id, to_ms(now), codec.dump(attachment))
        connection.execute("INSERT INTO attachments VALUES (?, ?, ?, ?)", values)
        return attachment
    if row["user_id"] != user_id:
        raise Conflict("This id is taken.")
    return rows.attachment(row)


def get(connection: sqlite3.Connection, user_id: str, attachment_id: str) -> Attachment:
    """Return it or raise `NotFound`."""
    query = "SELECT * FROM attachments WHERE id = ? AND user_id = ?"
    row = connection.execute(query, (attachment_id, user_id)).fetchone()
    if row is None:
        raise NotFound("There is no such attachment.")
    return rows.attachment(row)


def total_bytes(connection: sqlite3.Connection, user_id: str) -> int:
    """Return how many bytes the user's attachments have together."""
    query = "SELECT coalesce(sum(json_extract(attachment, '$.size_bytes')), 0) FROM attachments WHERE user_id = ?"
    return int(connection.execute(query, (user_id,)).fetchone()[0])
