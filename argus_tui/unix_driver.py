"""Textual's driver for Unix, reading and writing so that no terminal can stop the program or keep it busy."""

from __future__ import annotations

import os
import select
import time
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from argus_tui.terminal import TerminalCaughtUp, TerminalGone
from argus_tui.terminal_input import TerminalInput

READ_BYTES: Final = 1 << 16
_MOST_AT_ONCE: Final = 1 << 20
_TICK_S: Final = 0.1
_MORE_S: Final = 0.02
"""How long lines that come at once are waited for: nobody types so fast."""
_CLOSE_S: Final = 0.5
"""How long a terminal may take to show the last of what was written."""


class UnixDriver(LinuxDriver):
    """Keys and pastes come from `TerminalInput`; drawing waits for no terminal."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        assert self._file is not None
        self._output = TerminalOutput(self._file.fileno(), self._file.encoding, self._tell_gone, self._written)
        self._file = self._output  # type: ignore[assignment]
        self._is_gone = False
        self._is_behind = False

    # Keys

    def run_input_thread(self) -> None:
        """Read until the program ends or the terminal does.

        Textual would read the end of a terminal over and over, 10,000 times a second, and stop at bytes that are
        not UTF-8.
        """
        typed = TerminalInput()
        decode = getincrementaldecoder("utf-8")(errors="replace").decode
        while not self.exit_event.is_set():
            data = self._read(typed.wait_s())
            if data is None:
                self._tell_gone()
                return
            text = decode(data)
            while typed.wants_more and 1 < len(text) < _MOST_AT_ONCE and ("\r" in text or "\n" in text):
                more = self._read(_MORE_S)
                if not more:
                    break
                text += decode(more)
            for message in typed.feed(text) if text else typed.tick():
                self.process_message(message)

    def _read(self, wait_s: float | None) -> bytes | None:
        """Return what came, empty when nothing did; None when the terminal is gone."""
        try:
            ready, _, _ = select.select([self.fileno], [], [], min(_TICK_S, _TICK_S if wait_s is None else wait_s))
            return (os.read(self.fileno, READ_BYTES) or None) if ready else b""
        except BlockingIOError:  # somebody else was faster
            return b""
        except (OSError, ValueError):  # Linux says EIO when it is gone
            return None

    def _tell_gone(self) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._tell(TerminalGone())

    def _tell(self, message: Message) -> None:
        with suppress(RuntimeError):  # the program has ended meanwhile
            self.process_message(message)

    # Drawing

    def write(self, data: str) -> None:
        """Draw; where the terminal takes nothing, leave it out instead of waiting with everything else.

        While the program is suspended the terminal is another's.
        """
        thread = self._writer_thread
        if thread is None or self._is_gone:
            return
        if thread._queue.full():
            self._is_behind = True
        else:
            thread.write(data)

    def _written(self) -> None:
        """Called when all is written."""
        if self._is_behind:
            self._is_behind = False
            self._tell(TerminalCaughtUp())

    def start_application_mode(self) -> None:
        self._output.is_patient = True
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def stop_application_mode(self) -> None:
        """Give the terminal back as it was; what a frozen one has not shown by then is dropped."""
        thread = self._writer_thread
        if thread is not None:
            end = time.monotonic() + (0 if self._is_gone else _CLOSE_S)
            while not thread._queue.empty() and time.monotonic() < end:
                time.sleep(0.01)
            with thread._queue.mutex:
                thread._queue.queue.clear()
        super().stop_application_mode()

    def close(self) -> None:
        """Let go of the terminal, in a moment even if it takes nothing."""
        thread, self._writer_thread = self._writer_thread, None
        if thread is not None:
            self._output.is_patient = False
            thread._queue.put(None)
            thread.join(2 * _CLOSE_S)

    def _sigcont_application(self, *_: object) -> None:
        """Set the terminal up again after a sleep, once, and only a terminal that is still there.

        The kernel sends SIGCONT right after SIGHUP. Textual starts a second thread for keys at every SIGCONT: on a
        dead terminal it finds the end of the input over and over, and nobody stops it.
        """
        if not _is_alive(self.fileno):
            return
        if not self._must_signal_resume:  # we did not go to sleep in order, so all is still running
            self.disable_input()
        super()._sigcont_application()


class TerminalOutput:
    """What the writer thread writes to: a terminal that may be frozen, gone, or left in a strange mode."""

    def __init__(self, fd: int, encoding: str, gone: Callable[[], None], written: Callable[[], None]) -> None:
        self._fd = fd
        self._encoding = encoding
        self._gone = gone
        self._written = written
        self._pending: list[str] = []
        self.is_patient = True
        """Wait for a terminal that takes nothing; else only a moment."""

    def write(self, text: str) -> None:
        self._pending.append(text)

    def flush(self) -> None:
        data = memoryview("".join(self._pending).encode(self._encoding, "replace"))
        self._pending.clear()
        try:
            while data and (self._is_ready() or self.is_patient):
                data = data[self._write_some(data) :]
        except OSError:
            self._gone()
        else:
            self._written()

    def _is_ready(self) -> bool:
        return bool(select.select([], [self._fd], [], _TICK_S if self.is_patient else _CLOSE_S)[1])

    def _write_some(self, data: memoryview) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return True


def _is_alive(terminal: int) -> bool:
    try:
        os.tcgetpgrp(terminal)
    except OSError:
        return False
    return True
