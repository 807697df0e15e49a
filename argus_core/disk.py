"""Files read and written with care: whole or not there, and never something else behind the name."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def write_durably(path: Path, data: bytes, *, scratch: Path | None = None) -> None:
    """Write `data` to `path`, readable by this user alone; when it returns, the file survives a loss of power.

    Args:
        path: Where it goes; a file that is there is replaced in one step.
        data: All of it.
        scratch: An existing folder of the same file system for the file while it is written; by default that of `path`.

    Raises:
        OSError: It could not be written; nothing is left behind and an older file stays.
    """
    draft = (scratch or path.parent) / f".{path.name[:40]}.{os.urandom(8).hex()}.part"
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _flag("O_BINARY"), 0o600)
        with open(file, "wb", buffering=0) as out:  # noqa: PTH123 - a descriptor, not a path
            _write_all(out.fileno(), data)
            os.fsync(out.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading without following a link at its end and without waiting for a FIFO.

    Raises:
        OSError: It cannot be opened, or is a folder, a device or a FIFO.
    """
    handle = os.open(path, os.O_RDONLY | _flag("O_NOFOLLOW") | _flag("O_NONBLOCK") | _flag("O_BINARY"))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is not a file", str(path))
    return open(handle, "rb")  # noqa: PTH123 - a descriptor, not a path


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a loss of power; where folders cannot be synced this does nothing."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _flag(name: str) -> int:
    """Return a flag of `os.open`, or none where the system lacks it."""
    return int(getattr(os, name, 0))
