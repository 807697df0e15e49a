"""What only the SQLite storage promises: private files, its errors in our words, several processes on one file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from argus_core.domain import Conversation
from argus_core.errors import StorageError, StorageUnavailable
from argus_core.events import TextDelta
from argus_core.storage.base import ConversationChange
from argus_core.storage.sqlite import SqliteStorage, files
from tests.support.builders import ALICE, a_conversation, a_turn, logged, row_of

OTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from argus_core.events import LoggedEvent, TextDelta
from argus_core.storage.base import ConversationChange
from argus_core.storage.sqlite import SqliteStorage

async def main():
    storage = SqliteStorage(Path(sys.argv[1]))
    await storage.open()
    print("ready", flush=True)
    lost = []
    for n in range(1, 201):
        lost += await storage.append_events([LoggedEvent(sys.argv[2], n, "other", TextDelta(str(n)))])
    await storage.update_conversation("alice", sys.argv[3], ConversationChange(title="from the other"))
    await storage.close()
    print(len(lost), flush=True)

asyncio.run(main())
"""
LEAVING = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
print(store.execute("SELECT title FROM conversations").fetchall())
store.close()
"""


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    opened = SqliteStorage(tmp_path / "deep" / "store" / "argus.db")
    await opened.open()
    yield opened
    await opened.close()


def _path(storage: SqliteStorage) -> Path:
    return storage._path


async def test_files_are_for_this_user_alone(storage: SqliteStorage) -> None:
    await storage.create_conversation(a_conversation())
    folder = _path(storage).parent
    assert folder.stat().st_mode & 0o777 == 0o700
    names = {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}
    assert names == dict.fromkeys(("argus.db", "argus.db-wal", "argus.db-shm"), 0o600)


async def test_a_file_that_others_can_read_is_shut(storage: SqliteStorage) -> None:
    await storage.close()
    _path(storage).chmod(0o644)
    again = SqliteStorage(_path(storage))
    await again.open()
    await again.close()
    assert _path(storage).stat().st_mode & 0o777 == 0o600


async def test_every_write_is_synced_and_logged_ahead(storage: SqliteStorage) -> None:
    def settings(each: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [each.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    for lane in (storage._writer, storage._reader):
        assert await lane.submit(settings) == ["wal", 2, 1]


async def test_the_reader_cannot_write(storage: SqliteStorage) -> None:
    with pytest.raises(StorageError):
        await storage._reader.submit(lambda reader: reader.execute("DELETE FROM users"))


@pytest.mark.parametrize(
    "content", [b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 8000], ids=["text", "broken header"]
)
async def test_a_file_that_is_no_store_is_named_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "argus.db"
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        await SqliteStorage(path).open()
    assert str(path) in caught.value.hint
    assert path.read_bytes() == content


async def test_a_page_that_was_overwritten_is_a_storage_error(storage: SqliteStorage) -> None:
    for _ in range(20):
        await storage.create_conversation(a_conversation(title="long title " * 1000))
    await storage.close()
    whole = _path(storage).read_bytes()
    _path(storage).write_bytes(whole[: len(whole) // 2] + b"\xee" * (len(whole) - len(whole) // 2))
    again = SqliteStorage(_path(storage))
    await again.open()
    with pytest.raises(StorageError) as caught:
        await again.list_conversations(ALICE)
    assert str(_path(storage)) in caught.value.hint
    await again.close()


async def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for path in (tmp_path / "file" / "argus.db", tmp_path):
        with pytest.raises(StorageUnavailable) as caught:
            await SqliteStorage(path).open()
        assert str(path) in caught.value.hint


async def test_a_full_disk_is_unavailable_and_what_was_written_stays(storage: SqliteStorage) -> None:
    kept = await storage.create_conversation(a_conversation(title="kept"))

    def fill_up(writer: sqlite3.Connection) -> None:
        pages = writer.execute("PRAGMA page_count").fetchone()[0]
        writer.execute(f"PRAGMA max_page_count = {pages}")

    await storage._writer.submit(fill_up)
    with pytest.raises(StorageUnavailable) as caught:
        await storage.create_conversation(a_conversation(title="x" * 100_000))
    assert "full" in caught.value.hint
    assert str(_path(storage)) in caught.value.hint
    assert (await storage.list_conversations(ALICE)).items == (row_of(kept),)
    await storage._writer.submit(lambda writer: writer.execute("PRAGMA max_page_count = 1000000").fetchone()[0])
    assert (await storage.update_conversation(ALICE, kept.id, ConversationChange(title="room"))).title == "room"


async def test_a_lock_that_is_held_too_long_is_unavailable(
    storage: SqliteStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_TIMEOUT_S", 0.01)
    impatient = SqliteStorage(_path(storage))
    await impatient.open()
    with closing(sqlite3.connect(_path(storage), isolation_level=None)) as greedy:
        greedy.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable) as caught:
            await impatient.create_conversation(a_conversation())
        assert str(_path(storage)) in caught.value.hint
        assert await impatient.count_conversations(ALICE) == 0
        greedy.execute("ROLLBACK")
    await impatient.create_conversation(a_conversation())
    await impatient.close()


async def test_a_python_without_fts5_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_fts5(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("no such module: fts5")

    monkeypatch.setattr("argus_core.storage.sqlite.schema.STEPS", (without_fts5,) * 2)
    with pytest.raises(StorageError) as caught:
        await SqliteStorage(tmp_path / "argus.db").open()
    assert "FTS5" in caught.value.hint


async def test_a_row_that_cannot_be_read_is_a_storage_error(storage: SqliteStorage) -> None:
    turn = await storage.start_turn(a_turn(await storage.create_conversation(a_conversation())))
    await storage.append_events(logged(turn.generation, TextDelta("a")))

    def damage(writer: sqlite3.Connection) -> None:
        writer.execute("UPDATE messages SET parts = '[{}]'")
        writer.execute("UPDATE generation_events SET event = '{'")

    await storage._writer.submit(damage)
    with pytest.raises(StorageError):
        await storage.get_message(ALICE, turn.reply.id)
    with pytest.raises(StorageError):
        await storage.events_after(turn.generation.id, 0)


async def test_many_stores_open_a_new_file_at_once(tmp_path: Path) -> None:
    stores = [SqliteStorage(tmp_path / "argus.db") for _ in range(6)]
    await asyncio.gather(*(each.open() for each in stores))
    await asyncio.gather(*(each.create_conversation(a_conversation()) for each in stores))
    assert await stores[0].count_conversations(ALICE) == 6
    for each in stores:
        await each.close()


async def test_a_cancelled_write_leaves_the_store_usable(storage: SqliteStorage) -> None:
    made = [asyncio.ensure_future(storage.create_conversation(a_conversation())) for _ in range(20)]
    await asyncio.sleep(0)
    for each in made[::2]:
        each.cancel()
    results = await asyncio.gather(*made, return_exceptions=True)
    stored = await storage.count_conversations(ALICE)
    assert sum(isinstance(each, Conversation) for each in results) == 10
    assert 10 <= stored <= 20


@pytest.mark.slow
async def test_two_processes_write_one_file_and_hear_each_other(storage: SqliteStorage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    theirs = (await storage.start_turn(a_turn(conversation))).generation
    ours = (await storage.start_turn(a_turn(conversation))).generation
    changes = storage.changes(ALICE)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        OTHER_PROCESS,
        str(_path(storage)),
        theirs.id,
        conversation.id,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    for n in range(1, 201):
        assert await storage.append_events(logged(ours, TextDelta(str(n)), first=n)) == set()
    async with asyncio.timeout(20):
        assert json.loads(await process.stdout.readline()) == 0
        while (await anext(changes)).title != "from the other":
            pass
        await process.wait()
    for generation in (ours, theirs):
        log = await storage.events_after(generation.id, 0)
        assert [(each.n, each.event) for each in log] == [(n, TextDelta(str(n))) for n in range(1, 201)]


WRITES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from argus_core.events import LoggedEvent, TextDelta
from argus_core.storage.sqlite import SqliteStorage

async def main():
    storage = SqliteStorage(Path(sys.argv[1]))
    await storage.open()
    for n in range(1, 100_000):
        await storage.append_events([LoggedEvent(sys.argv[2], n, "other", TextDelta(str(n)))])
        print(n, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize("moment", [1, 7, 60])
async def test_a_killed_writer_leaves_a_gapless_log_with_all_it_acknowledged(
    storage: SqliteStorage, moment: int
) -> None:
    generation = (await storage.start_turn(a_turn(await storage.create_conversation(a_conversation())))).generation
    await storage.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITES_UNTIL_KILLED, str(_path(storage)), generation.id, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(moment):
        await process.stdout.readline()
    process.kill()
    said = await process.stdout.read()
    await process.wait()
    acknowledged = moment + said.count(b"\n")

    again = SqliteStorage(_path(storage))
    await again.open()
    log = await again.events_after(generation.id, 0, 1000)
    assert [each.n for each in log] == list(range(1, len(log) + 1))
    assert len(log) - acknowledged in (0, 1)
    assert await again.append_events(logged(generation, TextDelta("on"), first=len(log) + 1)) == set()
    await again.close()


@pytest.mark.slow
async def test_a_program_that_leaves_takes_no_log_away_from_one_that_stays(storage: SqliteStorage) -> None:
    """It would if we had lost our lock on the file: what is written into a deleted log is gone."""

    async def titles_elsewhere() -> str:
        arguments = (sys.executable, "-c", LEAVING, str(_path(storage)))
        program = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
        return (await program.communicate())[0].decode()

    for title in ("before it came", "after it left"):
        await storage.create_conversation(a_conversation(title=title))
        assert title in await titles_elsewhere()
