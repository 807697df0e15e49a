"""HTTP and server-sent events over a bare socket: a witness that shares no code with the client of the product."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

ANSWER_S = 15.0
"""How long an answer may take; the server itself gives a database up after less."""
SILENCE_S = 31.0
"""Three missed beats: the line is dead."""
_MOST_BYTES = 1 << 26


class LineBroke(Exception):
    """No whole answer came: refused, reset, closed too soon, or silent for too long."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Frame:
    """One server-sent event."""

    id: str
    event: str
    data: Any


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, of whoever listens on a port."""

    method: str
    path: str
    token: str = ""
    body: Any = None
    raw: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()

    def bytes(self, port: int) -> bytes:
        """Return it as it goes over the line."""
        data = self.raw if self.raw is not None else b"" if self.body is None else json.dumps(self.body).encode()
        kind = "application/octet-stream" if self.raw is not None else "application/json"
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close"]
        lines += [f"Authorization: Bearer {self.token}"] if self.token else []
        lines += [f"Content-Type: {kind}"] if data else []
        lines += [f"{name}: {value}" for name, value in (*self.headers, ("Content-Length", str(len(data))))]
        return "\r\n".join([*lines, "", ""]).encode() + data


async def send(port: int, request: Request, *, timeout_s: float = ANSWER_S) -> Reply:
    """Return the answer to a request.

    Raises:
        LineBroke: Nobody knows whether it was carried out.
    """
    async with _broken_lines(), asyncio.timeout(timeout_s), _connected(port, request) as reader:
        status, headers = await _head(reader)
        return Reply(status, headers, b"".join([piece async for piece in _body(reader, headers)]))


async def follow(port: int, request: Request) -> AsyncGenerator[Frame | Reply, None]:
    """Yield the events of a stream until it ends well; a refusal is yielded as the reply it is.

    Raises:
        LineBroke: It ended otherwise.
    """
    async with _broken_lines(), _connected(port, request) as reader:
        async with asyncio.timeout(ANSWER_S):
            status, headers = await _head(reader)
        if status != 200:
            yield Reply(status, headers, b"".join([piece async for piece in _body(reader, headers)]))
            return
        rest = b""
        async for piece in _body(reader, headers):
            *blocks, rest = (rest + piece).split(b"\n\n")
            for block in blocks:
                if (frame := _frame(block)) is not None:
                    yield frame


def _frame(block: bytes) -> Frame | None:
    """Return the event that a block of lines is; None for a comment."""
    fields = dict(line.partition(": ")[::2] for line in block.decode().split("\n") if not line.startswith(":"))
    return Frame(fields.get("id", ""), fields["event"], json.loads(fields["data"])) if fields else None


@asynccontextmanager
async def _broken_lines() -> AsyncGenerator[None, None]:
    try:
        yield
    except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
        raise LineBroke(type(error).__name__) from error


@asynccontextmanager
async def _connected(port: int, request: Request) -> AsyncGenerator[asyncio.StreamReader, None]:
    async with asyncio.timeout(ANSWER_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_MOST_BYTES)
    try:
        writer.write(request.bytes(port))
        await writer.drain()
        yield reader
    finally:
        writer.transport.abort()


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return int(first.split(" ")[1]), headers


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncGenerator[bytes, None]:
    """Yield the body as it comes; who ends it before its end has broken the line."""
    if headers.get("transfer-encoding") != "chunked":
        yield await reader.readexactly(int(headers.get("content-length", "0")))
        return
    while True:
        async with asyncio.timeout(SILENCE_S):
            size = int(await reader.readuntil(b"\r\n"), 16)
            piece = await reader.readexactly(size + 2)
        if size == 0:
            return
        yield piece[:-2]
