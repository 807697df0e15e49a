"""Shows on stderr that something is under way, and for how long."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress

from argus_tui.cli.terminal import MUTED, is_terminal, paint

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PLAIN_FRAMES = "|/-\\"
_PERIOD_S = 0.1


class Spinner:
    """A line that is drawn over itself while started; nothing at all where stderr is no terminal."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._since = time.monotonic()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to draw; the time counts from here."""
        if is_terminal(sys.stderr):
            self._since = time.monotonic()
            self._task = asyncio.create_task(self._draw(), name="spinner")

    def stop(self) -> None:
        """Take the line away; doing it twice is harmless."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._write("\r\x1b[K")

    async def _draw(self) -> None:
        frames = _FRAMES if (sys.stderr.encoding or "").lower().startswith("utf") else _PLAIN_FRAMES
        count = 0
        while True:
            elapsed = int(time.monotonic() - self._since)
            line = f"{frames[count % len(frames)]} {self.label} {elapsed} s"
            self._write(f"\r{paint(line, MUTED, sys.stderr)}\x1b[K")
            count += 1
            await asyncio.sleep(_PERIOD_S)

    def _write(self, text: str) -> None:
        with suppress(OSError):  # the terminal is gone; whoever writes the answer finds out
            sys.stderr.write(text)
            sys.stderr.flush()
