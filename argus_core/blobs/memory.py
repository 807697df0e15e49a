"""Blobs that nothing is left of: for a question that is asked unsaved."""

from __future__ import annotations

import hashlib

from argus_core.errors import NotFound


class MemoryBlobs:
    """A `BlobStore` in this process."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    async def put(self, data: bytes) -> str:
        """Keep `data` and return its digest, 64 lower-case hex digits."""
        digest = hashlib.sha256(data).hexdigest()
        self._kept[digest] = data
        return digest

    async def get(self, digest: str) -> bytes:
        """Return the bytes, or raise `NotFound`."""
        try:
            return self._kept[digest]
        except KeyError:
            raise NotFound("The stored file is gone.") from None

    async def remove(self, digest: str, idle_s: float) -> bool:
        """Remove nothing: all of it goes with this process."""
        return False

    async def close(self) -> None:
        """Let go of them all."""
        self._kept.clear()
