"""Ctrl-C, SIGTERM and a hang-up while an answer is written."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

from argus_tui.cli.failures import INTERRUPTED

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
"""By name, since Windows has no SIGHUP."""


class Interrupts:
    """While entered, the first signal is told to `on_signal`; a second Ctrl-C leaves the process at once.

    A signal that this process was started to ignore (`nohup`, a job in the background) stays ignored. Where the loop
    takes no signal handlers (Windows), Ctrl-C raises KeyboardInterrupt as ever.
    """

    def __init__(self, on_signal: Callable[[signal.Signals], None]) -> None:
        self._on_signal = on_signal
        self.first: signal.Signals | None = None
        self._handled: list[signal.Signals] = []

    @property
    def exit_code(self) -> int | None:
        """128 and the number of the first signal, as shells count; None when none came."""
        return None if self.first is None else 128 + self.first

    def __enter__(self) -> Interrupts:
        loop = asyncio.get_running_loop()
        for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
            if signal.getsignal(number) is signal.SIG_IGN:
                continue
            with suppress(NotImplementedError):
                loop.add_signal_handler(number, self._came, number)
                self._handled.append(number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        loop = asyncio.get_running_loop()
        for number in self._handled:
            loop.remove_signal_handler(number)

    def _came(self, number: signal.Signals) -> None:
        if number == signal.SIGINT and self.first is not None:
            os._exit(INTERRUPTED)
        self.first = self.first or number
        self._on_signal(number)
