"""Server-sent events (WHATWG HTML 9.2): one task a stream, one ticker for the heartbeats and sign-ins of all."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from argus_core.auth.service import Identity
from argus_core.errors import ArgusError, LimitReached, NotAuthenticated, StorageError
from argus_core.server.metrics import Metrics
from argus_core.server.problems import body
from argus_core.tasks import Background
from argus_core.wire import http_status

BEAT_S = 10.0
CHECK_S = 3.0
"""How often it is asked whether the session behind a stream still lives: with a tick and what is remembered of sessions
that makes the five seconds that are promised."""
TICK_S = 1.0
STUCK_S = 60.0
"""A client that takes nothing for so long is let go; it finds its place again by the last id."""
LAST_WORD_S = 5.0
MOST_OF_SESSION = 64
MOST_OF_USER = 1024
MOST = 10_000
_BEAT = b": beat\n\n"
_DRAIN = b"event: drain\ndata: {}\n\n"
_to_json = json.JSONEncoder(separators=(",", ":")).encode
"""Made once: `json.dumps` would make an encoder for each event."""


def frame(event: str, data: Any, id: int | None = None) -> bytes:
    """Return one event as it goes over the line; JSON has no line ends, so one `data` line holds it."""
    head = f"id: {id}\n" if id is not None else ""
    return f"{head}event: {event}\ndata: {_to_json(data)}\n\n".encode()


class Streams:
    """The streams that are open in this process.

    Args:
        find_alive: Tells which sessions have not ended.
        metrics: Counts them.
    """

    def __init__(self, find_alive: Callable[[Collection[str]], Awaitable[set[str]]], metrics: Metrics) -> None:
        self._find_alive = find_alive
        self._metrics = metrics
        self._open: set[EventStream] = set()
        self._background = Background()

    def start(self) -> None:
        """Begin to tick."""
        self._background.start(self._tick(), "streams")

    async def close(self) -> None:
        """Stop ticking."""
        await self._background.close()

    def open(self, identity: Identity, frames: AsyncIterator[bytes]) -> EventStream:
        """Return the answer that sends `frames` until they end, the client leaves or its session ends.

        Raises:
            LimitReached: This session, this user, or everybody together, has too many open.
        """
        session_id, user_id = identity.session_id, identity.user.id
        of_session = sum(each.session_id == session_id for each in self._open)
        of_user = sum(each.user_id == user_id for each in self._open)
        if of_session >= MOST_OF_SESSION or of_user >= MOST_OF_USER or len(self._open) >= MOST:
            raise LimitReached("Close one of your other windows.", title="Too many streams are open", retry_after_s=5)
        return EventStream(self, identity, frames)

    def enter(self, stream: EventStream) -> None:
        """Take up a stream that has begun."""
        self._open.add(stream)
        self._metrics.streams.inc()

    def leave(self, stream: EventStream) -> None:
        """Let go of a stream that has ended."""
        self._open.discard(stream)
        self._metrics.streams.dec()

    async def drain(self) -> None:
        """Tell every client that is connected now to go on elsewhere."""
        await asyncio.gather(*(stream.end(_DRAIN) for stream in list(self._open)))

    async def _tick(self) -> None:
        checked = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            for stream in list(self._open):
                if stream.is_stuck:
                    if now - stream.sent_at >= STUCK_S:
                        await stream.end(b"")
                elif now - stream.sent_at >= BEAT_S:
                    await stream.say(_BEAT)
            if now - checked >= CHECK_S:
                checked = now
                await self._end_signed_out()

    async def _end_signed_out(self) -> None:
        """End the streams whose session has ended; when the store is away nobody is sent away."""
        asked = {stream.session_id for stream in self._open}
        try:
            over = asked - await self._find_alive(asked)
        except StorageError:
            return
        gone = NotAuthenticated("Sign in again.", title="You were signed out")
        last = frame("ended", body(gone, http_status(gone), ""))
        for stream in [each for each in self._open if each.session_id in over]:
            await stream.end(last)


class EventStream(Response):
    """One stream: sends the frames as they come, and ends when they do, the client leaves, or it is told to."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, identity: Identity, frames: AsyncIterator[bytes]) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers({"X-Accel-Buffering": "no"})  # nginx must not wait for more
        self.session_id = identity.session_id
        self.user_id = identity.user.id
        self.sent_at = time.monotonic()
        self.is_stuck = False
        """What was sent last is still on its way: the client does not read."""
        self._streams = streams
        self._frames = frames
        self._send: Send | None = None
        self._pump: asyncio.Task[None] | None = None
        self._last = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end (ASGI)."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        self._send = send
        self._streams.enter(self)
        self._pump = asyncio.create_task(self._pump_frames())
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait((self._pump, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.leave(self)
            for task in (self._pump, gone):
                task.cancel()
            await asyncio.wait((self._pump, gone))
        if not gone.cancelled() and gone.exception() is None:
            return
        if not self._pump.cancelled() and (bug := self._pump.exception()) is not None:
            raise bug
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                await send({"type": "http.response.body", "body": self._last, "more_body": False})

    async def say(self, data: bytes) -> None:
        """Send something of its own between two frames."""
        if self._send is not None:
            self.sent_at = time.monotonic()
            self.is_stuck = True
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            self.is_stuck = False

    async def end(self, last: bytes) -> None:
        """Send a last frame and end."""
        if self._pump is not None and not self._pump.done():
            self._last = last
            self._pump.cancel()

    async def _pump_frames(self) -> None:
        try:
            async for data in self._frames:
                await self.say(data)
        except ArgusError as error:
            self._last = frame("problem", body(error, http_status(error), ""))
        finally:
            close = getattr(self._frames, "aclose", None)
            if close is not None:
                await close()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
