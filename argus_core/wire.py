"""Values, events and errors <-> JSON-able dicts: one codec for JSON columns and for both ends of the network.

The shape is the dataclass itself: a field is a key, a time is ISO 8601 in UTC, a part or an event has its kind under
`type`. A field that holds its default is left out. Decoding is strict in what it uses (a wrong type, a missing field or
an unknown kind is `InvalidInput`) and ignores keys it does not know, so a newer peer may add some.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from argus_core import domain, events
from argus_core.errors import ArgusError, InvalidInput

T = TypeVar("T")
JsonObject = dict[str, Any]

_KINDS: dict[type, str] = {
    domain.TextPart: "text",
    domain.ThoughtPart: "thought",
    domain.AttachmentPart: "attachment",
    domain.SourcePart: "source",
    events.Started: "started",
    events.TextDelta: "text_delta",
    events.ThoughtDelta: "thought_delta",
    events.AttachmentAdded: "attachment_added",
    events.SourceAdded: "source_added",
    events.Completed: "completed",
    events.Cancelled: "cancelled",
    events.Failed: "failed",
    events.Interrupted: "interrupted",
}

HTTP_STATUS: dict[str, int] = {
    "error": 500,
    "invalid_input": 422,
    "attachment_rejected": 422,
    "not_found": 404,
    "conflict": 409,
    "not_authenticated": 401,
    "bad_credentials": 401,
    "token_expired": 401,
    "limit_reached": 429,
    "permission_denied": 403,
    "provider_error": 502,
    "key_missing": 503,
    "key_rejected": 502,
    "place_not_supported": 502,
    "request_rejected": 502,
    "model_not_found": 404,
    "rate_limited": 429,
    "provider_unavailable": 503,
    "content_blocked": 422,
    "empty_answer": 502,
    "context_too_long": 413,
    "storage_error": 500,
    "storage_unavailable": 503,
    "schema_too_new": 500,
    "server_unreachable": 503,
    "config_error": 500,
}
"""The status a server answers with, by the `code` of the error."""

PIECE_CHARS = 64 << 10
"""So much text is turned into JSON, or back, without a pause: well under a millisecond."""
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Made once: `json.dumps` would make an encoder for each value."""
_UNFIT = re.compile("[\x80-\x9f\u2028\u2029\ud800-\udfff]")
"""Half a surrogate pair has no UTF-8; the others end a line for some readers."""

_INT_LIMIT = 2**63
_ABSENT = object()


def encode(value: object) -> JsonObject:
    """Return a dataclass of `domain` or `events` as a dict that `json.dumps` takes."""
    return cast(JsonObject, _encode_any(value))


def decode(cls: type[T], data: object) -> T:
    """Return the value of class `cls` (also `Page[Conversation]` and the like) that `data` was made from.

    Raises:
        InvalidInput: `data` has not that shape; the hint names the first field that is wrong.
    """
    codec = _codec(cast(Any, cls))
    return cast(T, codec.decode(data, getattr(cls, "__name__", "value")))


def decode_part(data: object) -> domain.Part:
    """Return the part that `data` was made from, or raise `InvalidInput`."""
    return cast(domain.Part, _codec(domain.Part).decode(data, "part"))


def decode_event(data: object) -> events.Event:
    """Return the event that `data` was made from, or raise `InvalidInput`."""
    return cast(events.Event, _codec(events.Event).decode(data, "event"))


def to_json(data: Any) -> str:
    """Return JSON on one line that UTF-8 can hold: letters stand as they are, what is `_UNFIT` is escaped."""
    text = _to_json(data)
    return text if text.isascii() else _UNFIT.sub(_escaped, text)


def json_pieces(data: Any) -> Iterator[str]:
    """Yield what `to_json` returns in pieces, none of which takes long to make; the letters of a long text are cut."""
    if not data or not isinstance(data, str | dict | list) or _weight(data) <= PIECE_CHARS:
        yield to_json(data)
    elif isinstance(data, str):
        yield '"'
        for at in range(0, len(data), PIECE_CHARS):
            yield to_json(data[at : at + PIECE_CHARS])[1:-1]
        yield '"'
    elif isinstance(data, dict):
        for place, (name, item) in enumerate(data.items()):
            yield f"{',' if place else '{'}{to_json(name)}:"
            yield from json_pieces(item)
        yield "}"
    else:
        for place, item in enumerate(data):
            yield "," if place else "["
            yield from json_pieces(item)
        yield "]"


def _escaped(unfit: re.Match[str]) -> str:
    return f"\\u{ord(unfit[0]):04x}"


def _weight(data: Any) -> int:
    """Return about how many characters the JSON has; once it is heavy the rest is not looked at."""
    if isinstance(data, str):
        return len(data) + 8
    if not isinstance(data, dict | list):
        return 8
    total = 0
    for item in data.values() if isinstance(data, dict) else data:
        total += _weight(item) + 8
        if total > PIECE_CHARS:
            break
    return total


def kind_of(cls: type) -> str | None:
    """Return what stands under `type` for a part or an event; None for other values."""
    return _KINDS.get(cls)


def http_status(error: ArgusError) -> int:
    """Return the HTTP status for `error`."""
    return HTTP_STATUS.get(error.code, 500)


_Encode = Callable[[Any], Any]
_Decode = Callable[[Any, str], Any]


class _Codec(NamedTuple):
    """How one type goes there and back; `encode` is None when JSON has the type itself."""

    encode: _Encode | None
    decode: _Decode


class _Field(NamedTuple):
    name: str
    default: Any
    encode: _Encode | None
    decode: _Decode


@cache
def _codec(hint: Any) -> _Codec:
    """Return the codec of a type annotation; built once for each."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _literal(args)
    if origin is tuple:
        return _tuple(args)
    if origin in (Union, UnionType):
        return _union(args)
    cls = origin or hint
    if isinstance(cls, TypeVar):
        return _Codec(_encode_any, _cannot_decode)
    if not is_dataclass(cls):
        raise TypeError(f"no wire form for {hint!r}")
    return _dataclass(cast(type, cls), args)


def _encode_any(value: Any) -> Any:
    encoder = _codec(cast(Any, type(value))).encode
    return encoder(value) if encoder else value


def _cannot_decode(data: Any, where: str) -> Any:
    raise TypeError(f"`{where}` is generic: decode `Page[Conversation]`, not `Page`")


def _wrong(where: str, expected: str) -> InvalidInput:
    return InvalidInput(f"`{where}` is not {expected}.")


def _string(data: Any, where: str) -> str:
    if type(data) is not str:
        raise _wrong(where, "a string")
    return data


def _boolean(data: Any, where: str) -> bool:
    if type(data) is not bool:
        raise _wrong(where, "true or false")
    return data


def _integer(data: Any, where: str) -> int:
    if type(data) is not int or not -_INT_LIMIT <= data < _INT_LIMIT:
        raise _wrong(where, "a whole number of 64 bits")
    return data


def _number(data: Any, where: str) -> float:
    if type(data) is int and -_INT_LIMIT <= data < _INT_LIMIT:
        return float(data)
    if type(data) is not float or not math.isfinite(data):
        raise _wrong(where, "a number")
    return data


def _time(data: Any, where: str) -> datetime:
    text = _string(data, where)
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise _wrong(where, "a time in ISO 8601") from error
    raise _wrong(where, "a time with its offset from UTC")


def _iso(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_SCALARS: dict[Any, _Codec] = {
    str: _Codec(None, _string),
    bool: _Codec(None, _boolean),
    int: _Codec(None, _integer),
    float: _Codec(None, _number),
    datetime: _Codec(_iso, _time),
}


def _literal(choices: tuple[Any, ...]) -> _Codec:
    allowed = frozenset(choices)

    def decode(data: Any, where: str) -> Any:
        if type(data) is not str or data not in allowed:
            raise _wrong(where, f"one of {', '.join(map(str, choices))}")
        return data

    return _Codec(None, decode)


def _tuple(args: tuple[Any, ...]) -> _Codec:
    length = None if args[-1] is Ellipsis else len(args)
    item = _codec(args[0])

    def encode(value: tuple[Any, ...]) -> list[Any]:
        return [item.encode(one) for one in value] if item.encode else list(value)

    def decode(data: Any, where: str) -> tuple[Any, ...]:
        if type(data) is not list or length not in (None, len(data)):
            raise _wrong(where, "a list" if length is None else f"a list of {length}")
        return tuple(item.decode(one, where) for one in data)

    return _Codec(encode, decode)


def _union(args: tuple[Any, ...]) -> _Codec:
    some = [arg for arg in args if arg is not NoneType]
    inner = _codec(some[0]) if len(some) == 1 else _tagged(some)
    if len(some) == len(args):
        return inner

    def encode(value: Any) -> Any:
        return None if value is None or inner.encode is None else inner.encode(value)

    def decode(data: Any, where: str) -> Any:
        return None if data is None else inner.decode(data, where)

    return _Codec(encode if inner.encode else None, decode)


def _tagged(classes: list[type]) -> _Codec:
    by_kind = {_KINDS[cls]: _codec(cls).decode for cls in classes}

    def decode(data: Any, where: str) -> Any:
        kind = data.get("type") if type(data) is dict else None
        decoder = by_kind.get(kind) if type(kind) is str else None
        if decoder is None:
            raise _wrong(where, f"an object whose `type` is one of {', '.join(by_kind)}")
        return decoder(data, where)

    return _Codec(encode, decode)


def _dataclass(cls: type, args: tuple[Any, ...]) -> _Codec:
    plan, kind = _plan(cls, args), _KINDS.get(cls)

    def encode_fields(value: Any) -> JsonObject:
        out: JsonObject = {"type": kind} if kind else {}
        for name, default, encoder, _ in plan:
            item = getattr(value, name)
            if item != default:
                out[name] = encoder(item) if encoder else item
        return out

    def decode_fields(data: Any, where: str) -> Any:
        if type(data) is not dict:
            raise _wrong(where, "an object")
        found: JsonObject = {}
        for name, default, _, decoder in plan:
            item = data.get(name, _ABSENT)
            if item is not _ABSENT:
                found[name] = decoder(item, name)
            elif default is _ABSENT:
                raise _wrong(where, f"complete: `{name}` is missing")
        return cls(**found)

    return _Codec(encode_fields, decode_fields)


def _plan(cls: type, args: tuple[Any, ...]) -> list[_Field]:
    hints = get_type_hints(cls)
    plan = []
    for each in fields(cls):
        default = each.default_factory() if each.default_factory is not MISSING else each.default
        codec = _codec(_filled_in(hints[each.name], args))
        plan.append(_Field(each.name, _ABSENT if default is MISSING else default, codec.encode, codec.decode))
    return plan


def _filled_in(hint: Any, args: tuple[Any, ...]) -> Any:
    """Put the argument of a generic dataclass in the place of its type variable: `tuple[T, ...]` in `Page[User]`."""
    return hint[args[0]] if args and getattr(hint, "__parameters__", ()) else hint
