"""Blobs in MongoDB: GridFS files whose name is the digest, each there at once or not at all, verified when read."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from bson import ObjectId
from gridfs import AsyncGridFSBucket
from gridfs.errors import CorruptGridFile, FileExists, NoFile

from argus_core.blobs.base import is_digest
from argus_core.errors import NotFound, StorageError, StorageUnavailable
from argus_core.mongodb import Calls, connect, database_of, place_of

if TYPE_CHECKING:
    from argus_core.mongodb import Client, Database

P = ParamSpec("P")
T = TypeVar("T")

_BUCKET = "blobs"
_BATCH = 500
_STALE_MS = 3_600_000
"""A draft that old belongs to a process that died."""
_PUT_NOW = {"$currentDate": {"put_at": True}}
_GONE = "The stored file is gone."


class GridFsBlobs:
    """A `BlobStore` in the database of a MongoDB address; any number of processes may share it.

    A blob is the chunks of its bytes and then a document that names them: before that one it cannot be read. Until it
    is there a draft tells of the chunks, so that those of a process that died are found and removed.

    Args:
        uri: A connection string with the name of the database, `argus` if it names none.
        timeout_s: Seconds that one call to the server may take with all its retries.
    """

    def __init__(self, uri: str, *, timeout_s: float = 10.0) -> None:
        self._uri = uri
        self._timeout_s = timeout_s
        self._calls = Calls(place_of(uri))
        self._client: Client | None = None
        self._closed = False
        self._setting_up = asyncio.Lock()
        self._ready = False

    async def put(self, data: bytes) -> str:
        """Store `data` durably and return its digest, 64 lower-case hex digits; repeating it is harmless.

        Raises:
            StorageError: The bytes could not be kept.
        """
        await self._prepare()
        digest = hashlib.sha256(data).hexdigest()
        if not await self._do(_holds, digest):
            await self._do(_write, digest, data)
        return digest

    async def get(self, digest: str) -> bytes:
        """Return the bytes.

        Raises:
            NotFound: There is no such blob, or `digest` is not a digest.
            StorageError: The bytes are not the ones that were stored.
        """
        if not is_digest(digest):
            raise NotFound("That is not the name of a stored file.")
        return await self._do(_read, digest)

    async def remove(self, digest: str, idle_s: float) -> bool:
        """Remove the bytes unless they were put in the last `idle_s` seconds; return whether none are kept now.

        Raises:
            StorageError: They could not be removed.
        """
        return not is_digest(digest) or await self._do(_remove, digest, idle_s)

    async def digests(self) -> AsyncGenerator[str, None]:
        """Yield the names of all blobs, sorted.

        Raises:
            StorageError: They cannot be listed.
        """
        last = ""
        while names := await self._do(_names_after, last):
            for name in names:
                if is_digest(name):
                    yield name
            last = names[-1]

    async def close(self) -> None:
        """Let go of everything; calling it twice is harmless."""
        self._closed = True
        await self._calls.wait()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _do(self, job: Callable[Concatenate[Database, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._closed:
            raise StorageUnavailable("The store is closed.")
        if self._client is None:
            self._client = connect(self._uri, self._timeout_s)
        return await self._calls.run(job(database_of(self._client), *args, **kwargs))

    async def _prepare(self) -> None:
        """Make the index and clear what a crash left, once per process."""
        async with self._setting_up:
            if not self._ready:
                await self._do(_set_up)
                self._ready = True


def _bucket(db: Database) -> AsyncGridFSBucket:
    return AsyncGridFSBucket(db, _BUCKET)


async def _set_up(db: Database) -> None:
    await db.blobs.files.create_index({"filename": 1}, name="digest", unique=True)
    old = {"$expr": {"$lt": ["$started_at", {"$subtract": ["$$NOW", _STALE_MS]}]}}
    async for draft in db.blobs.drafts.find(old):
        await _clear(db, draft["_id"])


async def _clear(db: Database, file_id: ObjectId) -> None:
    """Remove a draft, and its chunks unless they have become a blob."""
    if await db.blobs.files.find_one({"_id": file_id}, {"_id": 1}) is None:
        await db.blobs.chunks.delete_many({"files_id": file_id})
    await db.blobs.drafts.delete_one({"_id": file_id})


async def _write(db: Database, digest: str, data: bytes) -> None:
    file_id = ObjectId()
    await db.blobs.drafts.update_one({"_id": file_id}, {"$currentDate": {"started_at": True}}, upsert=True)
    with suppress(FileExists):  # another was quicker with the same bytes
        async with _bucket(db).open_upload_stream_with_id(file_id, digest) as file:
            await file.write(data)
    # A write after the other's on the same primary: when a majority has this one, it has the blob.
    await _clear(db, file_id)


async def _holds(db: Database, digest: str) -> bool:
    """Return whether the blob is there and whole, and mark it as put now; a damaged one is removed, to be rewritten."""
    found = await db.blobs.files.find_one_and_update({"filename": digest}, _PUT_NOW, projection={"_id": 1})
    if found is None:
        return False
    file_id: ObjectId = found["_id"]
    try:
        await _bytes_of(db, file_id, digest)
    except NotFound:
        return False
    except StorageError:
        with suppress(NoFile):  # another mends it as well
            await _bucket(db).delete(file_id)
        return False
    return True


async def _remove(db: Database, digest: str, idle_s: float) -> bool:
    """Remove the document, if nobody has put the blob meanwhile, and then its chunks, of which a draft tells."""
    idle = {"$lt": [{"$ifNull": ["$put_at", "$uploadDate"]}, {"$subtract": ["$$NOW", int(idle_s * 1000)]}]}
    file_id = await _find(db, digest)
    if file_id is None:
        return True
    await db.blobs.drafts.update_one({"_id": file_id}, {"$currentDate": {"started_at": True}}, upsert=True)
    await db.blobs.files.delete_one({"_id": file_id, "$expr": idle})
    await _clear(db, file_id)
    return await _find(db, digest) is None


async def _read(db: Database, digest: str) -> bytes:
    file_id = await _find(db, digest)
    if file_id is None:
        raise NotFound(_GONE)
    return await _bytes_of(db, file_id, digest)


async def _find(db: Database, digest: str) -> ObjectId | None:
    found = await db.blobs.files.find_one({"filename": digest}, {"_id": 1})
    return None if found is None else found["_id"]


async def _bytes_of(db: Database, file_id: ObjectId, digest: str) -> bytes:
    try:
        data: bytes = await (await _bucket(db).open_download_stream(file_id)).read()
    except NoFile as error:
        raise NotFound(_GONE) from error
    except CorruptGridFile as error:
        raise _damaged() from error
    if hashlib.sha256(data).hexdigest() != digest:
        raise _damaged()
    return data


def _damaged() -> StorageError:
    return StorageError("A stored file was damaged in the database; attach it again.")


async def _names_after(db: Database, last: str) -> list[str]:
    found = db.blobs.files.find({"filename": {"$gt": last}}, {"filename": 1}).sort({"filename": 1}).limit(_BATCH)
    return [each["filename"] async for each in found]
