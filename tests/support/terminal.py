"""A real program on a real pseudo-terminal: what it draws, every byte it wrote, and keys to press.

The program leads a session of its own and the PTY is its controlling terminal, so closing the terminal hangs it up as
the end of an SSH connection does. A thread reads all the time: no program ever waits for a test to look.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from benchmarks.emulator import Emulator

LONG_S = float(os.environ.get("ARGUS_TEST_LONG_S", "60"))
"""Longer than anything takes here, also on a machine that does much else; who waits so long has failed."""

ENTER, ESCAPE, TAB, BACKSPACE, F2, F5, F6 = "\r", "\x1b", "\t", "\x7f", "\x1bOQ", "\x1b[15~", "\x1b[17~"
UP, DOWN, HOME, END = "\x1b[A", "\x1b[B", "\x1b[H", "\x1b[F"
CTRL_PAGE_UP, CTRL_PAGE_DOWN = "\x1b[5;5~", "\x1b[6;5~"

_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)

_LEAVE_TERMINAL = "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"

_LONGEST_FRAME = 1 << 18


def ctrl(letter: str) -> str:
    """Return what a terminal sends for ctrl and a letter."""
    return chr(ord(letter.upper()) - 64)


def alt(key: str) -> str:
    """Return what a terminal sends for alt and a key."""
    return ESCAPE + key


def until(condition: Callable[[], bool], what: str, timeout_s: float = LONG_S) -> None:
    """Wait for something that tells nobody when it happens."""
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, f"in {timeout_s:.0f} s not seen: {what}"
        time.sleep(0.01)


class Terminal:
    """A program on a terminal of its own; as a context manager it ends the program and all that came from it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        columns: int = 120,
        rows: int = 40,
        controlling: bool = True,
    ) -> None:
        """`controlling` is whether the end of the terminal is told by SIGHUP, as it is but for odd starters."""
        self.emulator = Emulator(columns, rows)
        self._master, slave = os.openpty()
        self._set_size(columns, rows)
        self._process = subprocess.Popen(
            [sys.executable, "-ISc", _TAKE_TERMINAL if controlling else _LEAVE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)
        self._written = bytearray()
        self._news = threading.Condition(threading.RLock())
        self._open = True
        self._wake_read, self._wake_write = os.pipe()
        self._reader = threading.Thread(target=self._read, name="terminal", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # What is seen

    @property
    def pid(self) -> int:
        """The process that leads the session: the program."""
        return self._process.pid

    @property
    def text(self) -> str:
        """The screen, its lines without the blanks at their ends."""
        with self._news:
            return self.emulator.text()

    @property
    def cursor_row(self) -> int:
        """The line of the screen that the cursor is in, from 0."""
        with self._news:
            return int(self.emulator.screen.cursor.y)

    @property
    def written(self) -> bytes:
        """Every byte that came from the program so far."""
        with self._news:
            return bytes(self._written)

    def wait_for(self, wanted: str | Callable[[str], object], *, timeout_s: float = LONG_S) -> str:
        """Wait until the screen shows a text, or satisfies a condition, and return that screen.

        Only whole frames are looked at: what lies between the marks of a synchronized update is one.
        """
        end = time.monotonic() + timeout_s
        with self._news:
            while True:
                screen = self.emulator.text()
                shown = wanted in screen if isinstance(wanted, str) else wanted(screen)
                if shown and not self._in_frame():
                    return screen
                left = end - time.monotonic()
                if not self._open or left <= 0:
                    raise AssertionError(self._not_seen(wanted, screen))
                self._news.wait(min(left, 1.0))

    def _in_frame(self) -> bool:
        recent = self._written[-_LONGEST_FRAME:]
        return recent.rfind(b"\x1b[?2026h") > recent.rfind(b"\x1b[?2026l")

    def _not_seen(self, wanted: object, screen: str) -> str:
        how = "in time" if self._open else f"before the program ended ({self._process.poll()})"
        return f"not seen {how}: {wanted!r}\n{screen}\nlast bytes: {bytes(self._written[-400:])!r}"

    def wait_gone(self, text: str, *, timeout_s: float = LONG_S) -> str:
        """Wait until the screen does not show a text any more."""
        return self.wait_for(lambda screen: text not in screen, timeout_s=timeout_s)

    # What is done

    def send(self, *keys: str) -> None:
        """Press keys; a string of letters is typed as it is."""
        self.send_bytes("".join(keys).encode())

    def send_bytes(self, data: bytes) -> None:
        """Send what no keyboard does, too."""
        while data:
            data = data[os.write(self._master, data) :]

    def press(self, key: str) -> None:
        """Press one key and wait until the program draws; for what the text of the screen does not show, as a focus."""
        before = len(self.written)
        self.send(key)
        self.wait_for(lambda _: len(self._written) > before)

    def resize(self, columns: int, rows: int) -> None:
        """Make the window another size."""
        with self._news:
            self.emulator.columns, self.emulator.rows = columns, rows
            self.emulator.screen.resize(rows, columns)
        self._set_size(columns, rows)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        os.kill(self.pid, number)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Read nothing of what the program writes, as a terminal that was stopped."""
        with self._news:
            yield

    def hang_up(self) -> None:
        """Take the terminal away, as the end of a connection does."""
        if self._open:
            os.write(self._wake_write, b"!")
        self._reader.join()

    def kill(self) -> None:
        """End the program as a power cut would."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def wait_exit(self, timeout_s: float = LONG_S) -> int:
        """Wait until the program has ended and return its exit code, negative for a signal."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout_s:.0f} s\n{self.text}") from None

    @property
    def running(self) -> bool:
        """Whether the program has not ended."""
        return self._process.poll() is None

    def close(self) -> None:
        """End everything that was started here."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self.hang_up()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def left_over(self) -> bool:
        """Return whether a process of the program's group is still there; asked after its end."""
        try:
            os.killpg(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    # Inside

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._master, self._wake_read], [], [])
            data = b"" if self._wake_read in ready else self._some()
            if not data:
                break
            with self._news:
                self._written += data
                replies = self.emulator.replies(data)
                self.emulator.feed(data)
                self._news.notify_all()
            if replies:
                os.write(self._master, replies)
        with self._news:
            self._open = False
            os.close(self._master)
            self._news.notify_all()

    def _some(self) -> bytes:
        try:
            return os.read(self._master, 1 << 16)
        except OSError:  # Linux says EIO when the last program has closed the terminal
            return b""
