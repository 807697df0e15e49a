"""What the storage contract needs to know of a driver: how to open one store twice, and how to break it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from argus_core.storage.base import Storage
from argus_core.storage.sqlite import SqliteStorage


class StoreDriver(ABC):
    """One empty store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def connect(self) -> Storage:
        """Return a new storage on the same store; not yet open."""

    @abstractmethod
    def ruin(self) -> None:
        """Make the closed store unusable, as a failing disk would."""


class SqliteDriver(StoreDriver):
    @property
    def path(self) -> Path:
        return self.folder / "argus.db"

    def connect(self) -> Storage:
        return SqliteStorage(self.path)

    def ruin(self) -> None:
        self.path.write_bytes(b"no database" * 1000)


DRIVERS: dict[str, type[StoreDriver]] = {"sqlite": SqliteDriver}
