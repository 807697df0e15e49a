"""Server-sent events out of bytes that may be cut anywhere, as the WHATWG HTML standard has them (section 9.2.6).

Each byte is looked at once, however an event is cut, and what one event may hold is bounded. `httpx2.EventSource` keeps
a byte order mark, makes events of a lone `id`, waits for the byte after a CR, and drops the JSON that Google sends
between events when an answer fails: hence this.
"""

from __future__ import annotations

from dataclasses import dataclass

_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data", b"event", b"id", b"retry")
_LONGEST_HEAD = len("event: ")


class TooLong(Exception):
    """An event is longer than was allowed."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event."""

    name: str
    """`message` unless it was given one."""
    data: bytes
    """In UTF-8."""
    id: str = ""
    """The last id that came, with this event or before."""


class EventParser:
    """Takes pieces of a stream and gives its events.

    Args:
        limit_bytes: The most that one event, or a line that has no end yet, may hold.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._start: bytes | None = b""
        """The first bytes as long as they may be a byte order mark; None behind them."""
        self._after_cr = False
        self._line: list[bytes] = []
        self._line_size = 0
        self.comments = 0
        """How many comments have come: what keeps a connection alive while there is nothing to say."""
        self._name = self._id = ""
        self._data: list[bytes] = []
        self._data_size = 0
        self._stray: list[bytes] = []
        self._stray_size = 0

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """Return the events that end in this piece.

        Raises:
            TooLong: One holds more than is allowed.
        """
        piece = self._without_mark(piece)
        if not piece:
            return []
        if self._after_cr and piece.startswith(b"\n"):  # the second half of a line end
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r") if piece else False
        found: list[ServerEvent] = []
        for line in piece.splitlines(keepends=True):  # at CR, LF and CRLF only, these being bytes
            whole = line.rstrip(b"\r\n")
            self._line.append(whole)
            self._line_size += len(whole)
            if len(whole) < len(line):
                self._end_line(found)
        if self._line_size + self._data_size > self._limit:
            raise TooLong
        return found

    @property
    def unfinished(self) -> bytes:
        """The data of an event without the empty line that ends it, at the end of the stream."""
        name, value = _field(self._line)
        return b"".join([*self._data, *([b"\n"] if self._data else []), *value] if name == b"data" else self._data)

    @property
    def stray(self) -> bytes:
        """The lines that are no part of an event, which the standard passes over; the first `limit_bytes` of them."""
        last = b"".join(self._line)
        is_stray = last and not last.startswith(b":") and _field(self._line)[0] not in _FIELDS
        return b"\n".join([*self._stray, last] if is_stray else self._stray)

    def _without_mark(self, piece: bytes) -> bytes:
        if self._start is None or not piece:
            return piece
        self._start += piece
        if len(self._start) < len(_BOM) and _BOM.startswith(self._start):
            return b""
        piece, self._start = self._start.removeprefix(_BOM), None
        return piece

    def _end_line(self, found: list[ServerEvent]) -> None:
        """Take in the line that has come to its end; a large one is joined only once, with its event."""
        line, self._line = self._line, []
        size, self._line_size = self._line_size, 0
        if not size:
            self._end_event(found)
        elif _starts_with_colon(line):
            self.comments += 1
        else:
            self._take(*_field(line), line, size)

    def _end_event(self, found: list[ServerEvent]) -> None:
        if self._data_size:
            found.append(ServerEvent(self._name or "message", b"".join(self._data), self._id))
        self._name, self._data, self._data_size = "", [], 0

    def _take(self, name: bytes, value: list[bytes], line: list[bytes], size: int) -> None:
        if name == b"data":
            self._data += [b"\n", *value] if self._data_size else value
            self._data_size += size
            if self._data_size > self._limit:
                raise TooLong
        elif name == b"event":
            self._name = b"".join(value).decode(errors="replace")
        elif name == b"id":
            self._id = _id(b"".join(value), self._id)
        elif name not in _FIELDS and self._stray_size <= self._limit:
            self._stray.append(b"".join(line))
            self._stray_size += size + 1


def _starts_with_colon(line: list[bytes]) -> bool:
    return next((piece for piece in line if piece), b"").startswith(b":")


def _id(value: bytes, before: str) -> str:
    return before if b"\0" in value else value.decode(errors="replace")


def _field(line: list[bytes]) -> tuple[bytes, list[bytes]]:
    """Return the name of the field in a line, and the pieces of its value without the blank before it."""
    head, rest = b"", list(line)
    while rest and len(head) <= _LONGEST_HEAD:
        head += rest.pop(0)
    name, _, value = head.partition(b":")
    return name, [value.removeprefix(b" "), *rest]
