"""Who runs a generation: a name for this process, and whether the process behind a name is gone."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from argus_core.ids import new_id


def _started(pid: int) -> str:
    """Return when the process began, in clock ticks since boot; empty where /proc does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _machine() -> str:
    """Return a name for this boot of this machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()


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
    if machine != _machine() or not pid_text.isdigit() or os.name != "posix":
        return False
    pid = int(pid_text)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return _started(pid) != started
