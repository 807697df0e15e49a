"""Copies all blobs of one store into another, and checks by their digests that they arrived."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from argus_core.blobs.base import BlobStore
from argus_core.errors import NotFound, StorageError, StorageUnavailable


class PortableBlobs(BlobStore, Protocol):
    """A blob store that can be read out whole."""

    def digests(self) -> AsyncIterator[str]:
        """Yield the names of all blobs, sorted; of those that come meanwhile some may be left out.

        Raises:
            StorageError: They cannot be listed.
        """


Progress = Callable[[str, int], None]
"""Told after each blob: what is done (`copied` or `checked`), how many so far."""


async def copy_blobs(source: PortableBlobs, target: BlobStore, progress: Progress) -> int:
    """Copy every blob and return how many there are; what the target has already stays, so it can be repeated.

    Raises:
        StorageError: A blob of the source is damaged, or one did not arrive.
    """
    copied = 0
    async for digest in source.digests():
        await target.put(await _whole(source, digest))
        copied += 1
        progress("copied", copied)
    checked = 0
    async for digest in source.digests():
        await _arrived(target, digest)
        checked += 1
        progress("checked", checked)
    return copied


async def _whole(source: BlobStore, digest: str) -> bytes:
    try:
        return await source.get(digest)
    except StorageUnavailable:
        raise
    except StorageError as error:
        hint = f"{error.hint} It is {digest}: take it away from where it is kept, or put a backup in its place."
        raise StorageError(hint, title="A stored file cannot be copied") from error


async def _arrived(target: BlobStore, digest: str) -> None:
    try:
        await target.get(digest)
    except NotFound as error:
        raise StorageError(f"The stored file {digest} did not arrive; try again.") from error
