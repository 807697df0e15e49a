"""Who runs a generation: a name for this process, and whether the process behind a name is gone."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from argus_core.ids import new_id


def _started(pid: int) -> str:
    """Return when the process began, in clock ticks since boot; empty where /proc does not say, or it is dead."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else rest[18]


def _machine() -> str:
    """Return a name for this boot of this machine, as far as process ids mean the same: containers have their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}.{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return platform.node().replace("/", "-")


def new_owner() -> str:
    """Return a name for this process, never used before: machine, process, its start, a random part."""
    pid = os.getpid()
    return "/".join((_machine(), str(pid), _started(pid), new_id()))


def is_gone(owner: str) -> bool:
    """Return whether the process is certainly gone: it ran on this machine and no longer does.

    False for a process elsewhere: there only the lease tells.
    """
    machine, _, rest = owner.partition("/")
    pid_text, _, rest = rest.partition("/")
    started, _, _ = rest.partition("/")
    if os.name != "posix" or machine != _machine() or not pid_text.isdecimal() or int(pid_text) == 0:
        return False
    pid = int(pid_text)
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass  # it belongs to somebody else, but it is there
    return _started(pid) != started
