"""Values as answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from argus_core.wire import PIECE_CHARS, encode, json_pieces, to_json


class Json(Response):
    """A small JSON answer; nobody between us and the client may keep it."""

    media_type = "application/json"

    def __init__(self, data: Any, status_code: int = 200) -> None:
        super().__init__(to_json(data), status_code)


class _Bytes(Response):
    media_type = "application/json"


async def value(item: object, status_code: int = 200) -> Response:
    """Answer with one value of the domain."""
    return await json(encode(item), status_code)


async def values(items: Iterable[object]) -> Response:
    """Answer with a list of values."""
    return await json({"items": [encode(item) for item in items]})


async def json(data: Any, status_code: int = 200) -> Response:
    """Answer with JSON of any length; while a long one is made others run."""
    body, waiting, size = bytearray(), [], 0
    for piece in json_pieces(data):
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE_CHARS:
            body += "".join(waiting).encode()
            waiting, size = [], 0
            await asyncio.sleep(0)
    body += "".join(waiting).encode()
    return _Bytes(memoryview(body), status_code)  # not copied: it may be long


def nothing() -> Response:
    """Answer that it is done."""
    return Response(status_code=204)
