"""Following an answer over a line that breaks: each event once, in order, to the end."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from argus_core.client.http_address import segment
from argus_core.client.http_line import Cut, Patience, nonsense, problem_in
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
MOST_NONSENSE = 5
"""So often in a row a stream may be other than it should; then it is told."""
PASSING = (ServerUnreachable, StorageUnavailable, LimitReached)
"""What ends by itself."""


class Drained(Exception):
    """The process at the other end is about to leave; another one goes on at once."""


class Nonsense(Exception):
    """What came is not what should come here."""


class AnswerReader:
    """Reads one answer.

    Args:
        api: Where it is read.
        generation_id: Which answer.
        after: The number of the last event that is known.
    """

    def __init__(self, api: Api, generation_id: str, after: int) -> None:
        self._api = api
        self._generation_id = generation_id
        self._last = after
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
                            return
                if self._last == before and await self._is_gone():
                    return
            except (Drained, Cut, Nonsense, *PASSING) as error:
                trouble = error
            await self._wait(trouble, lived_s=clock.now() - began)

    async def _connection(self) -> AsyncGenerator[LoggedEvent, None]:
        """Yield what one connection brings of what is not known yet."""
        async with self._api.stream(f"{self._path()}/events", last_event_id=self._last) as frames:
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
