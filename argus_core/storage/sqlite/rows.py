"""Rows <-> values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar

from argus_core.domain import Attachment, Conversation, Generation, Message, Part, Problem, Usage, User
from argus_core.errors import InvalidInput, StorageError
from argus_core.events import LoggedEvent
from argus_core.storage.times import from_ms, to_ms
from argus_core.wire import decode, decode_event, decode_part, encode

T = TypeVar("T")


def dump(value: object | None) -> str | None:
    """Return a value as JSON text, None as None."""
    return None if value is None else to_json(encode(value))


def dump_parts(parts: Iterable[Part]) -> str:
    """Return the parts of a message as JSON text."""
    return to_json([encode(part) for part in parts])


def to_json(data: Any) -> str:
    """Return JSON that UTF-8 can hold: half a surrogate pair, which a model may send, is escaped."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(data, separators=(",", ":"))
    return text


def optional_ms(time: datetime | None) -> int | None:
    """Return the time as milliseconds, None as None."""
    return None if time is None else to_ms(time)


def user(row: sqlite3.Row) -> User:
    """Return the user of a row of `users`."""
    return User(id=row["id"], name=row["name"], created_at=from_ms(row["created_at"]))


def conversation(row: sqlite3.Row) -> Conversation:
    """Return the conversation of a row of `conversations` with `running` counted beside it."""
    return Conversation(
        id=row["id"],
        user_id=row["user_id"],
        title=row["title"],
        created_at=from_ms(row["created_at"]),
        updated_at=from_ms(row["updated_at"]),
        model=row["model"],
        system=row["system"],
        head_id=row["head_id"],
        rev=row["rev"],
        pinned=bool(row["pinned"]),
        title_by_user=bool(row["title_by_user"]),
        unread=row["unread"],
        running=row["running"],
        draft=row["draft"],
        deleted_at=_optional_time(row["deleted_at"]),
    )


def message(row: sqlite3.Row) -> Message:
    """Return the message of a row of `messages`."""
    return Message(
        id=row["id"],
        conversation_id=row["conversation_id"],
        parent_id=row["parent_id"],
        seq=row["seq"],
        role=row["role"],
        parts=parts(row["parts"]),
        status=row["status"],
        created_at=from_ms(row["created_at"]),
        generation_id=row["generation_id"],
        model=row["model"],
        usage=_optional(Usage, row["usage"]),
        problem=_optional(Problem, row["problem"]),
        client_msg_id=row["client_msg_id"],
        duration_s=row["duration_s"],
    )


def parts(text: str) -> tuple[Part, ...]:
    """Return the parts that `dump_parts` wrote."""
    try:
        return tuple(decode_part(each) for each in json.loads(text))
    except (ValueError, TypeError, InvalidInput) as error:
        raise _damaged() from error


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
    try:
        event = decode_event(json.loads(row["event"]))
    except (ValueError, InvalidInput) as error:
        raise _damaged() from error
    return LoggedEvent(row["generation_id"], row["n"], row["owner"], event)


def attachment(row: sqlite3.Row) -> Attachment:
    """Return the attachment of a row of `attachments`."""
    return load(Attachment, row["attachment"])


def load(cls: type[T], text: str) -> T:
    """Return the value that `dump` wrote."""
    try:
        return decode(cls, json.loads(text))
    except (ValueError, InvalidInput) as error:
        raise _damaged() from error


def _optional(cls: type[T], text: str | None) -> T | None:
    return None if text is None else load(cls, text)


def _optional_time(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_ms(milliseconds)


def _damaged() -> StorageError:
    return StorageError("The store holds a row that cannot be read; it may be damaged.")
