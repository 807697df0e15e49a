"""Stores that cannot be written, are no file, or are gone: what is told, and what still works."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from argus_core.errors import StorageError, StorageUnavailable
from argus_core.storage.base import ConversationChange
from argus_core.storage.sqlite import MEMORY, SqliteStorage, connection, files
from tests.support.builders import ALICE, a_conversation

NOBODY = 65_534


@pytest.fixture
def place() -> Iterator[Path]:
    """Where a store would be; anybody may go there, other than to the folders of pytest."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "store").mkdir()
        yield Path(folder) / "store" / "argus.db"


@pytest.fixture
async def store(place: Path) -> Path:
    """A store with one conversation in it, closed."""
    storage = SqliteStorage(place)
    await storage.open()
    await storage.create_conversation(a_conversation(title="kept"))
    await storage.close()
    return place


@contextmanager
def only_reading(path: Path) -> Iterator[None]:
    """While entered, this process may read the store and its folder, and write neither."""
    path.chmod(0o444)
    path.parent.chmod(0o555)
    mine = os.geteuid()
    if mine == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if mine == 0:
            os.seteuid(0)
        path.parent.chmod(0o700)
        path.chmod(0o600)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def take_away(path: Path, *, is_replaced: bool) -> Path:
    """Move the file and return where to; perhaps a copy takes its place."""
    aside = path.rename(path.with_name("aside.db"))
    if is_replaced:
        path.write_bytes(aside.read_bytes())
    return aside


async def titles(storage: SqliteStorage) -> list[str]:
    return [each.title for each in (await storage.list_conversations(ALICE)).items]


async def test_a_store_in_memory_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    storage = SqliteStorage(MEMORY)
    await storage.open()
    await storage.create_conversation(a_conversation(title="passing"))
    assert await titles(storage) == ["passing"]
    await storage.close()
    assert names(tmp_path) == []
    with pytest.raises(StorageUnavailable):
        await titles(storage)


@pytest.mark.skipif(os.name != "posix", reason="permissions")
async def test_a_store_that_cannot_be_written_is_read(store: Path) -> None:
    with only_reading(store):
        storage = SqliteStorage(store)
        await storage.open()
        assert await titles(storage) == ["kept"]
        with pytest.raises(StorageUnavailable) as caught:
            await storage.create_conversation(a_conversation())
        assert f"{store} cannot be opened for writing" in caught.value.hint
        assert "check who owns it and its folder" in caught.value.hint
        assert str((await storage.statistics())["opens"]).startswith("for reading only")
        await storage.close()
    assert names(store.parent) == ["argus.db"]


@pytest.mark.skipif(os.name != "posix", reason="permissions")
async def test_what_another_program_writes_meanwhile_is_not_read_half(store: Path) -> None:
    with only_reading(store):
        storage = SqliteStorage(store)
        await storage.open()
        assert await titles(storage) == ["kept"]
    writer = SqliteStorage(store)
    await writer.open()
    await writer.create_conversation(a_conversation(title="new"))
    with pytest.raises(StorageUnavailable, match="Another program"):
        await titles(storage)
    await writer.close()
    await storage.close()


@pytest.mark.skipif(os.name != "posix", reason="permissions")
async def test_an_older_store_that_cannot_be_written_is_told(store: Path) -> None:
    with closing(sqlite3.connect(store)) as older:
        older.execute("PRAGMA user_version = 1")
    with only_reading(store), pytest.raises(StorageError) as caught:
        await SqliteStorage(store).open()
    assert caught.value.title == "An older Argus wrote the store"


@pytest.mark.skipif(os.name != "posix", reason="permissions")
async def test_an_empty_file_that_cannot_be_written_is_unavailable(place: Path) -> None:
    os.close(os.open(place, os.O_CREAT))
    with only_reading(place), pytest.raises(StorageUnavailable, match="cannot be opened for writing"):
        await SqliteStorage(place).open()


async def test_a_full_disk_is_read(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_: Path) -> sqlite3.Connection:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    monkeypatch.setattr(connection, "connect", no_room)
    monkeypatch.setattr(connection, "is_disk_full", lambda path: True)
    storage = SqliteStorage(store)
    await storage.open()
    assert await titles(storage) == ["kept"]
    with pytest.raises(StorageUnavailable, match=f"The disk that holds {store} is full"):
        await storage.create_conversation(a_conversation())
    await storage.close()


@pytest.mark.parametrize("has_locks", [True, False])
async def test_a_disk_without_locks_is_told_from_a_store_in_use(
    store: Path, monkeypatch: pytest.MonkeyPatch, has_locks: bool
) -> None:
    monkeypatch.setattr(files, "BUSY_TIMEOUT_S", 0.05)
    for module in (files, connection):
        monkeypatch.setattr(module, "knows_locks", lambda folder: has_locks)

    async def write() -> None:
        storage = SqliteStorage(store)
        try:
            await storage.open()
            await storage.create_conversation(a_conversation())
        finally:
            await storage.close()

    with closing(sqlite3.connect(store, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageUnavailable) as caught:
            await write()
    hint = caught.value.hint
    assert ("Another program" in hint, "ARGUS_DATA_DIR" in hint) == (has_locks, not has_locks)


@pytest.mark.parametrize("is_replaced", [False, True], ids=["deleted", "replaced"])
async def test_a_file_that_is_gone_takes_no_more_writes(store: Path, is_replaced: bool) -> None:
    storage = SqliteStorage(store)
    await storage.open()
    kept = (await storage.list_conversations(ALICE)).items[0]
    aside = take_away(store, is_replaced=is_replaced)
    for refused in (
        storage.create_conversation(a_conversation()),
        storage.update_conversation(ALICE, kept.id, ConversationChange(title="lost")),
        titles(storage),
        storage.forget_presence(["a"]),
    ):
        with pytest.raises(StorageUnavailable, match="deleted or replaced"):
            await refused
    os.replace(aside, store)  # noqa: PTH105
    assert await titles(storage) == ["kept"]
    assert (await storage.update_conversation(ALICE, kept.id, ConversationChange(title="on"))).title == "on"
    await storage.close()
