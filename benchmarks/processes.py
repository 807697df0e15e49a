"""CPU and memory of a tree of processes, and what the machine is: read from /proc, so on Linux only."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """Return `pid` and all that came from it and still live."""
    found, todo = [], [pid]
    while todo:
        current = todo.pop()
        found.append(current)
        todo += _children(current)
    return found


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []  # it ended meanwhile


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_s(pid: int) -> float:
    """Return the CPU seconds of the tree so far, user and system, children that ended included."""
    return sum(int(field) for member in tree(pid) for field in _stat(member)[11:15]) / _TICKS_PER_S


def resident_mb(pid: int) -> float:
    """Return the resident memory of the tree."""
    pages = sum(int(fields[21]) for member in tree(pid) if (fields := _stat(member)))
    return pages * _PAGE_BYTES / 2**20


def machine_busy_s() -> float:
    """Return the CPU seconds that all programs of this machine have taken so far."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / _TICKS_PER_S


def machine_line() -> str:
    """Return one line that says what was measured on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown CPU")
    memory_gb = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} × {model}, {memory_gb:.0f} GB, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, load {load:.1f} at the start"
    )
