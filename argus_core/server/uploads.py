"""Room for pictures that come in: on disk while they are received, in memory only while they are decoded."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from argus_core.attachments import MAX_BYTES
from argus_core.errors import AttachmentRejected

AT_A_TIME = 4
"""So many are in memory."""
OF_USER = 2
"""So many of one user are received; who sends slowly keeps only their own others waiting."""
SMALL_BYTES = 256 << 10
"""What is no larger needs no file."""


class Uploads:
    """The places; who finds none waits, and nothing more of their picture is read meanwhile."""

    def __init__(self) -> None:
        self._in_memory = asyncio.Semaphore(AT_A_TIME)
        self._of_users: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def received(self, user_id: str, pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
        """Receive a picture, counted while it comes, and hold it in memory until the end of the block.

        Raises:
            AttachmentRejected: It is larger than `MAX_BYTES`.
        """
        of_user = self._of_users.setdefault(user_id, asyncio.Semaphore(OF_USER))
        async with of_user:
            with tempfile.SpooledTemporaryFile(SMALL_BYTES) as file:
                size = 0
                async for piece in pieces:
                    size += len(piece)
                    if size > MAX_BYTES:
                        raise AttachmentRejected(f"It is larger than {MAX_BYTES >> 20} MB.")
                    file.write(piece)
                async with self._in_memory:
                    file.seek(0)
                    yield file.read()
