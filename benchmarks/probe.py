"""A program in a PTY, watched from outside.

Every read is stamped before anything else is done with it. The screen is emulated later when nothing is left to read,
so the emulator never slows the program, and each time is that of the read that made a text visible.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import processes
from benchmarks.emulator import Emulator

COLUMNS, ROWS = 120, 40
_READ_BYTES = 65_536


class TimedOut(Exception):
    """What was waited for did not come to the screen, or the program ended before."""


class Probe:
    """Starts a program, types, and knows when what was on its screen. Times are those of `time.monotonic`."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self.emulator = Emulator(COLUMNS, ROWS)
        self.reads: list[tuple[float, bytes]] = []
        self._emulated = 0
        self._watched: re.Pattern[str] | None = None
        self.seen_at: dict[str, float] = {}
        """When each watched word was first on the screen."""
        self._outbox = b""
        self._closed = False
        terminal, inner = os.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, COLUMNS * 10, ROWS * 20))
        self.started_at = time.monotonic()
        self._process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
            # Before the program begins there is nobody else in the child: the classic danger of this hook is threads.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env=_environment(env),
            cwd=folder,
        )
        os.close(inner)
        os.set_blocking(terminal, False)
        self._terminal = terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The program itself."""
        return self._process.pid

    @property
    def written_bytes(self) -> int:
        """What it wrote so far."""
        return sum(len(data) for _, data in self.reads)

    def cpu_s(self) -> float:
        """Return its CPU seconds so far."""
        return processes.cpu_s(self.pid)

    def check_alive(self) -> None:
        """Raise `TimedOut` with the screen when the program has ended by itself."""
        if self._closed or self._process.poll() is not None:
            self.catch_up()
            raise TimedOut(self.emulator.text())

    def resident_mb(self) -> float:
        """Return the memory it and its children hold now."""
        return processes.resident_mb(self.pid)

    def press(self, keys: str) -> float:
        """Send keys and return when."""
        at = time.monotonic()
        self._send(keys.encode())
        return at

    def type(self, text: str, gap_s: float = 0.05) -> list[float]:
        """Press one key after the other and return when each was pressed."""
        times = []
        for key in text:
            times.append(self.press(key))
            self.pump(gap_s)
        return times

    def pump(self, seconds: float, *, quiet_s: float | None = None) -> None:
        """Read for so long, or until nothing came for `quiet_s`."""
        end = time.monotonic() + seconds
        heard = time.monotonic()
        while (now := time.monotonic()) < end and not self._closed:
            if quiet_s is not None and now - heard > quiet_s:
                return
            if self._read(min(0.01, end - now)):
                heard = time.monotonic()

    def wait_for(self, shown: Callable[[str], bool], timeout_s: float) -> float:
        """Return when the screen first satisfied `shown`; it is emulated as it comes."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            while self._emulated < len(self.reads):
                at = self._emulate_one()
                if shown(self.emulator.text()):
                    return at
            if self._closed:
                break
            self._read(0.01)
        raise TimedOut(self.emulator.text())

    def watch(self, words: str) -> None:
        """From now on note when a word that matches is first on the screen."""
        self.catch_up()
        self._watched = re.compile(words)
        self.seen_at.clear()
        self.emulator.screen.dirty.clear()

    def catch_up(self) -> None:
        """Emulate all that was read."""
        while self._emulated < len(self.reads):
            self._emulate_one()

    def end(self) -> None:
        """End the program, its own way first, and close the terminal."""
        for number, patience_s in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
            if self._process.poll() is not None:
                break
            self._process.send_signal(number)
            deadline = time.monotonic() + patience_s
            while self._process.poll() is None and time.monotonic() < deadline:
                self._read(0.01)
        os.close(self._terminal)

    def _read(self, timeout_s: float) -> bool:
        if self._closed:
            time.sleep(timeout_s)
            return False
        self._send(b"")
        if not select.select([self._terminal], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self._terminal, _READ_BYTES)
        except OSError:  # Linux says EIO when the last writer is gone
            data = b""
        at = time.monotonic()
        if not data:
            self._closed = True
            return False
        self.reads.append((at, data))
        self._send(self.emulator.replies(data))
        return True

    def _send(self, data: bytes) -> None:
        self._outbox += data
        while self._outbox and not self._closed:
            try:
                self._outbox = self._outbox[os.write(self._terminal, self._outbox) :]
            except BlockingIOError:
                return
            except OSError:
                self._closed = True

    def _emulate_one(self) -> float:
        at, data = self.reads[self._emulated]
        self._emulated += 1
        self.emulator.feed(data)
        if self._watched is not None:
            dirty = self.emulator.screen.dirty
            for y in dirty:
                if y < ROWS:
                    for word in self._watched.findall(self.emulator.row(y)):
                        self.seen_at.setdefault(word, at)
            dirty.clear()
        return at


def _environment(env: Mapping[str, str]) -> dict[str, str]:
    base = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
    terminal = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", "NO_PROXY": "*"}
    return base | terminal | dict(env)
