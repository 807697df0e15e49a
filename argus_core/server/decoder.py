"""The one reader of JSON bodies: strict, bounded in what it makes, and never long at a time.

`json.loads` holds the event loop, in whichever thread it runs, for as long as a body is long, and makes an object for
each two bytes of a hostile one. Our bodies are flat and have a few fields, one of which may be long. So what they are
made of is counted, a long text is read in pieces between which others run, and the first fault ends it.
"""

from __future__ import annotations

import asyncio
import codecs
import math
import re
from collections.abc import Callable
from json import decoder
from typing import Any

from argus_core.errors import InvalidInput
from argus_core.wire import PIECE_CHARS

MOST_VALUES = 128
"""So many values may stand in a body: its fields, and the ids in them."""
MOST_DEPTH = 4
MOST_NAME_CHARS = 64
_SPACE = re.compile(rb"[ \t\r\n]{0,1024}")
_ATOM = re.compile(rb"true|false|null|(-?(?:0|[1-9][0-9]{0,18}))(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?")
_NO_ATOM_GOES_ON = re.compile(rb"[0-9A-Za-z_.+-]")
_WORDS = {b"true": True, b"false": False, b"null": None}
_unescape: Callable[[str, int], tuple[str, int]] = decoder.scanstring  # type: ignore[attr-defined]
_LETTERS = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+')


async def decode(body: bytes | bytearray, most_chars: int) -> Any:
    """Return the value that a body is JSON of (RFC 8259).

    Args:
        body: UTF-8, in which nothing else stands.
        most_chars: A longer text is refused as soon as it is seen.

    Raises:
        InvalidInput: It is not JSON, or not of the modest form that our bodies have.
    """
    reader = _Reader(body, most_chars)
    value = await reader.value(MOST_DEPTH)
    reader.end()
    return value


class _Reader:
    def __init__(self, body: bytes | bytearray, most_chars: int) -> None:
        self._body = body
        self._most_chars = most_chars
        self._at = 0
        self._values = 0

    async def value(self, depth: int) -> Any:
        """Read the value that stands here."""
        self._values += 1
        if self._values > MOST_VALUES:
            raise _fault(f"It holds more than {MOST_VALUES} values.")
        if not depth:
            raise _fault("It is nested too deeply.")
        match self._next():
            case b'"':
                return await self._text(self._most_chars)
            case b"{":
                return await self._object(depth - 1)
            case b"[":
                return await self._list(depth - 1)
            case _:
                return self._atom()

    def end(self) -> None:
        """Make sure that nothing more stands there."""
        if self._next():
            raise _fault("Something stands behind the JSON.")

    def _next(self) -> bytes:
        """Return the next byte that is no space, without taking it; empty at the end."""
        space = _SPACE.match(self._body, self._at)
        assert space is not None
        self._at = space.end()
        return bytes(self._body[self._at : self._at + 1])

    def _takes(self, byte: bytes) -> bool:
        if self._next() != byte:
            return False
        self._at += 1
        return True

    async def _object(self, depth: int) -> dict[str, Any]:
        self._at += 1
        found: dict[str, Any] = {}
        if self._takes(b"}"):
            return found
        while True:
            if self._next() != b'"':
                raise _not_json()
            name = await self._text(MOST_NAME_CHARS)
            if name in found:
                raise _fault("A field stands there twice.")
            if not self._takes(b":"):
                raise _not_json()
            found[name] = await self.value(depth)
            if self._takes(b"}"):
                return found
            if not self._takes(b","):
                raise _not_json()

    async def _list(self, depth: int) -> list[Any]:
        self._at += 1
        found: list[Any] = []
        if self._takes(b"]"):
            return found
        while True:
            found.append(await self.value(depth))
            if self._takes(b"]"):
                return found
            if not self._takes(b","):
                raise _not_json()

    def _atom(self) -> Any:
        atom = _ATOM.match(self._body, self._at)
        if atom is None or _NO_ATOM_GOES_ON.match(self._body, atom.end()):
            raise _not_json()
        self._at = atom.end()
        if atom[0] in _WORDS:
            return _WORDS[atom[0]]
        if atom[2] is None and atom[3] is None:
            return int(atom[0])
        number = float(atom[0])
        if not math.isfinite(number):
            raise _not_json()
        return number

    async def _text(self, most_chars: int) -> str:
        self._at += 1
        utf8 = codecs.getincrementaldecoder("utf-8")()
        pieces: list[str] = []
        chars = 0
        while True:
            letters = _LETTERS.match(self._body, self._at, self._at + PIECE_CHARS)
            assert letters is not None
            is_last = self._body[letters.end() : letters.end() + 1] == b'"'
            if not is_last and letters.end() == self._at:
                raise _not_json()
            self._at = letters.end()
            piece = _unescaped(utf8, letters[0], is_last)
            if pieces:
                piece = _rejoined(pieces, piece)
            pieces.append(piece)
            chars += len(piece)
            if chars > most_chars:
                raise InvalidInput(f"Keep it under {most_chars:,} characters.", title="The text is too long")
            if is_last:
                self._at += 1
                return "".join(pieces)
            await asyncio.sleep(0)


def _unescaped(utf8: codecs.IncrementalDecoder, letters: bytes, is_last: bool) -> str:
    try:
        piece = utf8.decode(letters, is_last)
    except UnicodeDecodeError:
        raise _fault("It is not UTF-8.") from None
    if "\\" not in piece:
        return piece
    text: str = _unescape(f'{piece}"', 0)[0]
    return text


def _rejoined(pieces: list[str], piece: str) -> str:
    """Put the halves of a surrogate pair together that were cut apart."""
    if pieces[-1][-1:] >= "\ud800" and pieces[-1][-1:] <= "\udbff" and "\udc00" <= piece[:1] <= "\udfff":
        high, low = pieces[-1][-1], piece[0]
        pieces[-1] = pieces[-1][:-1]
        return (high + low).encode("utf-16", "surrogatepass").decode("utf-16") + piece[1:]
    return piece


def _fault(hint: str) -> InvalidInput:
    return InvalidInput(hint, title="The request is not as it should be")


def _not_json() -> InvalidInput:
    return _fault("Send one JSON object.")
