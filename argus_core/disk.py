"""Files read and written with care: whole or not there, and never something else behind the name."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_NO_LINKS = {errno.EPERM, errno.EMLINK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
"""What file systems without hard links answer, such as exFAT."""
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}
"""What file systems without locks answer, such as NFS where lockd does not run."""


def write_durably(path: Path, data: bytes, *, scratch: Path | None = None) -> None:
    """Write `data` to `path`, readable by this user alone; when it returns, the file survives a loss of power.

    Args:
        path: Where it goes; a file that is there is replaced in one step.
        data: All of it.
        scratch: An existing folder of the same file system for the file while it is written; by default that of `path`.

    Raises:
        OSError: It could not be written; nothing is left behind and an older file stays.
    """
    with _draft(scratch or path.parent, path.name, data) as draft:
        draft.replace(path)
    sync_folder(path.parent)


def create_durably(path: Path, data: bytes) -> bool:
    """Write `data` to `path` as `write_durably` does, unless a file is there already; return whether it was written.

    Of several programs that do this at once one succeeds, and all find its file afterwards, whole.

    Raises:
        OSError: It could not be written.
    """
    try:
        with _draft(path.parent, path.name, data) as draft:
            _give_name(draft, path)
    except FileExistsError:
        return False
    sync_folder(path.parent)
    return True


@contextmanager
def _draft(folder: Path, name: str, data: bytes) -> Iterator[Path]:
    """Write a file under a name of its own; what is left of it goes at the end."""
    draft = folder / f".{name[:40]}.{os.urandom(8).hex()}.part"
    try:
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _flag("O_BINARY"), 0o600)
        with open(file, "wb", buffering=0) as out:  # noqa: PTH123 - a descriptor, not a path
            _write_all(out.fileno(), data)
            os.fsync(out.fileno())
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink()


def _give_name(draft: Path, path: Path) -> None:
    """Name the draft `path` as well, or raise `FileExistsError`."""
    if os.name == "nt":
        draft.rename(path)  # which replaces nothing there
        return
    try:
        path.hardlink_to(draft)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        draft.replace(path)  # for a moment others find it empty: no way around it on such a file system


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


def knows_locks(folder: Path) -> bool:
    """Return whether files in an existing folder can be locked; True where that cannot be found out."""
    if os.name != "posix":
        return True
    import fcntl

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _NO_LOCKS
    return True


def try_lock(file: BinaryIO) -> bool:
    """Return False while another process has the lock of an open file, else take it.

    The lock goes with the file, also when its process dies. Where there are no locks nobody can have one.
    """
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        return error.errno in _NO_LOCKS
    return True


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
