"""Rows <-> values."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from typing import Any

from argus_core.domain import (
    Attachment,
    Conversation,
    ConversationRow,
    Generation,
    Invite,
    Message,
    Part,
    Problem,
    Session,
    Usage,
    User,
)
from argus_core.events import LoggedEvent
from argus_core.storage import codec
from argus_core.storage.accounts import Amounts, Hold, Login, Presence, StoredSession
from argus_core.storage.times import from_ms, to_ms


def optional_ms(time: datetime | None) -> int | None:
    """Return the time as milliseconds, None as None."""
    return None if time is None else to_ms(time)


def user(row: sqlite3.Row) -> User:
    """Return the user of a row of `users`."""
    return User(
        id=row["id"],
        name=row["name"],
        created_at=from_ms(row["created_at"]),
        email=row["email"],
        role=row["role"],
        disabled=bool(row["disabled"]),
    )


def login(row: sqlite3.Row) -> Login:
    """Return the user of a row of `users` with their password hash."""
    return Login(user=user(row), password_hash=row["password_hash"])


def stored_session(row: sqlite3.Row) -> StoredSession:
    """Return the session of a row of `sessions`."""
    session = Session(
        id=row["id"],
        user_id=row["user_id"],
        created_at=from_ms(row["created_at"]),
        seen_at=from_ms(row["seen_at"]),
        client=row["client"],
        address=row["address"],
        ended_at=_optional_time(row["ended_at"]),
    )
    return StoredSession(session=session, generation=row["generation"], refreshed_at=from_ms(row["refreshed_at"]))


def invite(row: sqlite3.Row) -> Invite:
    """Return the invite of a row of `invites`."""
    return Invite(
        id=row["id"],
        created_at=from_ms(row["created_at"]),
        expires_at=from_ms(row["expires_at"]),
        role=row["role"],
        email=row["email"],
        user_id=row["user_id"],
        created_by=row["created_by"],
        used_at=_optional_time(row["used_at"]),
        used_by=row["used_by"],
    )


def amounts(row: sqlite3.Row) -> Amounts:
    """Return the amounts of a row of `usage_days` or `holds`."""
    return Amounts(requests=row["requests"], tokens=row["tokens"], micro_usd=row["micro_usd"])


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
    return Presence(
        client_id=row["client_id"],
        user_id=row["user_id"],
        client=row["client"],
        conversation_id=row["conversation_id"],
        seen_at=from_ms(row["seen_at"]),
    )


def conversation(row: sqlite3.Row) -> Conversation:
    """Return the conversation of a row of `conversations` with `running` counted beside it."""
    return Conversation(**_told_in_lists(row), system=row["system"], draft=row["draft"])


def conversation_row(row: sqlite3.Row) -> ConversationRow:
    """Return what a list tells of a conversation, of a row that need not hold its long texts."""
    return ConversationRow(**_told_in_lists(row))


def _told_in_lists(row: sqlite3.Row) -> dict[str, Any]:
    return dict(
        id=row["id"],
        user_id=row["user_id"],
        title=row["title"],
        created_at=from_ms(row["created_at"]),
        updated_at=from_ms(row["updated_at"]),
        model=row["model"],
        head_id=row["head_id"],
        rev=row["rev"],
        pinned=bool(row["pinned"]),
        title_by_user=bool(row["title_by_user"]),
        unread=row["unread"],
        running=row["running"],
        is_prepared=bool(row["is_prepared"]),
        deleted_at=_optional_time(row["deleted_at"]),
    )


def message(row: sqlite3.Row) -> Message:
    """Return the message of a row of `messages`."""
    return _message(row, codec.load_parts(row["parts"]))


def message_without_parts(row: sqlite3.Row) -> Message:
    """Return the message of a row that need not hold what was said."""
    return _message(row, ())


def _message(row: sqlite3.Row, parts: tuple[Part, ...]) -> Message:
    return Message(
        id=row["id"],
        conversation_id=row["conversation_id"],
        parent_id=row["parent_id"],
        seq=row["seq"],
        role=row["role"],
        parts=parts,
        status=row["status"],
        created_at=from_ms(row["created_at"]),
        generation_id=row["generation_id"],
        model=row["model"],
        usage=codec.load_optional(Usage, row["usage"]),
        problem=codec.load_optional(Problem, row["problem"]),
        client_msg_id=row["client_msg_id"],
        duration_s=row["duration_s"],
        truncated=bool(row["truncated"]),
    )


def generation(row: sqlite3.Row) -> Generation:
    """Return the generation of a row of `generations`."""
    return Generation(
        id=row["id"],
        conversation_id=row["conversation_id"],
        user_id=row["user_id"],
        message_id=row["message_id"],
        model=row["model"],
        status=row["status"],
        created_at=from_ms(row["created_at"]),
        owner=row["owner"],
        lease_until=from_ms(row["lease_until"]),
        continues_id=row["continues_id"],
        cancel_requested=bool(row["cancel_requested"]),
        ended_at=_optional_time(row["ended_at"]),
    )


def logged_event(row: sqlite3.Row) -> LoggedEvent:
    """Return the event of a row of `generation_events`."""
    return LoggedEvent(row["generation_id"], row["n"], row["owner"], codec.load_event(row["event"]))


def attachment(row: sqlite3.Row) -> Attachment:
    """Return the attachment of a row of `attachments`."""
    return codec.load(Attachment, row["attachment"])


def _optional_time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)
