"""JSON that may hold pictures: read without holding up the event loop, however large it is.

Python reads JSON and base64 in one go each, which no other thread can interrupt: 32 MiB take 40 ms and 36 ms. So a
large text is read in a thread with its long base64 values taken out before, and these are decoded piece by piece.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any

SMALL_BYTES = 64 * 1024
"""What is read at once, in the event loop: 1 ms at most."""
MAX_REST_BYTES = 1 << 20
"""What may be left beside the base64: read in 15 ms at most, and more than any model writes in one answer."""
_LONG_BYTES = 16 * 1024
_STEP_BYTES = 1 << 20
"""Base64 that is decoded at a time; a multiple of 4."""
_VALUE = re.compile(rb'"(?:data|thoughtSignature)"\s*:\s*"')
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|([/nr]))")
_MARK = "\x00base64:"


class TooLarge(ValueError):
    """There is more beside the base64 than is read."""


async def loads(text: bytes) -> Any:
    """Return the value of some JSON in UTF-8; a long base64 value under `data` or `thoughtSignature` is bytes.

    Raises:
        ValueError: It is not JSON, or not base64; `TooLarge` when too much of it is neither.
    """
    if len(text) <= SMALL_BYTES:
        return read(text)
    return await asyncio.to_thread(_read_large, text)


def read(text: bytes) -> Any:
    """Return the value of some JSON.

    Raises:
        ValueError: It is not JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decoded(value: str | bytes) -> bytes:
    """Return the bytes of a base64 value as it came out of `loads`."""
    return value if isinstance(value, bytes) else base64.b64decode(value)


def _read_large(text: bytes) -> Any:
    rest, taken = _taken_out(text)
    marks = {f"{_MARK}{number}": _decode(value) for number, value in enumerate(taken)}

    def put_back(found: dict[str, Any]) -> dict[str, Any]:
        for name in ("data", "thoughtSignature"):
            value = found.get(name)
            if isinstance(value, str) and value in marks:
                found[name] = marks[value]
        return found

    try:
        return json.loads(rest, object_hook=put_back)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _taken_out(text: bytes) -> tuple[bytes, list[memoryview]]:
    """Return the JSON with marks in the place of its long values, and these.

    Nothing is looked for behind what may be left, so that a text of quotation marks costs no more than another.
    """
    view = memoryview(text)
    kept: list[bytes | memoryview] = []
    taken: list[memoryview] = []
    done = position = left_out = 0
    while (found := _VALUE.search(text, position, left_out + MAX_REST_BYTES)) is not None:
        start = found.end()
        end = text.find(b'"', start)
        if end < 0:
            break
        position = end + 1
        if end - start >= _LONG_BYTES and text[end - 1 : end] != b"\\":
            kept += [view[done:start], json.dumps(f"{_MARK}{len(taken)}").encode()[1:-1]]
            taken.append(view[start:end])
            left_out += end - start
            done = end
    if len(text) - left_out > MAX_REST_BYTES:
        raise TooLarge("too much text")
    return b"".join([*kept, view[done:]]), taken


def _decode(value: memoryview) -> bytes:
    """Return the bytes of base64 in a JSON string; some writers escape `/`, `+` and `=`."""
    text: bytes | memoryview = value
    if any(b"\\" in bytes(value[at : at + _STEP_BYTES]) for at in range(0, len(value), _STEP_BYTES)):
        text = _ESCAPE.sub(_unescaped, bytes(value))
    steps = range(0, len(text), _STEP_BYTES)
    return b"".join([base64.b64decode(text[at : at + _STEP_BYTES]) for at in steps])


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1]:
        return bytes.fromhex(found[1].decode())
    return b"/" if found[2] == b"/" else b""
