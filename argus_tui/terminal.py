"""The terminal the program runs on: what is heard of it, and lending it to another program."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from textual.message import Message


class TerminalGone(Message):
    """The terminal was closed: nobody reads what is drawn, and no key will come."""


class TerminalCaughtUp(Message):
    """The terminal was frozen and takes bytes again; what was drawn meanwhile was not kept."""


@contextmanager
def lent_terminal() -> Iterator[None]:
    """Give the terminal to another program; take it back in the mode it was in, whatever that program left behind.

    Ctrl+C is that program's meanwhile: it goes to both.
    """
    if os.name != "posix":
        yield
        return
    import sys
    import termios

    fd = sys.__stdin__.fileno() if sys.__stdin__ else 0
    mode = None
    with suppress(termios.error):
        mode = termios.tcgetattr(fd)
    before = {number: signal.signal(number, _pass_by) for number in (signal.SIGINT, signal.SIGQUIT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        with suppress(termios.error, OSError):
            os.set_blocking(fd, True)
            if mode is not None:
                termios.tcsetattr(fd, termios.TCSANOW, mode)


def _pass_by(number: int, frame: object) -> None:
    """Do nothing; unlike SIG_IGN this is not handed down to the other program."""
