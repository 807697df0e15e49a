"""What only GridFS has: a server that refuses, hangs or is gone, and writes that stop half-way."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from argus_core.blobs.gridfs import GridFsBlobs
from argus_core.errors import ConfigError, NotFound, StorageError, StorageUnavailable
from argus_core.ids import new_id
from argus_core.storage.mongo import MongoStorage
from tests.support import mongod
from tests.support.builders import later
from tests.support.mongod import Mongod, with_database

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(mongod.LEFT_OPEN)]
DATA = bytes(range(256)) * 3000
DIGEST = hashlib.sha256(DATA).hexdigest()
Document = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Mongod]:
    """A server that this file may freeze and make fail."""
    started = Mongod(replica_set=True)
    started.start()
    yield started
    started.stop()
    mongod.collect_left_open()


@pytest.fixture
def uri(server: Mongod) -> str:
    return with_database(f"mongodb://127.0.0.1:{server.port}/?directConnection=true", f"argus_{new_id()}")


@pytest.fixture
async def blobs(uri: str) -> AsyncIterator[GridFsBlobs]:
    opened = GridFsBlobs(uri, timeout_s=2.0)
    yield opened
    await opened.close()


@pytest.fixture
async def raw(uri: str) -> AsyncIterator[AsyncMongoClient[Document]]:
    async with AsyncMongoClient[Document](uri, appname="test") as client:
        yield client


async def _kept(raw: AsyncMongoClient[Document]) -> dict[str, int]:
    bucket = raw.get_default_database().blobs
    return {name: await bucket[name].count_documents({}) for name in ("files", "chunks", "drafts")}


@pytest.mark.parametrize("writes", range(5))
async def test_a_put_that_stops_after_any_write_leaves_nothing_to_read_and_can_be_repeated(
    uri: str, blobs: GridFsBlobs, raw: AsyncMongoClient[Document], writes: int
) -> None:
    await blobs.put(b"another, so that the indexes are there")
    commands = ["insert", "update", "delete"]
    data = {"failCommands": commands, "errorCode": 8, "appName": "argus"}
    await raw.admin.command({"configureFailPoint": "failCommand", "mode": {"skip": writes}, "data": data})
    try:
        stopped = await _stopped(blobs.put(DATA))
    finally:
        await raw.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert stopped is (writes < 4)
    if writes < 3:  # the draft, the chunks, the document that names them
        with pytest.raises(NotFound):
            await blobs.get(DIGEST)
    else:
        assert await blobs.get(DIGEST) == DATA
    assert await blobs.put(DATA) == DIGEST
    assert await blobs.get(DIGEST) == DATA


async def _stopped(put: Any) -> bool:
    try:
        await put
    except StorageError:
        return True
    return False


async def test_what_a_process_that_died_left_is_removed_and_what_a_living_one_writes_stays(
    uri: str, raw: AsyncMongoClient[Document]
) -> None:
    bucket = raw.get_default_database().blobs
    dead, living, done = ObjectId(), ObjectId(), ObjectId()
    for file_id, started_at in ((dead, later(0)), (living, later(4e9)), (done, later(0))):
        await bucket.drafts.insert_one({"_id": file_id, "started_at": started_at})
        await bucket.chunks.insert_one({"files_id": file_id, "n": 0, "data": b"half"})
    await bucket.files.insert_one({"_id": done, "filename": "ab" * 32, "length": 4})
    opened = GridFsBlobs(uri)
    await opened.put(DATA)
    await opened.close()
    assert [each["_id"] for each in await bucket.drafts.find().to_list()] == [living]
    left = await bucket.chunks.distinct("files_id")
    assert dead not in left
    assert {living, done} <= set(left)


async def test_a_server_that_hangs_is_unavailable_and_who_is_cancelled_leaves_at_once(
    server: Mongod, blobs: GridFsBlobs
) -> None:
    await blobs.put(DATA)
    server.pause()
    try:
        reading = asyncio.create_task(blobs.get(DIGEST))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        with pytest.raises(StorageUnavailable):
            await blobs.get(DIGEST)
    finally:
        server.resume()
    assert await blobs.get(DIGEST) == DATA


async def test_who_leaves_while_bytes_are_written_leaves_them_whole_or_not_there(
    blobs: GridFsBlobs, raw: AsyncMongoClient[Document]
) -> None:
    await blobs.put(b"first")
    writing = asyncio.create_task(blobs.put(DATA))
    while not ((await _kept(raw))["drafts"] or writing.done()):
        pass
    writing.cancel()
    await asyncio.wait([writing])
    await blobs.close()
    assert (await _kept(raw))["drafts"] == 0
    assert (await _kept(raw))["files"] == 2


async def test_a_closed_store_and_a_bad_address_are_told(uri: str) -> None:
    blobs = GridFsBlobs(uri)
    await blobs.close()
    await blobs.close()
    with pytest.raises(StorageUnavailable):
        await blobs.get(DIGEST)
    with pytest.raises(ConfigError):
        await GridFsBlobs("mongodb://host/?nonsense=1").get(DIGEST)


async def test_pictures_and_conversations_share_a_database(uri: str, blobs: GridFsBlobs) -> None:
    storage = MongoStorage(uri)
    await storage.open()
    await blobs.put(DATA)
    await storage.close()
    again = MongoStorage(uri)
    await again.open()
    assert (await again.statistics())["conversations"] == 0
    await again.close()
