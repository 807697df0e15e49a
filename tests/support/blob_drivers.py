"""What the contract of blobs needs to know of a driver: how to open one store twice, and how to damage a blob."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from pymongo import MongoClient

from argus_core.blobs.files import FileBlobs
from argus_core.blobs.gridfs import GridFsBlobs
from argus_core.blobs.transfer import PortableBlobs
from argus_core.ids import new_id
from tests.support import mongod

AGE_S = 7200


class BlobDriver(ABC):
    """One empty store of blobs."""

    slow: ClassVar[bool] = False
    """It starts a real server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def connect(self) -> PortableBlobs:
        """Return a new object on the same store."""

    @abstractmethod
    def damage(self, digest: str, data: bytes) -> None:
        """Put other bytes in the place of a blob, as a failing disk would."""

    @abstractmethod
    def age(self) -> None:
        """Let all that is kept have been put two hours ago."""

    @abstractmethod
    def count(self) -> int:
        """Return how many blobs are kept, whole or half."""

    def discard(self) -> None:  # noqa: B027 - a folder is removed by itself
        """Remove what the test has left outside its folder."""


class FileBlobDriver(BlobDriver):
    def connect(self) -> PortableBlobs:
        return FileBlobs(self.folder / "blobs")

    def damage(self, digest: str, data: bytes) -> None:
        (self.folder / "blobs" / digest[:2] / digest).write_bytes(data)

    def age(self) -> None:
        for path in self.folder.rglob("*"):
            if path.is_file():
                then = path.stat().st_mtime - AGE_S
                os.utime(path, (then, then))

    def count(self) -> int:
        return sum(path.is_file() for path in self.folder.rglob("*"))


class GridFsBlobDriver(BlobDriver):
    """A database of its own on the replica set of the test run."""

    slow = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.uri = mongod.with_database(mongod.replica_set_uri(), f"argus_{new_id()}")

    def connect(self) -> PortableBlobs:
        return GridFsBlobs(self.uri)

    def damage(self, digest: str, data: bytes) -> None:
        with MongoClient[dict[str, Any]](self.uri) as client:
            bucket = client.get_default_database().blobs
            found = bucket.files.find_one({"filename": digest})
            assert found is not None
            changed = bucket.chunks.update_one({"files_id": found["_id"], "n": 0}, {"$set": {"data": data}})
            assert changed.matched_count == 1

    def age(self) -> None:
        with MongoClient[dict[str, Any]](self.uri) as client:
            put_at = {"$subtract": ["$$NOW", AGE_S * 1000]}
            client.get_default_database().blobs.files.update_many({}, [{"$set": {"put_at": put_at}}])

    def count(self) -> int:
        with MongoClient[dict[str, Any]](self.uri) as client:
            bucket = client.get_default_database().blobs
            return max(bucket.files.count_documents({}), len(bucket.chunks.distinct("files_id")))

    def discard(self) -> None:
        mongod.drop_database(self.uri)
        mongod.collect_left_open()


BLOB_DRIVERS: dict[str, type[BlobDriver]] = {"files": FileBlobDriver, "gridfs": GridFsBlobDriver}
