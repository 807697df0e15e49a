"""Work in the background: held while it runs, its bugs told, ended together."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

_log = logging.getLogger(__name__)


def report_bug(task: asyncio.Task[Any]) -> None:
    """Log the error of a task that nobody awaits; for `add_done_callback`."""
    if not task.cancelled() and (bug := task.exception()) is not None:
        _log.error("%s ended by a bug", task.get_name(), exc_info=bug)


def is_cancelled() -> bool:
    """Return whether this task was told to end, also when a library has swallowed the telling."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Grumble:
    """Tells the bugs of a loop that must go on, the same one only once until a round goes well.

    Args:
        name: Of the loop.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._last = ""

    @contextmanager
    def told(self) -> Generator[None, None, None]:
        """Take one round of the loop; what goes wrong in it is logged, and the loop may go on."""
        try:
            yield
        except Exception as bug:  # noqa: BLE001 - one fault must not end what serves everybody
            if repr(bug) != self._last:
                self._last = repr(bug)
                _log.error("%s goes on after a bug", self._name, exc_info=bug)
        else:
            self._last = ""


class Background:
    """Tasks that nobody awaits."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run `work` until it ends or `close` cancels it."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(report_bug)

    async def join(self) -> None:
        """Wait until all have ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Cancel all and wait until they are gone."""
        for task in self._tasks:
            task.cancel()
        await self.join()


async def in_daemon_thread(work: Callable[[], None], name: str) -> None:
    """Run `work` in a thread that the end of the program does not wait for."""
    done: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            done.set_exception(error)
        else:
            done.set_result(None)

    threading.Thread(target=run, name=name, daemon=True).start()
    await asyncio.wrap_future(done)
