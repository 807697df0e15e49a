"""HTTP and server-sent events by hand: the reader must be cheap, since it shares the machine with what it measures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, NamedTuple

API = "/api/v1"


def frames_in(text: bytes) -> list[bytes]:
    """Return the whole events in a stretch of a stream, each with its end."""
    return [each + b"\n\n" for each in text.split(b"\n\n")[:-1]]


class Frame(NamedTuple):
    """One event of a stream."""

    n: int
    """Its id; 0 for none."""
    event: str
    """Empty for a comment."""
    data: Any


def parse(frame: bytes) -> Frame:
    """Take an event apart."""
    n, event, data = 0, "", None
    for line in frame.decode().splitlines():
        name, _, value = line.partition(": ")
        if name == "id":
            n = int(value)
        elif name == "event":
            event = value
        elif name == "data":
            data = json.loads(value)
    return Frame(n, event, data)


class EventLine(asyncio.Protocol):
    """One answer to one GET, handed on event by event.

    Args:
        head: The request.
        take: Called with each event.
    """

    def __init__(self, head: bytes, take: Callable[[bytes], None]) -> None:
        self.opened = asyncio.Event()
        """It has been answered."""
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.status = 0
        self.came_whole = False
        """The last chunk came: the server ended it, not the line."""
        self._head = head
        self._take = take
        self._raw = bytearray()
        self._text = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._head)

    def connection_lost(self, exc: Exception | None) -> None:
        self.opened.set()
        if not self.closed.done():
            self.closed.set_result(None)

    def close(self) -> None:
        """Leave without a word."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._raw += data
        if not self.status and not self._take_head():
            return
        while (at := self._raw.find(b"\r\n")) > 0:
            end = at + 2 + int(self._raw[:at], 16)
            if len(self._raw) < end + 2:
                return
            chunk = bytes(self._raw[at + 2 : end])
            del self._raw[: end + 2]
            if chunk:
                self._take_chunk(chunk)
            else:
                self.came_whole = True

    def _take_head(self) -> bool:
        head, end, rest = bytes(self._raw).partition(b"\r\n\r\n")
        if not end:
            return False
        self.status = int(head.split(b" ", 2)[1])
        self.opened.set()
        self._raw = bytearray(rest if self.status == 200 else b"")
        return True

    def _take_chunk(self, chunk: bytes) -> None:
        *whole, self._text = (self._text + chunk).split(b"\n\n")
        for frame in whole:
            self._take(frame + b"\n\n")


async def open_line(
    port: int, path: str, access_token: str, take: Callable[[bytes], None], after: int = 0
) -> EventLine:
    """Ask for a stream; `closed` of the line tells when it has ended. Raises `OSError` when nobody listens."""
    resume = f"Last-Event-ID: {after}\r\n" if after else ""
    head = _head("GET", path, access_token) + resume + "\r\n"
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(lambda: EventLine(head.encode(), take), "127.0.0.1", port)
    return line


async def call(
    port: int, method: str, path: str, access_token: str, body: dict[str, Any] | None = None
) -> tuple[int, Any]:
    """Send a request on a line of its own; return status and body. Raises `OSError` when the line breaks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        sent = json.dumps(body).encode() if body is not None else b""
        length = f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n" if body is not None else ""
        writer.write((_head(method, path, access_token) + length + "\r\n").encode() + sent)
        answer = await reader.read()
    finally:
        writer.close()
    head, end, rest = answer.partition(b"\r\n\r\n")
    if not end:
        raise ConnectionResetError("the server went away")
    return int(head.split(b" ", 2)[1]), json.loads(rest) if rest else None


def _head(method: str, path: str, access_token: str) -> str:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {access_token}\r\n"
    )
