"""`argus migrate-store`."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from argus_core.bootstrap import blobs_at, store_at
from argus_core.domain import Conversation
from argus_core.ids import new_id
from tests.cli.conftest import Argus
from tests.support import mongod
from tests.support.account_builders import a_login
from tests.support.builders import ALICE, a_conversation, a_user

PICTURES = [b"a picture" * 100, b"another picture" * 50_000]


def _fill(place: str | Path) -> None:
    async def run() -> None:
        store = store_at(place)
        await store.open()
        await store.ensure_user(a_user())
        await store.create_login(a_login("carol"))
        await store.create_conversation(a_conversation("c", title="Moved"))
        await store.close()
        blobs = blobs_at(place)
        for picture in PICTURES:
            await blobs.put(picture)
        await blobs.close()

    asyncio.run(run())


def _read(place: str | Path) -> Conversation:
    async def run() -> Conversation:
        store = store_at(place)
        await store.open()
        try:
            assert await store.find_login("carol@example.org") == a_login("carol")
            return await store.get_conversation(ALICE, "c")
        finally:
            await store.close()

    return asyncio.run(run())


def _pictures(place: str | Path) -> list[bytes]:
    async def run() -> list[bytes]:
        blobs = blobs_at(place)
        found = [await blobs.get(digest) async for digest in blobs.digests()]
        await blobs.close()
        return found

    return sorted(asyncio.run(run()))


@pytest.fixture
def mongo(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a database that is gone at the end."""
    uri = mongod.with_database(mongod.replica_set_uri(), f"argus_{new_id()}")
    yield uri
    mongod.drop_database(uri)
    mongod.collect_left_open()


def test_a_folder_is_copied_into_a_folder_and_counted(argus: Argus, tmp_path: Path) -> None:
    _fill(tmp_path / "old")
    done = argus("migrate-store", "old", "new")
    assert done.code == 0, done.err
    assert "conversations\t1\n" in done.out
    assert "users\t2\n" in done.out
    assert "blobs\t2\n" in done.out
    assert _pictures(tmp_path / "new") == PICTURES
    assert _read(tmp_path / "new").title == "Moved"


@pytest.mark.slow
@pytest.mark.filterwarnings(mongod.LEFT_OPEN)
def test_a_folder_is_copied_into_mongodb_and_back(
    argus: Argus, tmp_path: Path, mongo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(tmp_path / "old")
    monkeypatch.setenv("MONGO_URI", mongo)
    there = argus("migrate-store", "old", "MONGO_URI", "--json")
    assert there.code == 0, there.err
    counts = json.loads(there.out)
    assert (counts["conversations"], counts["users"], counts["blobs"]) == (1, 2, 2)
    assert "checked blobs" in there.err
    monkeypatch.delenv("MONGO_URI")
    back = argus("migrate-store", mongo, "new")
    assert back.code == 0, back.err
    assert _read(tmp_path / "new") == _read(tmp_path / "old")
    assert _pictures(tmp_path / "new") == PICTURES
    assert argus("migrate-store", "old", mongo).code == 1


def test_a_target_that_is_not_empty_is_refused(argus: Argus, tmp_path: Path) -> None:
    _fill(tmp_path / "old")
    _fill(tmp_path / "new")
    refused = argus("migrate-store", "old", "new")
    assert refused.code == 1
    assert "The target is not empty" in refused.err


def test_a_picture_that_is_damaged_stops_the_copy_before_anything_is_in_the_target(
    argus: Argus, tmp_path: Path
) -> None:
    _fill(tmp_path / "old")
    digest = hashlib.sha256(PICTURES[0]).hexdigest()
    damaged = tmp_path / "old" / "blobs" / digest[:2] / digest
    damaged.write_bytes(b"damaged")
    refused = argus("migrate-store", "old", "new")
    assert refused.code == 6
    assert digest in refused.err
    damaged.unlink()
    assert argus("migrate-store", "old", "new").code == 0
    assert _pictures(tmp_path / "new") == PICTURES[1:]


def test_a_source_that_is_not_there_is_not_made(argus: Argus, tmp_path: Path) -> None:
    refused = argus("migrate-store", "nowhere", "new")
    assert refused.code == 2
    assert "There is no store" in refused.err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("place", ["http://host/argus", "postgres://host", "MONGO_URI"])
def test_what_is_no_store_is_refused(argus: Argus, tmp_path: Path, place: str) -> None:
    _fill(tmp_path / "old")
    assert argus("migrate-store", "old", place).code == 2


@pytest.mark.slow
@pytest.mark.filterwarnings(mongod.LEFT_OPEN)
def test_a_password_that_is_wrong_is_told_and_never_shown(
    argus: Argus, tmp_path: Path, mongo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(tmp_path / "old")
    monkeypatch.setenv("MONGO_URI", mongo.replace("://", "://alice:s3cr3t@"))
    for command in (["list"], ["migrate-store", "old", "MONGO_URI"]):
        refused = argus(*command)
        assert refused.code == 6
        assert "MONGO_URI" in refused.err
        assert "s3cr3t" not in refused.out + refused.err
    assert "s3cr3t" not in argus("doctor", "--json", "--offline").out


def test_an_address_that_is_none_stops_the_start(argus: Argus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONGO_URI", "host:27017/s3cr3t")
    refused = argus("list")
    assert refused.code == 7
    assert "mongodb://" in refused.err
    assert "s3cr3t" not in refused.err
