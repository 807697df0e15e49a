"""Version 5: what everybody keeps is counted, and lists need not read long texts."""

from __future__ import annotations

import sqlite3

_STATEMENTS = (
    # Of its messages but one that is being written, of its draft and its system instruction, in UTF-8.
    "ALTER TABLE conversations ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE conversations ADD COLUMN is_prepared INTEGER NOT NULL DEFAULT 0",
    """
    UPDATE conversations SET
        bytes = length(CAST(draft AS BLOB)) + length(CAST(system AS BLOB)) + coalesce(
            (SELECT sum(length(CAST(parts AS BLOB))) FROM messages
            WHERE conversation_id = conversations.id AND status != 'running'), 0),
        is_prepared = draft != '' OR system != ''
    """,
    "CREATE INDEX conversations_kept ON conversations (user_id, deleted_at, bytes)",
    """
    CREATE TABLE attachment_uses (
        attachment_id TEXT NOT NULL,
        message_num INTEGER NOT NULL REFERENCES messages (num) ON DELETE CASCADE,
        PRIMARY KEY (attachment_id, message_num)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX attachment_uses_by ON attachment_uses (message_num)",
    """
    INSERT OR IGNORE INTO attachment_uses
    SELECT json_extract(part.value, '$.attachment.id'), m.num FROM messages m, json_each(m.parts) part
    WHERE instr(m.parts, '"attachment"') AND json_extract(part.value, '$.type') = 'attachment'
    """,
    "ALTER TABLE attachments ADD COLUMN digest TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE attachments ADD COLUMN size_bytes INTEGER NOT NULL DEFAULT 0",
    # When it came or was claimed last; NULL once it was seen in a message.
    "ALTER TABLE attachments ADD COLUMN free_since INTEGER",
    """
    UPDATE attachments SET
        digest = json_extract(attachment, '$.digest'),
        size_bytes = json_extract(attachment, '$.size_bytes'),
        free_since = created_at
    """,
    "DROP INDEX attachments_of",
    "CREATE INDEX attachments_of ON attachments (user_id, size_bytes)",
    "CREATE INDEX attachments_blobs ON attachments (digest)",
    "CREATE INDEX attachments_free ON attachments (free_since) WHERE free_since IS NOT NULL",
    "CREATE TABLE orphans (digest TEXT PRIMARY KEY) WITHOUT ROWID",
)


def upgrade(connection: sqlite3.Connection) -> None:
    """Count the texts that are there."""
    for statement in _STATEMENTS:
        connection.execute(statement)
