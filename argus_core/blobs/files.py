"""Blobs as files: `<folder>/ab/abcd…`, named by digest, written once, verified when read."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import time
from collections.abc import AsyncGenerator
from pathlib import Path

from argus_core.blobs.base import is_digest
from argus_core.disk import sync_folder, write_durably
from argus_core.errors import NotFound, StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_STALE_S = 3600.0
"""A half-written file that old belongs to a process that died."""


class FileBlobs:
    """A `BlobStore` in a folder of its own, which is made, with 0700, at the first `put`.

    Several processes may use one folder: whoever comes second finds the same bytes or puts the same bytes again.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drafts = folder / "drafts"
        self._ready = False

    async def put(self, data: bytes) -> str:
        """Store `data` durably and return its digest, 64 lower-case hex digits; repeating it is harmless.

        Raises:
            StorageError: The bytes could not be kept.
        """
        return await asyncio.to_thread(self._put, data)

    async def get(self, digest: str) -> bytes:
        """Return the bytes.

        Raises:
            NotFound: There is no such blob, or `digest` is not a digest.
            StorageError: The bytes on disk are not the ones that were stored.
        """
        if not is_digest(digest):
            raise NotFound("That is not the name of a stored file.")
        return await asyncio.to_thread(self._get, digest)

    async def remove(self, digest: str, idle_s: float) -> bool:
        """Remove the bytes unless they were put in the last `idle_s` seconds; return whether none are kept now.

        Raises:
            StorageError: They could not be removed.
        """
        return not is_digest(digest) or await asyncio.to_thread(self._remove, digest, idle_s)

    async def digests(self) -> AsyncGenerator[str, None]:
        """Yield the names of all blobs, sorted.

        Raises:
            StorageError: A folder cannot be read.
        """
        for shelf in await asyncio.to_thread(_names, self._folder):
            if len(shelf) == 2:
                for name in await asyncio.to_thread(_names, self._folder / shelf):
                    if is_digest(name) and name.startswith(shelf):
                        yield name

    async def close(self) -> None:
        """Let go of nothing: no file stays open between calls."""

    def _put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        try:
            self._prepare()
            if _holds(path, data):
                sync_folder(path.parent)  # whoever wrote it may not be as far
            else:
                path.parent.mkdir(mode=0o700, exist_ok=True)
                write_durably(path, data, scratch=self._drafts)
            sync_folder(self._folder)
        except OSError as error:
            raise _not_kept(error) from error
        return digest

    def _remove(self, digest: str, idle_s: float) -> bool:
        """Take the file aside first: from then on nobody can say of it that they have just put it."""
        path = self._path(digest)
        aside = self._drafts / f"{digest}.removed"
        try:
            if time.time() - path.stat().st_mtime < idle_s:
                return False
            self._prepare()
            path.replace(aside)
            if time.time() - aside.stat().st_mtime < idle_s:  # it was put between the two looks
                aside.replace(path)
                return False
            aside.unlink()
            sync_folder(path.parent)
        except FileNotFoundError:
            return True  # gone already, or another process takes it
        except OSError as error:
            raise StorageError(f"A stored file cannot be removed: {error.strerror}.") from error
        return True

    def _get(self, digest: str) -> bytes:
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound("The stored file is gone.") from error
        except OSError as error:
            raise StorageError(f"A stored file cannot be read: {error.strerror}.") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise StorageError("A stored file was damaged on the disk; attach it again.")
        return data

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest

    def _prepare(self) -> None:
        """Make the folders and clear what a crash left, once per process."""
        if self._ready:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._drafts.mkdir(mode=0o700, exist_ok=True)
        sync_folder(self._folder.parent)
        now = time.time()
        for draft in self._drafts.iterdir():
            try:
                if now - draft.stat().st_mtime > _STALE_S:
                    draft.unlink()
            except FileNotFoundError:
                continue  # its writer has just finished
        self._ready = True


def _names(folder: Path) -> list[str]:
    """Return what is in a folder, sorted; nothing is in one that is not there."""
    try:
        return sorted(each.name for each in folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError(f"The stored files cannot be listed: {error.strerror}.") from error


def _holds(path: Path, data: bytes) -> bool:
    """Say whether the file is there and whole, and mark it as put now; a damaged one is written again."""
    try:
        os.utime(path)  # first: whoever is about to remove it sees that, or has taken it away before
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _not_kept(error: OSError) -> StorageError:
    if error.errno in _FULL:
        return StorageError("The disk is full: free some space and attach it again.")
    return StorageError(f"The file could not be kept: {error.strerror or os.strerror(error.errno or 0)}.")
