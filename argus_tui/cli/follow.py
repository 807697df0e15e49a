"""Follows an answer to its end: shows it, passes a stop on to the core, and tells how it ended."""

from __future__ import annotations

import asyncio
import errno
import signal
from collections.abc import Callable
from contextlib import aclosing
from functools import partial

from argus_core.client.base import ChatClient
from argus_core.domain import Turn
from argus_core.errors import from_problem
from argus_core.events import Cancelled, Completed, Event, Failed, Interrupted
from argus_tui.cli.failures import FAILED, OK, complain, fail
from argus_tui.cli.interrupts import Interrupts
from argus_tui.cli.streams import drop_output
from argus_tui.cli.views import NoView, View

HANG_UP_LIMIT_S = 600.0
"""How long an answer may go on after the terminal is gone."""


class Follower:
    """One answer, one view. The core owns the generation: whatever happens here, what had come is kept."""

    def __init__(self, client: ChatClient, turn: Turn, view: View) -> None:
        self._client = client
        self._turn = turn
        self._view = view
        self._cancelling: asyncio.Task[None] | None = None
        self._reader_left = False

    @property
    def was_shown(self) -> bool:
        """Somebody was there to the end."""
        return not isinstance(self._view, NoView)

    async def run(self) -> int:
        """Show the answer to its end and return the exit code."""
        with Interrupts(self._on_signal) as interrupts:
            try:
                self._try(partial(self._view.begin, self._turn))
                ending = await self._read()
            finally:
                self._try(self._view.end)
            if self._cancelling is not None:
                await self._cancelling
        if interrupts.exit_code is not None:
            return interrupts.exit_code
        return OK if self._reader_left else _told(ending)

    async def _read(self) -> Event:
        last: Event = Interrupted()
        async with aclosing(self._client.generations.events(self._turn.generation.id)) as stream:
            async for logged in stream:
                last = logged.event
                self._try(partial(self._view.show, logged))
        return last

    def _try(self, write: Callable[[], None]) -> None:
        """Write; when nobody reads any more, go on without a view."""
        try:
            write()
        except BrokenPipeError:  # `| head` has enough: the rest would only cost
            self._reader_left = True
            self._silence()
            self._cancel()
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self._silence()  # the terminal is gone: the answer is still wanted

    def _on_signal(self, number: signal.Signals) -> None:
        if number == getattr(signal, "SIGHUP", None):
            self._silence()
            asyncio.get_running_loop().call_later(HANG_UP_LIMIT_S, self._cancel)
        else:
            self._cancel()

    def _cancel(self) -> None:
        if self._cancelling is None:
            cancelling = self._client.generations.cancel(self._turn.generation.id)
            self._cancelling = asyncio.ensure_future(cancelling)

    def _silence(self) -> None:
        view, self._view = self._view, NoView()
        view.leave()
        drop_output()


def _told(ending: Event) -> int:
    match ending:
        case Completed(truncated=truncated):
            if truncated:
                complain("The model stopped at its length limit; the answer is not whole.")
            return OK
        case Failed(problem=problem):
            return fail(from_problem(problem))
        case Cancelled():
            complain("The answer was stopped from another window; what had come is kept.")
        case _:
            complain("The answer was cut off; what had come is kept.")
    return FAILED
