"""One file, two lanes: a thread with a connection that writes, and one that reads without waiting for the disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from argus_core.disk import knows_locks
from argus_core.errors import ArgusError, Conflict, InvalidInput, StorageError, StorageUnavailable
from argus_core.storage.sqlite.files import (
    BUSY,
    MEMORY,
    NO_ACCESS,
    Frozen,
    connect,
    connect_to_read,
    has_log,
    identity,
    is_disk_full,
    make_private_file,
    primary_code,
)

P = ParamSpec("P")
T = TypeVar("T")
Begin = Literal["BEGIN IMMEDIATE", "BEGIN"]

_DRIVER_ERRORS = (sqlite3.Error, sqlite3.Warning, UnicodeEncodeError, OverflowError)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Lane:
    """A thread with its own connection; jobs run one after another, each in a transaction.

    Args:
        name: Of the thread.
        path: The file; a store at `MEMORY` is this lane's alone.
        begin: How a transaction starts.
    """

    def __init__(self, name: str, path: Path, begin: Begin) -> None:
        self._path = path
        self._begin = begin
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"argus-store-{name}")
        self._connection: sqlite3.Connection | None = None
        self.refusal = StorageUnavailable("The store is closed.")
        """Why there is no connection, when there is none."""
        self._identity: tuple[int, int] | None = None

    async def open(self, prepare: Callable[[sqlite3.Connection], None]) -> None:
        """Connect and call `prepare`, which takes care of its own transactions."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open, connect, prepare)

    async def open_to_read(self, prepare: Callable[[sqlite3.Connection], None]) -> None:
        """Connect to a store that is there and cannot be written."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._open, connect_to_read, prepare)

    def refuse(self, error: StorageUnavailable) -> None:
        """From now on jobs are refused with that."""
        self.refusal = error

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
            raise StorageUnavailable(self.refusal.hint, title=self.refusal.title)
        return asyncio.get_running_loop().run_in_executor(self._thread, run, self._connection)

    async def close(self) -> None:
        """Finish what is queued and disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
        self._thread.shutdown(wait=False)

    def _open(
        self, connector: Callable[[Path], sqlite3.Connection], prepare: Callable[[sqlite3.Connection], None]
    ) -> None:
        connection = None
        try:
            if connector is connect and self._path is not MEMORY:
                make_private_file(self._path)
            connection = connector(self._path)
            prepare(connection)
        except BaseException as error:
            if connection is not None:
                connection.close()
            if isinstance(error, _DRIVER_ERRORS):
                raise translated(error, self._path) from error
            raise
        self._identity = identity(self._path)
        self._connection = connection

    def _check_file(self, connection: sqlite3.Connection) -> None:
        """Refuse to go on in a file that has no name any more: what is written there is lost."""
        if identity(self._path) != self._identity:
            raise StorageUnavailable(
                f"{self._path} is not the file any more that was opened: it was deleted or replaced. "
                "Put it back, or start Argus again."
            )
        if isinstance(connection, Frozen) and has_log(self._path):
            raise StorageUnavailable(f"Another program has begun to write {self._path}; start Argus again.")

    def _transact(
        self,
        connection: sqlite3.Connection,
        job: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        self._check_file(connection)
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


def translated(error: Exception, path: Path) -> ArgusError:
    """Return our error for one of the driver; the hint names the file and never quotes what was stored."""
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict("Something with this id is there already.")
    if isinstance(error, (UnicodeEncodeError, OverflowError, sqlite3.DataError, sqlite3.InterfaceError)):
        return InvalidInput("It holds text or a number that cannot be stored.")
    code = primary_code(error)
    if code in _DAMAGED:
        return StorageError(f"{path} is damaged or not an Argus store; move it away or put a backup in its place.")
    if code in NO_ACCESS:
        return StorageUnavailable(f"{path} cannot be opened for writing; check who owns it and its folder.")
    if code in BUSY and not knows_locks(path.parent):
        return StorageUnavailable(
            f"The file system of {path.parent} knows no locks, which the store needs, as NFS without lockd; "
            "set ARGUS_DATA_DIR to a folder on a disk of this machine."
        )
    if code in BUSY:
        return StorageUnavailable(f"Another program keeps {path} locked; close it and try again.")
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and is_disk_full(path)):
        return StorageUnavailable(f"The disk that holds {path} is full.")
    if code == sqlite3.SQLITE_IOERR:
        return StorageUnavailable(f"The disk that holds {path} cannot be read or written.")
    if "fts5" in str(error):
        return StorageError(f"The SQLite {sqlite3.sqlite_version} of this Python lacks FTS5, which {path} needs.")
    return StorageError(f"SQLite did not do what was asked of {path} ({type(error).__name__}).")
