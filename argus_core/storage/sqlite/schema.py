"""Bring a store up to the newest version, one numbered step after another."""

from __future__ import annotations

import sqlite3

from argus_core.errors import SchemaTooNew, StorageError
from argus_core.storage.migrations import STEPS

VERSION = len(STEPS)
APPLICATION_ID = 0x41726773
"""`Args`: tells our file from any other SQLite database."""


def upgrade(connection: sqlite3.Connection, version: int = VERSION) -> None:
    """Do the steps that are missing, each with its new number in one transaction.

    A second process that opens the store meanwhile waits for the lock, looks again and finds the work done.

    Raises:
        SchemaTooNew: The store has steps this program does not know.
        StorageError: It is a database of some other program.
    """
    while _current(connection) < version:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            current = _current(connection)
            if current < version:
                STEPS[current](connection)
                connection.execute(f"PRAGMA user_version = {current + 1}")
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def require_newest(connection: sqlite3.Connection) -> None:
    """Refuse a store that can only be read and would have to be brought up to date first.

    Raises:
        SchemaTooNew: The store has steps this program does not know.
        StorageError: It has too few, or is a database of some other program.
    """
    if _current(connection) < VERSION:
        raise StorageError("Open it once where it can be written.", title="An older Argus wrote the store")


def _current(connection: sqlite3.Connection) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if owner != APPLICATION_ID and (owner or version or _has_tables(connection)):
        raise StorageError("The file is a database of another program; choose another place for the store.")
    if version > VERSION:
        raise SchemaTooNew(f"Its version is {version}, this Argus knows {VERSION}: install a newer Argus.")
    return version


def _has_tables(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])


def count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the version, what the tables hold and the bytes of the file."""
    tables = ("users", "conversations", "messages", "generations", "generation_events", "attachments")
    counts = {table: _number(connection, f"SELECT count(*) FROM {table}") for table in tables}
    size = _number(connection, "PRAGMA page_count") * _number(connection, "PRAGMA page_size")
    return {"version": _number(connection, "PRAGMA user_version"), "size_bytes": size, **counts}


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])
