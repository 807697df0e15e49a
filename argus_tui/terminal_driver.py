"""Which driver reads and writes the terminal."""

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
    from argus_tui.unix_driver import UnixDriver

    return UnixDriver
