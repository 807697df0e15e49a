"""Textual's driver for Unix, taught the difference between a program that wakes up and a terminal that is gone."""

from __future__ import annotations

import os

from textual.driver import Driver


def steady(driver_class: type[Driver]) -> type[Driver]:
    """Return the driver to use instead of the one Textual chose: another one where that is its driver for Unix."""
    if os.name != "posix":
        return driver_class
    from textual.drivers.linux_driver import LinuxDriver

    if driver_class is not LinuxDriver:
        return driver_class

    class UnixDriver(LinuxDriver):
        """Sets the terminal up again after a sleep, once, and only a terminal that is still there.

        The kernel sends SIGCONT right after SIGHUP. Textual starts a second thread for keys at every SIGCONT: on a
        dead terminal it finds the end of the input over and over, and nobody stops it.
        """

        def _sigcont_application(self, *_: object) -> None:
            if not _is_alive(self.fileno):
                return
            if not self._must_signal_resume:  # we did not go to sleep in order, so all is still running
                self.disable_input()
            super()._sigcont_application()

    return UnixDriver


def _is_alive(terminal: int) -> bool:
    try:
        os.tcgetpgrp(terminal)
    except OSError:
        return False
    return True
