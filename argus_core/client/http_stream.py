"""Following an answer over a line that breaks: each event once, in order, to the end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress

from argus_core.client.http_address import segment
from argus_core.client.http_line import Cut, OpenStream, Patience, nonsense, problem_in
from argus_core.client.http_session import Api
from argus_core.domain import ENDED, Generation
from argus_core.errors import (
    ArgusError,
    InvalidInput,
    LimitReached,
    NotAuthenticated,
    ServerUnreachable,
    StorageUnavailable,
)
from argus_core.events import LoggedEvent, is_terminator
from argus_core.sse import ServerEvent
from argus_core.wire import decode_event

LIVED_S = 0.5
"""A connection that held so long was no failure: the next one is tried at once."""
UNREAD_S = 5.0
"""A stream that came with the answer to a question and that nobody reads is closed after so long."""
READ_OUT_S = 0.25
MOST_NONSENSE = 5
"""So often in a row a stream may be other than it should; then it is told."""
PASSING = (ServerUnreachable, StorageUnavailable, LimitReached)
"""What ends by itself."""


class Drained(Exception):
    """The process at the other end is about to leave; another one goes on at once."""


class Nonsense(Exception):
    """What came is not what should come here."""


class OpenAnswers:
    """Streams that came with the answers to questions, kept until somebody reads the events."""

    def __init__(self) -> None:
        self._open: dict[str, OpenStream] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def keep(self, generation_id: str, opened: OpenStream) -> None:
        """Keep one for a while."""
        self._open[generation_id] = opened
        asyncio.get_running_loop().call_later(UNREAD_S, self._drop, generation_id, opened)

    def take(self, generation_id: str) -> OpenStream | None:
        """Return the one of that answer; it is now the caller's to close."""
        return self._open.pop(generation_id, None)

    async def close(self) -> None:
        """Close those that nobody took."""
        for generation_id, opened in list(self._open.items()):
            self._drop(generation_id, opened)
        await asyncio.gather(*self._closing)

    def _drop(self, generation_id: str, opened: OpenStream) -> None:
        if self._open.get(generation_id) is opened:
            del self._open[generation_id]
            task = asyncio.create_task(opened.close(), name="close an unread answer")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class AnswerReader:
    """Reads one answer.

    Args:
        api: Where it is read.
        generation_id: Which answer.
        after: The number of the last event that is known.
        find_open: Returns a stream of it from the first event on that is open already, once.
    """

    def __init__(
        self, api: Api, generation_id: str, after: int, find_open: Callable[[str], OpenStream | None] = lambda _: None
    ) -> None:
        self._api = api
        self._generation_id = generation_id
        self._last = after
        self._find_open = find_open
        self._patience = Patience()
        self._nonsense_count = 0
        self._knows_end = False

    async def events(self) -> AsyncGenerator[LoggedEvent, None]:
        """Yield the events, each once and in order; ends after the terminator.

        Whatever breaks is tried again for as long as it takes. When the log is gone, it ends without one.

        Raises:
            NotFound: There is no such generation.
            NotAuthenticated: The session has ended.
            ServerUnreachable: The server speaks nonsense, again and again.
        """
        clock = self._api.clock
        while True:
            began, before = clock.now(), self._last
            trouble: Exception | None = None
            try:
                async with aclosing(self._connection()) as connection:
                    async for logged in connection:
                        yield logged
                        if is_terminator(logged.event):
                            await _read_out(connection)
                            return
                if self._last == before and await self._is_gone():
                    return
            except (Drained, Cut, Nonsense, *PASSING) as error:
                trouble = error
            await self._wait(trouble, lived_s=clock.now() - began)

    async def _connection(self) -> AsyncGenerator[LoggedEvent, None]:
        """Yield what one connection brings of what is not known yet."""
        async with self._frames() as frames:
            async for frame in frames:
                check_frame(frame)
                logged = _logged(frame, self._generation_id)
                if logged.n <= self._last:
                    continue  # it was said before
                if logged.n != self._last + 1:
                    raise Nonsense
                self._last, self._nonsense_count = logged.n, 0
                self._patience.reset()
                yield logged

    def _frames(self) -> AbstractAsyncContextManager[AsyncGenerator[ServerEvent, None]]:
        opened = self._find_open(self._generation_id)
        if opened is not None:
            return _closing(opened)
        return self._api.stream(f"{self._path()}/events", last_event_id=self._last)

    async def _is_gone(self) -> bool:
        """Tell whether a stream that ended without a word did so because nothing is left to read.

        The answer may have ended while we asked, so that the stream has the last word once more.
        """
        if self._knows_end:
            return True
        self._knows_end = (await self._api.get(Generation, self._path())).status in ENDED
        return False

    def _path(self) -> str:
        return f"/generations/{segment(self._generation_id)}"

    async def _wait(self, trouble: Exception | None, *, lived_s: float) -> None:
        """Wait until the next try makes sense."""
        if isinstance(trouble, Nonsense):
            self._nonsense_count += 1
            if self._nonsense_count >= MOST_NONSENSE:
                raise nonsense(self._api.place) from trouble
        elif lived_s > LIVED_S and not isinstance(trouble, ArgusError):
            self._patience.reset()
        await self._api.clock.sleep(self._patience.next_s(trouble if isinstance(trouble, ArgusError) else None))


async def _read_out(connection: AsyncGenerator[LoggedEvent, None]) -> None:
    """Take the end of the stream, which is on its way: then the next request needs no new connection."""
    with suppress(TimeoutError, StopAsyncIteration, Drained, Cut, Nonsense, ArgusError):
        async with asyncio.timeout(READ_OUT_S):
            await anext(connection)


@asynccontextmanager
async def _closing(opened: OpenStream) -> AsyncGenerator[AsyncGenerator[ServerEvent, None], None]:
    try:
        yield opened.frames
    finally:
        await opened.close()


def check_frame(frame: ServerEvent) -> None:
    """Raise what a frame says that is about the stream itself.

    Raises:
        Drained: Go on elsewhere.
        NotAuthenticated: The session has ended.
        ArgusError: The server has a problem.
    """
    if frame.name == "drain":
        raise Drained
    if frame.name in ("ended", "problem"):
        error = _problem(frame)
        if frame.name == "ended" and not isinstance(error, NotAuthenticated):
            error = NotAuthenticated("Sign in again: argus login", title="You were signed out")
        raise error or Nonsense


def _problem(frame: ServerEvent) -> ArgusError | None:
    try:
        return problem_in(json.loads(frame.data))
    except (ValueError, RecursionError):
        return None


def _logged(frame: ServerEvent, generation_id: str) -> LoggedEvent:
    if not (frame.id.isascii() and frame.id.isdigit() and len(frame.id) < 16):
        raise Nonsense
    try:
        event = decode_event(json.loads(frame.data))
    except (ValueError, RecursionError, InvalidInput) as error:
        raise Nonsense from error
    return LoggedEvent(generation_id, int(frame.id), "", event)
