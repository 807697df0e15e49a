"""uvicorn's HTTP/1.1 with bounds it lacks: how long a request may take to arrive, and how many headers it may have."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_S = 15.0
"""A connection that has not brought the headers of its first request by then is closed."""
MAX_HEADERS = 100
MAX_HEADER_BYTES = 64 << 10
MAX_HEAD_BYTES = 512 << 10
"""What may come before the headers are whole; the parser keeps an address or a header of any length until it ends."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes connections of those who only want to keep us busy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give it some seconds to say what it wants."""
        super().connection_made(transport)
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came, unless it is a head without end."""
        if self._arriving is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                if not self.transport.is_closing():
                    self.send_400_response("Too large.")
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Count the headers of a new request from none, and give them their time."""
        super().on_message_begin()
        self._header_bytes = 0
        if self._arriving is None:
            self._expect_headers()

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
        if not self.transport.is_closing():
            super().on_headers_complete()

    def _expect_headers(self) -> None:
        self._head_bytes = 0
        self._arriving = self.loop.call_later(HEADERS_S, self.transport.close)

    def _headers_came(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None
