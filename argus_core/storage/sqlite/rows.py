"""Rows <-> values."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from argus_core.domain import Attachment, Conversation, ConversationRow, Generation, Invite, Message, User
from argus_core.events import LoggedEvent
from argus_core.storage import codec, fields
from argus_core.storage.accounts import Amounts, Hold, Login, Presence, StoredSession
from argus_core.storage.fields import Kind, Mapper
from argus_core.storage.times import from_ms, to_ms


def optional_ms(time: datetime | None) -> int | None:
    """Return the time as milliseconds, None as None."""
    return None if time is None else to_ms(time)


def _optional_time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)


_SQLITE = fields.Dialect({Kind.TIME: optional_ms}, {Kind.TIME: _optional_time, Kind.FLAG: bool})
USERS = Mapper(fields.USERS, _SQLITE)
SESSIONS = Mapper(fields.SESSIONS, _SQLITE)
INVITES = Mapper(fields.INVITES, _SQLITE)
AMOUNTS = Mapper(fields.AMOUNTS, _SQLITE)
PRESENCE = Mapper(fields.PRESENCE, _SQLITE)
CONVERSATIONS = Mapper(fields.CONVERSATIONS, _SQLITE)
CONVERSATION_ROWS = Mapper(fields.CONVERSATION_ROWS, _SQLITE)
MESSAGES = Mapper(fields.MESSAGES, _SQLITE)
GENERATIONS = Mapper(fields.GENERATIONS, _SQLITE)


def insert(connection: sqlite3.Connection, table: str, values: Mapping[str, Any], *, or_replace: bool = False) -> int:
    """Insert one row, whose columns and table come from the program and never from data; return its number."""
    verb = "INSERT OR REPLACE" if or_replace else "INSERT"
    places = ", ".join(f":{name}" for name in values)
    cursor = connection.execute(f"{verb} INTO {table} ({', '.join(values)}) VALUES ({places})", values)
    return cursor.lastrowid or 0


def user(row: sqlite3.Row) -> User:
    """Return the user of a row of `users`."""
    return USERS.load(row)


def login(row: sqlite3.Row) -> Login:
    """Return the user of a row of `users` with their password hash."""
    return Login(user=user(row), password_hash=row["password_hash"])


def session_values(stored: StoredSession) -> dict[str, Any]:
    """Return the row of `sessions` of a session."""
    kept = {"generation": stored.generation, "refreshed_at": to_ms(stored.refreshed_at)}
    return SESSIONS.dump(stored.session) | kept


def stored_session(row: sqlite3.Row) -> StoredSession:
    """Return the session of a row of `sessions`."""
    refreshed_at = from_ms(row["refreshed_at"])
    return StoredSession(session=SESSIONS.load(row), generation=row["generation"], refreshed_at=refreshed_at)


def invite(row: sqlite3.Row) -> Invite:
    """Return the invite of a row of `invites`."""
    return INVITES.load(row)


def amounts(row: sqlite3.Row) -> Amounts:
    """Return the amounts of a row of `usage_days` or `holds`."""
    return AMOUNTS.load(row)


def hold_values(hold: Hold) -> dict[str, Any]:
    """Return the row of `holds` of a hold."""
    place = {"user_id": hold.user_id, "day": hold.day.isoformat(), "generation_id": hold.generation_id}
    return place | AMOUNTS.dump(hold.amounts) | {"created_at": to_ms(hold.created_at)}


def hold(row: sqlite3.Row) -> Hold:
    """Return the hold of a row of `holds`."""
    return Hold(
        user_id=row["user_id"],
        day=date.fromisoformat(row["day"]),
        generation_id=row["generation_id"],
        amounts=amounts(row),
        created_at=from_ms(row["created_at"]),
    )


def presence(row: sqlite3.Row) -> Presence:
    """Return the client of a row of `presence`."""
    return PRESENCE.load(row)


def conversation(row: sqlite3.Row) -> Conversation:
    """Return the conversation of a row of `conversations` with `running` counted beside it."""
    return CONVERSATIONS.load(row, running=row["running"], is_prepared=bool(row["is_prepared"]))


def conversation_row(row: sqlite3.Row) -> ConversationRow:
    """Return what a list tells of a conversation, of a row that need not hold its long texts."""
    return CONVERSATION_ROWS.load(row, running=row["running"], is_prepared=bool(row["is_prepared"]))


def message(row: sqlite3.Row) -> Message:
    """Return the message of a row of `messages`."""
    return MESSAGES.load(row)


def message_without_parts(row: sqlite3.Row) -> Message:
    """Return the message of a row that need not hold what was said."""
    return MESSAGES.load(row, parts=())


def generation(row: sqlite3.Row) -> Generation:
    """Return the generation of a row of `generations`."""
    return GENERATIONS.load(row)


def logged_event(row: sqlite3.Row) -> LoggedEvent:
    """Return the event of a row of `generation_events`."""
    return LoggedEvent(row["generation_id"], row["n"], row["owner"], codec.load_event(row["event"]))


def attachment(row: sqlite3.Row) -> Attachment:
    """Return the attachment of a row of `attachments`."""
    return codec.load(Attachment, row["attachment"])
