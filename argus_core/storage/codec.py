"""Values <-> JSON text, the form in which every storage keeps what it never searches in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TypeVar

from argus_core.domain import Part
from argus_core.errors import InvalidInput, StorageError
from argus_core.events import Event
from argus_core.wire import decode, decode_event, decode_part, encode, json_pieces, to_json

T = TypeVar("T")


def dump(value: object | None) -> str | None:
    """Return a value as JSON text, None as None."""
    return None if value is None else to_json(encode(value))


def dump_event(event: Event) -> str:
    """Return an event as JSON text; equal events give equal text."""
    return to_json(encode(event))


def dump_parts(parts: Iterable[Part]) -> str:
    """Return the parts of a message as JSON text."""
    return "".join(json_pieces([encode(part) for part in parts]))  # in pieces: other threads want to run too


def load(cls: type[T], text: str) -> T:
    """Return the value that `dump` wrote."""
    try:
        return decode(cls, json.loads(text))
    except (ValueError, TypeError, InvalidInput) as error:
        raise _damaged() from error


def load_optional(cls: type[T], text: str | None) -> T | None:
    """Return the value that `dump` wrote, None for None."""
    return None if text is None else load(cls, text)


def load_event(text: str) -> Event:
    """Return the event that `dump_event` wrote."""
    try:
        return decode_event(json.loads(text))
    except (ValueError, TypeError, InvalidInput) as error:
        raise _damaged() from error


def load_parts(text: str) -> tuple[Part, ...]:
    """Return the parts that `dump_parts` wrote."""
    try:
        return tuple(decode_part(each) for each in json.loads(text))
    except (ValueError, TypeError, InvalidInput) as error:
        raise _damaged() from error


def _damaged() -> StorageError:
    return StorageError("The store holds a row that cannot be read; it may be damaged.")
