"""Server-sent events (WHATWG HTML 9.2): one task a stream, one ticker for the heartbeats and sign-ins of all.

The ticker waits for no client. A stream whose client does not read stops asking for frames; when it takes nothing for
some time its line is cut (`protocol.STUCK_S`), and the client comes back behind the last id it saw.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from argus_core.auth.service import Identity
from argus_core.errors import ArgusError, LimitReached, NotAuthenticated, StorageError
from argus_core.server.metrics import Metrics
from argus_core.server.problems import body
from argus_core.server.protocol import OUTLET, Outlet
from argus_core.tasks import Background, Grumble
from argus_core.wire import http_status, to_json

BEAT_S = 10.0
CHECK_S = 3.0
"""How often it is asked whether the session behind a stream still lives: with a tick and what is remembered of sessions
that makes the five seconds that are promised."""
TICK_S = 1.0
LAST_WORD_S = 5.0
MOST_WAITING_BYTES = 64 << 20
"""What may wait for the clients of all streams together; above it those who have most waiting are cut off."""
MOST_OF_SESSION = 64
MOST_OF_USER = 1024
MOST = 10_000
_BEAT = b": beat\n\n"
_DRAIN = b"event: drain\ndata: {}\n\n"

MakeFrames = Callable[[Callable[[bytes], bool]], AsyncGenerator[bytes, None]]


def frame(event: str, data: Any, id: int | None = None) -> bytes:
    """Return one event as it goes over the line; JSON has no line ends, so one `data` line holds it."""
    head = f"id: {id}\n" if id is not None else ""
    return f"{head}event: {event}\ndata: {to_json(data)}\n\n".encode()


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

    def open(self, identity: Identity, frames: MakeFrames, *, status: int = 200) -> EventStream:
        """Return the answer that sends `frames` until they end, the client leaves or its session ends.

        Args:
            identity: Who asks.
            frames: Makes them; it is given `EventStream.push`.
            status: What it is answered with.

        Raises:
            LimitReached: This session, this user, or everybody together, has too many open.
        """
        session_id, user_id = identity.session_id, identity.user.id
        of_session = sum(each.session_id == session_id for each in self._open)
        of_user = sum(each.user_id == user_id for each in self._open)
        if of_session >= MOST_OF_SESSION or of_user >= MOST_OF_USER or len(self._open) >= MOST:
            raise LimitReached("Close one of your other windows.", title="Too many streams are open", retry_after_s=5)
        return EventStream(self, identity, frames, status)

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
        for stream in list(self._open):
            stream.end(_DRAIN)

    async def _tick(self) -> None:
        checked, grumble = time.monotonic(), Grumble("the streams' ticker")
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            with grumble.told():
                for stream in list(self._open):
                    stream.beat(now)
                self._make_room()
                if now - checked >= CHECK_S:
                    checked = now
                    await self._end_signed_out()

    def _make_room(self) -> None:
        """Cut off who has most waiting while all have too much."""
        waiting = {stream: stream.waiting_bytes for stream in self._open}
        too_much = sum(waiting.values()) - MOST_WAITING_BYTES
        for stream in sorted(waiting, key=waiting.__getitem__, reverse=True):
            if too_much <= 0:
                return
            too_much -= waiting[stream]
            stream.abort()

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
            stream.end(last)


class EventStream(Response):
    """One stream: sends the frames as they come, and ends when they do, the client leaves, or it is told to."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, identity: Identity, frames: MakeFrames, status: int) -> None:
        self.status_code = status
        self.background = None
        self.init_headers({"X-Accel-Buffering": "no"})  # nginx must not wait for more
        self.session_id = identity.session_id
        self.user_id = identity.user.id
        self._sent_at = time.monotonic()
        self._streams = streams
        self._frames = frames(self.push)
        self._outlet: Outlet | None = None
        self._task: asyncio.Task[Any] | None = None
        """What sends the frames, while it does."""
        self._is_ended = False
        self._last = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end (ASGI)."""
        outlet: Outlet = scope["state"][OUTLET]
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        self._outlet, self._task = outlet, asyncio.current_task()
        self._streams.enter(self)
        outlet.on_lost = lambda: self.end(b"")
        try:
            if not outlet.is_lost:
                await self._send_frames(outlet)
        except asyncio.CancelledError:
            if not self._is_ended or self._task is None or self._task.uncancel():
                raise  # somebody else ends it
        except ArgusError as error:
            self._last = frame("problem", body(error, http_status(error), ""))
        finally:
            self._task = None
            self._streams.leave(self)
            await self._frames.aclose()
        try:
            async with asyncio.timeout(LAST_WORD_S):
                await send({"type": "http.response.body", "body": self._last, "more_body": False})
        except TimeoutError:
            outlet.abort()

    @property
    def waiting_bytes(self) -> int:
        """What the client has not taken yet."""
        return self._outlet.waiting_bytes if self._outlet is not None else 0

    def push(self, data: bytes) -> bool:
        """Send something now, unless the client has not taken what came before."""
        if self._outlet is None or self._is_ended or self._outlet.is_full:
            return False
        self._outlet.write(data)
        self._sent_at = time.monotonic()
        return True

    def beat(self, now: float) -> None:
        """Show that the line lives, when nothing else has for some time; something that waits will show it too."""
        if self._outlet is not None and now - self._sent_at >= BEAT_S and not self.waiting_bytes:
            self._sent_at = now
            self._outlet.write(_BEAT)

    def end(self, last: bytes) -> None:
        """Send a last frame and end."""
        if self._task is not None and not self._is_ended:
            self._is_ended = True
            self._last = last
            self._task.cancel()

    def abort(self) -> None:
        """Cut the line."""
        if self._outlet is not None:
            self._outlet.abort()

    async def _send_frames(self, outlet: Outlet) -> None:
        async for data in self._frames:
            outlet.write(data)
            self._sent_at = time.monotonic()
            if outlet.is_full:
                await outlet.drained()
