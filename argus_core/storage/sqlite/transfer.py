"""All rows of a kind out of the file and into it: what runs inside a transaction of a lane."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

from argus_core.domain import Conversation, Generation, Part
from argus_core.events import LoggedEvent, is_terminator
from argus_core.storage import codec
from argus_core.storage.accounts import Login, StoredSession
from argus_core.storage.sqlite import (
    accounts,
    attachments,
    conversations,
    generations,
    invites,
    limits,
    messages,
    rows,
    sessions,
)
from argus_core.storage.times import from_ms
from argus_core.storage.transfer import (
    BATCH,
    CodedInvite,
    Kind,
    OwnedAttachment,
    OwnedMessage,
    Preference,
    Record,
    UsedDay,
)

Key = tuple[object, ...]


class _Table(NamedTuple):
    query: str
    keys: tuple[str, ...]
    """Columns that order the rows and are unique together."""
    record: Callable[[sqlite3.Row], Record]


def _owned_message(row: sqlite3.Row) -> Record:
    return OwnedMessage(row["user_id"], rows.message(row))


def _owned_attachment(row: sqlite3.Row) -> Record:
    return OwnedAttachment(row["user_id"], rows.attachment(row), from_ms(row["created_at"]))


def _preference(row: sqlite3.Row) -> Record:
    return Preference(row["user_id"], row["name"], row["value"])


def _coded_invite(row: sqlite3.Row) -> Record:
    return CodedInvite(rows.invite(row), row["code_digest"])


def _used_day(row: sqlite3.Row) -> Record:
    return UsedDay(row["user_id"], row["day"], rows.amounts(row))


_TABLES: dict[Kind, _Table] = {
    "users": _Table("SELECT * FROM users", ("id",), rows.login),
    "preferences": _Table("SELECT * FROM preferences", ("user_id", "name"), _preference),
    "sessions": _Table("SELECT * FROM sessions", ("id",), rows.stored_session),
    "invites": _Table("SELECT * FROM invites", ("id",), _coded_invite),
    "usage_days": _Table("SELECT * FROM usage_days", ("user_id", "day"), _used_day),
    "conversations": _Table(conversations.SELECT, ("num",), rows.conversation),
    "messages": _Table("SELECT * FROM messages", ("num",), _owned_message),
    "generations": _Table("SELECT * FROM generations", ("id",), rows.generation),
    "events": _Table("SELECT * FROM generation_events", ("generation_id", "n"), rows.logged_event),
    "attachments": _Table("SELECT * FROM attachments", ("id",), _owned_attachment),
}


def export_page(connection: sqlite3.Connection, kind: Kind, after: Key | None) -> tuple[list[Record], Key | None]:
    """Return up to `BATCH` records behind a key, and the key of the last one."""
    query, keys, record = _TABLES[kind]
    columns = ", ".join(keys)
    where = f"WHERE ({columns}) > ({', '.join('?' for _ in keys)})" if after else ""
    found = connection.execute(f"{query} {where} ORDER BY {columns} LIMIT ?", (*(after or ()), BATCH)).fetchall()
    return [record(row) for row in found], tuple(found[-1][key] for key in keys) if found else None


def parts_of(record: Record) -> tuple[Part, ...]:
    """Return what a record is found by: the parts of a message."""
    return record.message.parts if isinstance(record, OwnedMessage) else ()


def load(connection: sqlite3.Connection, records: Sequence[Record], words: Sequence[Sequence[str]]) -> None:
    """Insert records as they are, each message to be found by its words."""
    for record, found_by in zip(records, words, strict=True):
        _load(connection, record, found_by)


def _load(connection: sqlite3.Connection, record: Record, words: Sequence[str]) -> None:
    match record:
        case Login() | StoredSession() | CodedInvite() | UsedDay():
            _load_account(connection, record)
        case Preference(user_id, name, value):
            conversations.set_preference(connection, user_id, name, value)
        case Conversation():
            conversations.create(connection, record)
        case OwnedMessage(user_id, message):
            conversations.grow(
                connection, message.conversation_id, messages.insert(connection, user_id, message, words)
            )
        case Generation():
            generations.insert(connection, record)
        case OwnedAttachment(user_id, attachment, created_at):
            attachments.create(connection, user_id, attachment, created_at)
        case LoggedEvent(generation_id, n, owner, event):
            values = (generation_id, n, owner, codec.dump_event(event), is_terminator(event))
            connection.execute("INSERT INTO generation_events VALUES (?, ?, ?, ?, ?)", values)


def _load_account(connection: sqlite3.Connection, record: Login | StoredSession | CodedInvite | UsedDay) -> None:
    match record:
        case Login():
            accounts.insert(connection, record)
        case StoredSession():
            sessions.create(connection, record)
        case CodedInvite(invite, code_digest):
            invites.create(connection, invite, code_digest)
        case UsedDay(user_id, day, used):
            limits.add_used(connection, user_id, day, used)
