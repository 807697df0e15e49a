"""Every store of blobs: durable, kept once, verified, never led astray by a name, and copied into each other."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from argus_core.blobs.transfer import PortableBlobs, copy_blobs
from argus_core.errors import NotFound, StorageError
from tests.support.blob_drivers import BLOB_DRIVERS, BlobDriver
from tests.support.mongod import LEFT_OPEN

DATA = b"a picture" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()
LARGE = bytes(range(256)) * 3000
"""More than one chunk of GridFS."""
PAIRS = (("files", "files"), ("files", "gridfs"), ("gridfs", "files"))


def _marks(*names: str) -> list[pytest.MarkDecorator]:
    server = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]
    return server if any(BLOB_DRIVERS[name].slow for name in names) else []


@pytest.fixture(params=[pytest.param(name, marks=_marks(name)) for name in sorted(BLOB_DRIVERS)])
def driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobDriver]:
    made = BLOB_DRIVERS[request.param](tmp_path)
    yield made
    made.discard()


@pytest.fixture
async def blobs(driver: BlobDriver) -> AsyncIterator[PortableBlobs]:
    opened = driver.connect()
    yield opened
    await opened.close()


@pytest.fixture
async def other_blobs(driver: BlobDriver) -> AsyncIterator[PortableBlobs]:
    """The same store, as another process has it."""
    opened = driver.connect()
    yield opened
    await opened.close()


async def _names(blobs: PortableBlobs) -> list[str]:
    return [digest async for digest in blobs.digests()]


@pytest.mark.parametrize("data", [DATA, b"", LARGE], ids=["some", "none", "many"])
async def test_bytes_come_back_under_their_digest_also_after_reopening(
    driver: BlobDriver, blobs: PortableBlobs, data: bytes
) -> None:
    digest = hashlib.sha256(data).hexdigest()
    assert await blobs.put(data) == digest
    assert await blobs.get(digest) == data
    await blobs.close()
    again = driver.connect()
    assert await again.get(digest) == data
    await again.close()


async def test_same_bytes_are_kept_once_also_when_put_at_the_same_time(
    driver: BlobDriver, blobs: PortableBlobs, other_blobs: PortableBlobs
) -> None:
    digests = await asyncio.gather(*(each.put(LARGE) for each in (blobs, other_blobs) for _ in range(5)))
    assert set(digests) == {hashlib.sha256(LARGE).hexdigest()}
    assert driver.count() == 1
    assert await blobs.get(digests[0]) == LARGE


async def test_removed_bytes_are_gone_and_can_be_put_again(
    driver: BlobDriver, blobs: PortableBlobs, other_blobs: PortableBlobs
) -> None:
    digest, other = await blobs.put(LARGE), await blobs.put(DATA)
    assert await blobs.remove(digest, 0)
    assert await other_blobs.remove(digest, 0)
    with pytest.raises(NotFound):
        await other_blobs.get(digest)
    assert await blobs.get(other) == DATA
    assert driver.count() == 1
    assert await blobs.put(LARGE) == digest
    assert await other_blobs.get(digest) == LARGE


async def test_bytes_that_were_put_lately_stay(
    driver: BlobDriver, blobs: PortableBlobs, other_blobs: PortableBlobs
) -> None:
    digest = await blobs.put(DATA)
    assert not await other_blobs.remove(digest, 3600)
    driver.age()
    await other_blobs.put(DATA)  # they are there already, and somebody wants them all the same
    assert not await blobs.remove(digest, 3600)
    assert await blobs.get(digest) == DATA
    driver.age()
    assert await blobs.remove(digest, 3600)


async def test_putting_and_removing_at_the_same_time_never_loses_what_was_put(
    driver: BlobDriver, blobs: PortableBlobs, other_blobs: PortableBlobs
) -> None:
    for _ in range(20):
        digest, _removed = await asyncio.gather(blobs.put(DATA), other_blobs.remove(DIGEST, 3600))
        assert await blobs.get(digest) == DATA
        driver.age()


@pytest.mark.parametrize("digest", ["", "../" + DIGEST, DIGEST.upper()])
async def test_nothing_is_removed_by_a_false_name(blobs: PortableBlobs, digest: str) -> None:
    await blobs.put(DATA)
    assert await blobs.remove(digest, 0)
    assert await blobs.get(DIGEST) == DATA


@pytest.mark.parametrize(
    "digest",
    ["", "ab", DIGEST.upper(), "../" + DIGEST, DIGEST + "/..", "/etc/passwd", DIGEST + "\n", "\0" * 64, "g" * 64],
)
async def test_what_is_not_a_digest_names_nothing(blobs: PortableBlobs, digest: str) -> None:
    with pytest.raises(NotFound):
        await blobs.get(digest)


async def test_an_unknown_digest_is_not_found_and_an_empty_store_lists_nothing(blobs: PortableBlobs) -> None:
    with pytest.raises(NotFound):
        await blobs.get(DIGEST)
    assert await _names(blobs) == []


@pytest.mark.parametrize("damage", [b"", DATA[:-1], DATA[:-1] + b"!", DATA + b"!"])
async def test_damage_is_seen_and_mended_by_the_next_put(
    driver: BlobDriver, blobs: PortableBlobs, damage: bytes
) -> None:
    await blobs.put(DATA)
    driver.damage(DIGEST, damage)
    with pytest.raises(StorageError, match="damaged"):
        await blobs.get(DIGEST)
    assert await blobs.put(DATA) == DIGEST
    assert await blobs.get(DIGEST) == DATA
    assert driver.count() == 1


async def test_all_names_are_listed_in_order(blobs: PortableBlobs) -> None:
    expected = [await blobs.put(f"picture {number}".encode()) for number in range(12)]
    assert await _names(blobs) == sorted(expected)


@pytest.fixture(params=[pytest.param(pair, marks=_marks(*pair), id=" to ".join(pair)) for pair in PAIRS])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[BlobDriver]]:
    made = [BLOB_DRIVERS[name](tmp_path / place) for name, place in zip(request.param, ("from", "to"), strict=True)]
    yield made
    for each in made:
        each.discard()


async def test_every_blob_is_copied_and_checked_and_copying_can_be_repeated(pair: list[BlobDriver]) -> None:
    source, target = (each.connect() for each in pair)
    data = [DATA, b"", LARGE]
    digests = sorted([await source.put(each) for each in data])
    told: list[tuple[str, int]] = []
    for _ in range(2):
        told.clear()
        assert await copy_blobs(source, target, lambda done, count: told.append((done, count))) == 3
    assert told == [("copied", 1), ("copied", 2), ("copied", 3), ("checked", 1), ("checked", 2), ("checked", 3)]
    assert await _names(target) == digests
    assert await target.get(hashlib.sha256(LARGE).hexdigest()) == LARGE
    await source.close()
    await target.close()


async def test_a_damaged_blob_stops_the_copy_and_is_named(pair: list[BlobDriver]) -> None:
    source, target = (each.connect() for each in pair)
    await source.put(DATA)
    pair[0].damage(DIGEST, DATA[:-1])
    with pytest.raises(StorageError, match=DIGEST):
        await copy_blobs(source, target, lambda *_: None)
    assert await _names(target) == []
    await source.close()
    await target.close()
