"""Attachments: who owns which, and which messages have them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from argus_core.domain import Attachment, AttachmentPart, Part
from argus_core.errors import Conflict, NotFound
from argus_core.storage import codec
from argus_core.storage.sqlite import rows
from argus_core.storage.times import to_ms

CLAIMED = timedelta(minutes=10)
"""So long a claimed one waits for its message."""


def create(connection: sqlite3.Connection, user_id: str, attachment: Attachment, now: datetime) -> Attachment:
    """Insert it; one with this id and owner is returned as it is."""
    row = connection.execute("SELECT * FROM attachments WHERE id = ?", (attachment.id,)).fetchone()
    if row is None:
        values = {
            "id": attachment.id,
            "user_id": user_id,
            "created_at": to_ms(now),
            "attachment": codec.dump(attachment),
            "digest": attachment.digest,
            "size_bytes": attachment.size_bytes,
            "free_since": to_ms(now),
        }
        rows.insert(connection, "attachments", values)
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


def claim(connection: sqlite3.Connection, user_id: str, ids: Sequence[str], now: datetime) -> list[Attachment]:
    """Note the time with each and return them."""
    found = [get(connection, user_id, id) for id in ids]
    connection.executemany("UPDATE attachments SET free_since = ? WHERE id = ?", [(to_ms(now), id) for id in ids])
    return found


def note_uses(connection: sqlite3.Connection, message_num: int, parts: Iterable[Part]) -> None:
    """Take down which attachments a message has."""
    used = {part.attachment.id for part in parts if isinstance(part, AttachmentPart)}
    connection.executemany("INSERT OR IGNORE INTO attachment_uses VALUES (?, ?)", [(id, message_num) for id in used])


def release(connection: sqlite3.Connection, conversation_num: int, before: datetime) -> list[str]:
    """Let go of the attachments of a conversation that is about to be purged; return their ids."""
    found = connection.execute(
        "SELECT DISTINCT u.attachment_id AS id FROM conversations c JOIN messages m ON m.conversation_id = c.id"
        " JOIN attachment_uses u ON u.message_num = m.num WHERE c.num = ? AND c.deleted_at < ?",
        (conversation_num, to_ms(before)),
    )
    ids = [row["id"] for row in found]
    connection.executemany(
        "UPDATE attachments SET free_since = 0 WHERE id = ? AND free_since IS NULL", [(id,) for id in ids]
    )
    return ids


def free(connection: sqlite3.Connection, before: datetime, ids: Iterable[str] | None = None) -> int:
    """Remove those that no message has and nobody has claimed since; return how many went.

    Args:
        connection: Of the lane that writes.
        before: When they must have been free.
        ids: The only ones to look at; None for all.
    """
    if ids is None:
        ids = [
            row["id"] for row in connection.execute("SELECT id FROM attachments WHERE free_since < ?", (to_ms(before),))
        ]
    return sum(_free(connection, id, to_ms(before)) for id in ids)


def _free(connection: sqlite3.Connection, id: str, before_ms: int) -> int:
    if connection.execute("SELECT 1 FROM attachment_uses WHERE attachment_id = ?", (id,)).fetchone():
        connection.execute("UPDATE attachments SET free_since = NULL WHERE id = ?", (id,))
        return 0
    is_free = "WHERE id = ? AND free_since < ?"
    connection.execute(f"INSERT OR IGNORE INTO orphans SELECT digest FROM attachments {is_free}", (id, before_ms))
    return connection.execute(f"DELETE FROM attachments {is_free}", (id, before_ms)).rowcount


def list_orphans(connection: sqlite3.Connection, limit: int) -> list[str]:
    """Return digests of attachments that were removed."""
    return [row["digest"] for row in connection.execute("SELECT digest FROM orphans LIMIT ?", (limit,))]


def is_attached(connection: sqlite3.Connection, digest: str) -> bool:
    """Return whether anybody has it."""
    return connection.execute("SELECT 1 FROM attachments WHERE digest = ?", (digest,)).fetchone() is not None


def forget_orphan(connection: sqlite3.Connection, digest: str) -> None:
    """Take it off the list."""
    connection.execute("DELETE FROM orphans WHERE digest = ?", (digest,))


def total_bytes(connection: sqlite3.Connection, user_id: str) -> int:
    """Return how many bytes the user's attachments have together."""
    query = "SELECT coalesce(sum(size_bytes), 0) FROM attachments WHERE user_id = ?"
    return int(connection.execute(query, (user_id,)).fetchone()[0])
