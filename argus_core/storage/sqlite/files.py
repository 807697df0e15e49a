"""The file of a store: made for this user alone, opened to write or only to read, and missed when it is gone."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

from argus_core.disk import knows_locks
from argus_core.errors import StorageUnavailable

MEMORY = Path(":memory:")
"""The place of a store that is no file and gone when it is closed."""
BUSY_TIMEOUT_S = 5.0
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
NO_ACCESS = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
_RETRY_S = 0.02
_PAGE_BYTES = 32 * 1024
"""What SQLite adds to the file of a log's index."""


def make_private_file(path: Path) -> None:
    """Make the folder (0700) and the file (0600) unless they are there; a file others can read is shut.

    A file that is there is never opened here: closing it would take away the locks (POSIX) that other connections of
    this process hold on it, and the next program that leaves would delete the write-ahead log under their feet.

    Raises:
        StorageUnavailable: The place cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o600))
        if os.name == "posix" and path.stat().st_mode & 0o077:
            with contextlib.suppress(PermissionError):  # somebody else's file that we may write
                path.chmod(0o600)
        if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
            raise _no_access(path)
    except OSError as error:
        unseen = (
            f" What was written last is in {path}-wal: copy both to where they can be written, and set ARGUS_DATA_DIR."
        )
        raise StorageUnavailable(
            f"{path} cannot be opened for writing: {error.strerror}.{unseen if has_log(path) else ''}"
        ) from error


def _no_access(path: Path) -> OSError:
    if os.name == "posix" and os.statvfs(path).f_flag & os.ST_RDONLY:
        return OSError(errno.EROFS, os.strerror(errno.EROFS))
    return PermissionError(errno.EACCES, "it is not yours to write; check who owns it and its folder")


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection that can write, with the settings both lanes need."""
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        _set_up(connection, path)
        connection.execute(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    """Switch to write-ahead logging, for which SQLite does not wait by itself while another process does the same."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    has_locks = False
    while True:
        try:
            for setting in ("foreign_keys = ON", "synchronous = FULL", "journal_size_limit = 8388608"):
                connection.execute(f"PRAGMA {setting}")
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            has_locks = has_locks or knows_locks(path.parent)
            if primary_code(error) not in BUSY or not has_locks or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


class Frozen(sqlite3.Connection):
    """Reads a file as one that nobody changes, without locks and without a log."""


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads: a store on a disk that is full or cannot be written, or without locks.

    Readers of a write-ahead log need a file beside it that they can write. Where that cannot be, the store itself is
    read as one that nobody changes, which is right as long as there is no log (`has_log`).
    """
    address = f"file:{quote(str(path))}?mode=ro"
    try:
        return _reading(address, sqlite3.Connection)
    except sqlite3.Error:
        if has_log(path):
            raise
        return _reading(f"{address}&immutable=1", Frozen)


def _reading(address: str, kind: type[sqlite3.Connection]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        address, uri=True, timeout=0, isolation_level=None, check_same_thread=False, factory=kind
    )
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # opens it
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def has_log(path: Path) -> bool:
    """Return whether something was written that is not yet in the file itself."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    except OSError:
        return False


def can_still_be_read(path: Path, error: StorageUnavailable) -> bool:
    """Return whether a store that could not be opened may open for reading: it is there, and only writing fails."""
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        code = primary_code(cause)
        fails_to_write = code in NO_ACCESS + _NO_ROOM or (code in BUSY and not knows_locks(path.parent))
    else:
        fails_to_write = isinstance(cause, OSError) and cause.errno in _NOT_WRITABLE
    return fails_to_write and _is_readable(path)


def _is_readable(path: Path) -> bool:
    try:
        return os.access(path, os.R_OK) and path.is_file() and path.stat().st_size > 0
    except OSError:  # a folder on the way is shut to us
        return False


def unreadable(path: Path, error: StorageUnavailable) -> StorageUnavailable:
    """Return the error for a store that can be opened neither for writing, which `error` tells, nor for reading."""
    if not has_log(path):
        return error
    advice = f"What was written last is in {path}-wal: copy both files to where they can be written."
    return StorageUnavailable(f"{error.hint} {advice}")


def is_disk_full(path: Path) -> bool:
    """Return whether there is no room for what SQLite maps: that, it tells as an error of the disk."""
    try:
        return shutil.disk_usage(path.parent).free < _PAGE_BYTES
    except OSError:
        return False


def identity(path: Path) -> tuple[int, int] | None:
    """Return what tells the file from another one at its place; None when there is none."""
    if path is MEMORY:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116 - before each transaction: half the time of `Path.stat`
    except OSError:
        return None
    return found.st_dev, found.st_ino


def primary_code(error: Exception) -> int:
    """Return what kind of error it is for SQLite."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
