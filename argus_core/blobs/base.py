"""What every blob store promises."""

from __future__ import annotations

from typing import Protocol


class BlobStore(Protocol):
    """Bytes by their SHA-256; the same bytes are kept once."""

    async def put(self, data: bytes) -> str:
        """Store `data` durably and return its digest, 64 lower-case hex digits; repeating it is harmless.

        Raises:
            StorageError: The bytes could not be kept.
        """

    async def get(self, digest: str) -> bytes:
        """Return the bytes.

        Raises:
            NotFound: There is no such blob, or `digest` is not a digest.
            StorageError: The bytes on disk are not the ones that were stored.
        """

    async def close(self) -> None:
        """Let go of everything."""
