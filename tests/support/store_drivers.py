"""What the storage contract needs to know of a driver: how to open one store twice, and how to break it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from argus_core.ids import new_id
from argus_core.storage.mongo import MongoStorage
from argus_core.storage.sqlite import SqliteStorage
from argus_core.storage.transfer import PortableStorage
from tests.support import mongod


class StoreDriver(ABC):
    """One empty store."""

    slow: ClassVar[bool] = False
    """It starts a real server: `make check` leaves it out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def connect(self) -> PortableStorage:
        """Return a new storage on the same store; not yet open."""

    @abstractmethod
    def ruin(self) -> None:
        """Make the closed store unusable, as a failing disk would."""

    def discard(self) -> None:  # noqa: B027 - a folder is removed by itself
        """Remove what the test has left outside its folder."""


class SqliteDriver(StoreDriver):
    @property
    def path(self) -> Path:
        return self.folder / "argus.db"

    def connect(self) -> PortableStorage:
        return SqliteStorage(self.path)

    def ruin(self) -> None:
        self.path.write_bytes(b"no database" * 1000)


class MongoDriver(StoreDriver):
    """A database of its own on the replica set of the test run."""

    slow = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.uri = mongod.with_database(self.server_uri(), f"argus_{new_id()}")

    def server_uri(self) -> str:
        return mongod.replica_set_uri()

    def connect(self) -> PortableStorage:
        return MongoStorage(self.uri)

    def ruin(self) -> None:
        mongod.write_nonsense(self.uri)

    def discard(self) -> None:
        mongod.drop_database(self.uri)
        mongod.collect_left_open()


class StandaloneMongoDriver(MongoDriver):
    """The same on a server without change streams and retried writes."""

    def server_uri(self) -> str:
        return mongod.standalone_uri()


DRIVERS: dict[str, type[StoreDriver]] = {
    "mongo": MongoDriver,
    "mongo-standalone": StandaloneMongoDriver,
    "sqlite": SqliteDriver,
}
