"""One file, two lanes: a thread with a connection that writes, and one that reads without waiting for the disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from argus_core.errors import ArgusError, Conflict, InvalidInput, StorageError, StorageUnavailable

P = ParamSpec("P")
T = TypeVar("T")
Begin = Literal["BEGIN IMMEDIATE", "BEGIN"]

BUSY_TIMEOUT_S = 5.0
_DRIVER_ERRORS = (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError, OverflowError)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_NO_ACCESS = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Lane:
    """A thread with its own connection; jobs run one after another, each in a transaction."""

    def __init__(self, name: str, path: Path, begin: Begin) -> None:
        self._path = path
        self._begin = begin
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"argus-store-{name}")
        self._connection: sqlite3.Connection | None = None

    async def open(self, prepare: Callable[[sqlite3.Connection], None]) -> None:
        """Connect and call `prepare`, which takes care of its own transactions."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open, prepare)

    def submit(
        self, job: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Queue `job(connection, …)`; it commits when the job returns and rolls back when it raises."""
        return self._queue(lambda connection: self._transact(connection, job, *args, **kwargs))

    def submit_passing(
        self, job: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Queue a job as `submit` does, without waiting for the disk: a loss of power may take it back."""
        return self._queue(lambda connection: self._transact_passing(connection, job, *args, **kwargs))

    def _queue(self, run: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        if self._connection is None:
            raise StorageUnavailable("The store is closed.")
        return asyncio.get_running_loop().run_in_executor(self._thread, run, self._connection)

    async def close(self) -> None:
        """Finish what is queued and disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
        self._thread.shutdown(wait=False)

    def _open(self, prepare: Callable[[sqlite3.Connection], None]) -> None:
        connection = None
        try:
            make_private_file(self._path)
            connection = connect(self._path)
            prepare(connection)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, _DRIVER_ERRORS):
                raise translated(error, self._path) from error
            raise
        self._connection = connection

    def _transact(
        self,
        connection: sqlite3.Connection,
        job: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        try:
            with connection:
                connection.execute(self._begin)
                return job(connection, *args, **kwargs)
        except _DRIVER_ERRORS as error:
            raise translated(error, self._path) from error

    def _transact_passing(
        self,
        connection: sqlite3.Connection,
        job: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        try:
            connection.execute("PRAGMA synchronous = NORMAL")  # with write-ahead logging: no wait at a commit
            try:
                return self._transact(connection, job, *args, **kwargs)
            finally:
                connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            raise translated(error, self._path) from error


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
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be opened for writing: {error.strerror}.") from error
    if not path.is_file() or not os.access(path, os.R_OK | os.W_OK):
        raise StorageUnavailable(f"{path} cannot be opened for writing; check who owns it and its folder.")


def connect(path: Path) -> sqlite3.Connection:
    """Return a connection with the settings both lanes need."""
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    try:
        for setting in ("foreign_keys = ON", "synchronous = FULL", "journal_size_limit = 8388608"):
            connection.execute(f"PRAGMA {setting}")
        _use_wal(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead logging; SQLite does not wait by itself for another process doing the same."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if _primary_code(error) not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def translated(error: Exception, path: Path) -> ArgusError:
    """Return our error for one of the driver; the hint names the file and never quotes what was stored."""
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict("Something with this id is there already.")
    if isinstance(error, (UnicodeEncodeError, OverflowError, sqlite3.DataError, sqlite3.InterfaceError)):
        return InvalidInput("It holds text or a number that cannot be stored.")
    code = _primary_code(error)
    if code in _DAMAGED:
        return StorageError(f"{path} is damaged or not an Argus store; move it away or put a backup in its place.")
    if code in _NO_ACCESS:
        return StorageUnavailable(f"{path} cannot be opened for writing; check who owns it and its folder.")
    if code in _BUSY:
        return StorageUnavailable(f"Another program keeps {path} locked; close it and try again.")
    if code == sqlite3.SQLITE_FULL:
        return StorageUnavailable(f"The disk that holds {path} is full.")
    if code == sqlite3.SQLITE_IOERR:
        return StorageUnavailable(f"The disk that holds {path} cannot be read or written.")
    if "fts5" in str(error):
        return StorageError(f"The SQLite {sqlite3.sqlite_version} of this Python lacks FTS5, which {path} needs.")
    return StorageError(f"SQLite did not do what was asked of {path} ({type(error).__name__}).")


def _primary_code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
