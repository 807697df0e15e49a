"""What every blob store promises."""

from __future__ import annotations

import re
from typing import Protocol

_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(name: str) -> bool:
    """Return whether a name is that of a blob: a SHA-256 in 64 lower-case hex digits."""
    return _DIGEST.fullmatch(name) is not None


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
            StorageError: The bytes are not the ones that were stored.
        """

    async def remove(self, digest: str, idle_s: float) -> bool:
        """Remove the bytes unless they were put in the last `idle_s` seconds; return whether none are kept now.

        Whoever puts them meanwhile either keeps them or stores them anew.

        Raises:
            StorageError: They could not be removed.
        """

    async def close(self) -> None:
        """Let go of everything."""
