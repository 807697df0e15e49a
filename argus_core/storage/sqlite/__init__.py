"""The embedded storage: one SQLite file, one writer, reads that do not wait for the disk.

Rules that carry it: write-ahead logging with `synchronous = FULL`, so a write that returned survives a power cut;
every write takes the lock first (`BEGIN IMMEDIATE`), so two processes never lose each other's work; times are whole
milliseconds; a change number per conversation tells every process what to look at again.
"""

from argus_core.storage.sqlite.driver import SqliteStorage
from argus_core.storage.sqlite.files import MEMORY

__all__ = ["MEMORY", "SqliteStorage"]
