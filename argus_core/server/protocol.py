"""uvicorn's HTTP/1.1 with bounds it lacks: on requests, and on how long an answer may wait to be taken.

A stream writes through its `Outlet`, past the layers that each have a coroutine for each piece.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from heapq import nsmallest
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEADERS_S = 15.0
"""A connection that has not brought the headers of its first request by then is closed."""
MAX_HEADERS = 100
MAX_HEADER_BYTES = 64 << 10
MAX_ADDRESS_BYTES = 16 << 10
MAX_HEAD_BYTES = 512 << 10
"""What may come before the headers are whole; the parser keeps an address or a header of any length until it ends."""
MOST_WAITING = 8
"""Requests on one connection that may wait for the one that is being answered."""
STUCK_S = 15.0
"""A client that takes next to nothing of what waits for it for so long is cut off; a stream finds its place again by
the last id."""
LEAST_BYTES = 8 << 10
"""What it must take meanwhile, unless less was waiting."""
HIGH_WATER_BYTES = 32 << 10
"""With so much waiting for a client nothing more is made for it."""
_COPIED_BYTES = 4 << 10
"""What is longer goes out as it is: the same bytes may wait for a hundred readers."""
OUTLET = "argus.outlet"
"""Where a request has its `Outlet`, in the state of its scope."""


TELL_FULL_S = 60.0
_CUT_SHARE = 16
"""This part of all connections is cut at a time when there is no room, so that a crowd is not looked through for each
that comes."""
_log = logging.getLogger(__name__)
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class _Refused(Exception):
    """Ends the parsing of what a connection brought."""


class CountingTransport:
    """A transport that knows how much of what was written has gone.

    Args:
        transport: The real one.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._written = 0
        self.close = transport.close
        self.abort = transport.abort
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.waiting_bytes = transport.get_write_buffer_size
        self.on_write: Callable[[], None] = lambda: None
        """Called after each write."""

    def write(self, data: bytes) -> None:
        """Send data when the client takes it; what is written to a line that was cut is dropped."""
        if self.is_closing():
            return
        self._written += len(data)
        self._transport.write(data)
        self.on_write()

    def gone_bytes(self) -> int:
        """Return how much the client, or the system for it, has taken."""
        return self._written - self.waiting_bytes()


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections of those who only want to keep us busy."""

    _told_full_at = float("-inf")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None
        """When it began to ask nothing; a head that has not come whole is nothing."""
        self._header_bytes = 0
        self._head_bytes = 0
        self._outlets: list[Outlet] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give it some seconds to say what it wants."""
        transport.set_write_buffer_limits(HIGH_WATER_BYTES)
        counting = CountingTransport(transport)
        counting.on_write = self._wrote
        super().connection_made(counting)  # type: ignore[arg-type]
        self._line = counting
        if self._is_crowded() and not self._make_room():
            counting.write(_FULL)  # uvicorn would only say so to a request, and keep who does not ask
            counting.close()
        else:
            self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers, and tell the streams: uvicorn tells only the request that came last."""
        self._headers_came()
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        super().connection_lost(exc)
        for outlet in self._outlets:
            outlet.lose()

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is a head without end."""
        if self._arriving is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.send_400_response("Too large.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Count the headers of a new request from none, and give them their time."""
        if len(self.pipeline) >= MOST_WAITING:
            self._cut()
        super().on_message_begin()
        self._header_bytes = 0
        if self._arriving is None:
            self._expect_headers()

    def on_url(self, url: bytes) -> None:
        """Take an address, unless it is a book."""
        super().on_url(url)
        if len(self.url) > MAX_ADDRESS_BYTES:
            raise _Refused

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, unless there are too many."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value)
        if len(self.headers) > MAX_HEADERS or self._header_bytes > MAX_HEADER_BYTES:
            self.headers.clear()
            self.send_400_response("Too many headers.")

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._headers_came()
        self._idle_since = None
        if self.transport.is_closing():
            return
        outlet = self.scope["state"][OUTLET] = Outlet(self._line)
        super().on_headers_complete()
        outlet.cycle = self.cycle
        self._outlets = [each for each in self._outlets if not each.cycle.response_complete]
        self._outlets.append(outlet)

    def on_response_complete(self) -> None:
        """Be idle until the next request."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._idle_since = self.loop.time()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, unless its request still waits for another to be answered: nobody counts it there."""
        if self.pipeline:
            self._cut()
        super().on_body(body)

    def send_400_response(self, msg: str) -> None:
        """Say that it cannot be read, unless the line was cut for it."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def _is_crowded(self) -> bool:
        """Return whether this one takes the last place: with none left uvicorn turns everybody's requests away."""
        return self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency

    def _make_room(self) -> bool:
        """Cut connections that ask nothing, some at a time, those first that have been idle longest.

        Returns:
            False when all others are at work.
        """
        self._tell_full()
        others = [each for each in self.connections if isinstance(each, BoundedProtocol)]
        idle = [each for each in others if each._idle_since is not None]
        for each in nsmallest(max(1, len(others) // _CUT_SHARE), idle, key=lambda each: each._idle_since or 0.0):
            each._idle_since = None
            each.transport.abort()
        return bool(idle)

    def _tell_full(self) -> None:
        now = self.loop.time()
        if now - BoundedProtocol._told_full_at >= TELL_FULL_S:
            BoundedProtocol._told_full_at = now
            _log.warning("all connections are taken", extra={"connections": self.limit_concurrency})

    def _cut(self) -> None:
        self.transport.abort()
        raise _Refused

    def _wrote(self) -> None:
        if self._leaving is None:
            self._watch()

    def _watch(self) -> None:
        waiting, gone = self._line.waiting_bytes(), self._line.gone_bytes()
        self._leaving = self.loop.call_later(STUCK_S, self._look, gone + min(waiting, LEAST_BYTES))

    def _look(self, wanted: int) -> None:
        """Cut the line when what waited is still there; go on looking while something waits."""
        self._leaving = None
        if not self._line.waiting_bytes():
            return
        if self._line.gone_bytes() < wanted:
            self.transport.abort()
        else:
            self._watch()

    def _expect_headers(self) -> None:
        self._head_bytes = 0
        if self._idle_since is None:
            self._idle_since = self.loop.time()
        self._arriving = self.loop.call_later(HEADERS_S, self.transport.close)

    def _headers_came(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None


class Outlet:
    """The way of one answer to its client, for an answer that comes in many pieces.

    Nothing here waits for the client but `drained`: who writes more than that allows holds it in memory.
    """

    cycle: RequestResponseCycle

    def __init__(self, line: CountingTransport) -> None:
        self._line = line
        self.is_lost = False
        """The connection has ended."""
        self.on_lost: Callable[[], None] = lambda: None

    @property
    def waiting_bytes(self) -> int:
        """What the client has not taken yet."""
        return 0 if self.is_lost else self._line.waiting_bytes()

    @property
    def is_full(self) -> bool:
        """Whether more should not be written before `drained`."""
        return self.cycle.flow.write_paused

    def write(self, data: bytes) -> None:
        """Send a piece of an answer that has begun; it is dropped when nobody is there any more."""
        if self.is_lost or self.cycle.response_complete:
            return
        if not self.cycle.chunked_encoding:
            self._line.write(data)
        elif len(data) < _COPIED_BYTES:
            self._line.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            for each in (b"%x\r\n" % len(data), data, b"\r\n"):
                self._line.write(each)

    async def drained(self) -> None:
        """Wait until the client has taken most of what waits, or is gone."""
        await self.cycle.flow.drain()

    def abort(self) -> None:
        """Cut the line; what waits is dropped."""
        self._line.abort()

    def lose(self) -> None:
        """The connection has ended."""
        self.is_lost = True
        self.on_lost()
