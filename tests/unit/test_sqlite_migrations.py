"""Every older store is brought up to date with what it held; a newer or foreign one is left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from argus_core.domain import TextPart, ThoughtPart, Usage, User
from argus_core.errors import SchemaTooNew, StorageError
from argus_core.events import Completed, Interrupted, LoggedEvent, Started, TextDelta
from argus_core.ids import utc_now
from argus_core.storage.accounts import Login
from argus_core.storage.migrations import STEPS
from argus_core.storage.sqlite import SqliteStorage, schema

STORES = Path(__file__).parent.parent / "support" / "stores"
OLD = sorted(STORES.glob("v*.sql"))


def _restore(saved: Path, path: Path) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(saved.read_text(encoding="utf-8"))
    return path


def _layout(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return {(name, " ".join(sql.replace('"', "").split())) for name, sql in found}


def test_a_store_of_every_older_version_is_saved() -> None:
    assert [int(saved.stem[1:]) for saved in OLD] == list(range(1, len(STEPS)))


@pytest.mark.parametrize("saved", OLD, ids=lambda saved: saved.stem)
async def test_an_older_store_gets_the_layout_of_a_new_one(saved: Path, tmp_path: Path) -> None:
    old, new = _restore(saved, tmp_path / "old.db"), tmp_path / "new.db"
    for path in (old, new, old):
        storage = SqliteStorage(path)
        await storage.open()
        assert (await storage.statistics())["version"] == schema.VERSION
        await storage.close()
    assert _layout(old) == _layout(new)


@pytest.mark.parametrize("saved", OLD, ids=lambda saved: saved.stem)
async def test_an_older_store_keeps_what_it_held(saved: Path, tmp_path: Path) -> None:
    storage = SqliteStorage(_restore(saved, tmp_path / "argus.db"))
    await storage.open()
    try:
        (listed,) = (await storage.list_conversations("local")).items
        assert (listed.title, listed.pinned, listed.running, listed.is_prepared) == ("کتاب‌های آبی", True, 1, True)
        assert (await storage.get_conversation("local", listed.id)).draft == "نیمه"
        assert listed.updated_at == datetime(2025, 11, 22, 8, 26, 45, tzinfo=UTC)
        path = await storage.list_path("local", "message-4")
        assert [message.id for message in path] == [f"message-{number}" for number in range(1, 5)]
        assert path[1].parts == (ThoughtPart("hidden thinking", 0.5), TextPart("Read the Shahnameh."))
        assert path[1].usage == Usage(input_tokens=7, output_tokens=4)
        assert [logged.event for logged in await storage.events_after("generation-1", 0)] == [
            Started("scripted"),
            TextDelta("Read the Shahnameh."),
            Completed(Usage(input_tokens=7, output_tokens=4)),
        ]
        assert await storage.get_preference("local", "theme") == "argus-dark"
        made = datetime(2025, 11, 22, 8, 26, 40, tzinfo=UTC)
        assert await storage.get_login("local") == Login(
            user=User(id="local", name="Local", created_at=made), password_hash=None
        )
    finally:
        await storage.close()


@pytest.mark.parametrize("saved", OLD, ids=lambda saved: saved.stem)
async def test_what_an_older_store_held_is_found_and_goes_on(saved: Path, tmp_path: Path) -> None:
    storage = SqliteStorage(_restore(saved, tmp_path / "argus.db"))
    await storage.open()
    try:
        assert [hit.message.id for hit in await storage.search_messages("local", "میخواهم")] == ["message-1"]
        assert [hit.message.id for hit in await storage.search_messages("local", "shahname")] == ["message-2"]
        assert await storage.search_messages("local", "hidden") == []
        assert await storage.search_messages("local", "forgotten") == []
        assert len((await storage.list_conversations("local", title_words="کتابها")).items) == 1
        await storage.restore_conversation("local", "conversation-2")
        assert len(await storage.search_messages("local", "forgotten")) == 1
        last = LoggedEvent("generation-2", 3, "process-2", Interrupted())
        assert await storage.append_events([last]) == set()
    finally:
        await storage.close()


@pytest.mark.parametrize("saved", OLD, ids=lambda saved: saved.stem)
async def test_what_an_older_store_held_is_counted(saved: Path, tmp_path: Path) -> None:
    path = _restore(saved, tmp_path / "argus.db")
    with closing(sqlite3.connect(path)) as connection:
        held = connection.execute("SELECT conversation_id, parts FROM messages WHERE status != 'running'").fetchall()
    size = {id: sum(len(parts.encode()) for each, parts in held if each == id) for id, _ in held}
    storage = SqliteStorage(path)
    await storage.open()
    try:
        keeping = await storage.keeping("local")
        drafts = len("نیمه".encode()) + len((await storage.get_conversation("local", "conversation-1")).system.encode())
        assert (keeping.conversations, keeping.text_bytes) == (1, size["conversation-1"] + drafts)
        assert (keeping.deleted, keeping.deleted_text_bytes) == (1, size["conversation-2"])
    finally:
        await storage.close()


async def test_an_older_store_knows_which_pictures_its_messages_have(tmp_path: Path) -> None:
    storage = SqliteStorage(_restore(STORES / "v0004.sql", tmp_path / "argus.db"))
    await storage.open()
    try:
        assert (await storage.keeping("local")).picture_bytes == 1500
        assert await storage.free_attachments(utc_now()) == 1
        assert await storage.list_orphans() == ["2" * 64]
        await storage.purge_deleted(utc_now())
        assert (await storage.keeping("local")).picture_bytes == 0
        assert await storage.list_orphans() == ["1" * 64, "2" * 64]
    finally:
        await storage.close()


async def test_an_older_answer_that_was_cut_is_marked_by_its_log(tmp_path: Path) -> None:
    storage = SqliteStorage(_restore(STORES / "v0003.sql", tmp_path / "argus.db"))
    await storage.open()
    try:
        assert (await storage.get_message("local", "message-6")).truncated
        assert not (await storage.get_message("local", "message-2")).truncated
    finally:
        await storage.close()


async def test_a_step_that_fails_leaves_the_store_at_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _restore(OLD[0], tmp_path / "argus.db")
    before = _layout(path)

    def half_done(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (done)")
        connection.execute("SELECT * FROM no_such_table")

    monkeypatch.setattr(schema, "STEPS", (STEPS[0], half_done))
    with pytest.raises(StorageError):
        await SqliteStorage(path).open()
    assert _layout(path) == before
    monkeypatch.undo()
    storage = SqliteStorage(path)
    await storage.open()
    assert len(await storage.search_messages("local", "shahnameh")) == 1
    await storage.close()


async def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "argus.db"
    storage = SqliteStorage(path)
    await storage.open()
    await storage.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    with pytest.raises(SchemaTooNew) as caught:
        await SqliteStorage(path).open()
    assert str(schema.VERSION + 1) in caught.value.hint
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION + 1,)


async def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (name TEXT)")
        connection.commit()
    with pytest.raises(StorageError) as caught:
        await SqliteStorage(path).open()
    assert "another program" in caught.value.hint
    with closing(sqlite3.connect(path)) as connection:
        assert [name for (name,) in connection.execute("SELECT name FROM sqlite_schema")] == ["photos"]
