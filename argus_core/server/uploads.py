"""Room for pictures that come in: on disk while they are received, in memory only while they are decoded."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import asynccontextmanager
from typing import IO
from weakref import WeakValueDictionary

from argus_core.attachments import MAX_BYTES
from argus_core.errors import AttachmentRejected, LimitReached

AT_A_TIME = 4
"""So many are in memory."""
OF_USER = 2
"""So many of one user are received; who sends slowly keeps only their own others waiting."""
MOST_WAITING = 16
"""So many more of one user may wait for that; the system holds a little of each."""
SMALL_BYTES = 256 << 10
"""What is no larger needs no file."""


class Uploads:
    """The places; who finds none waits, and nothing more of their picture is read meanwhile."""

    def __init__(self) -> None:
        self._waiting: Counter[str] = Counter()
        self._in_memory = asyncio.Semaphore(AT_A_TIME)
        self._of_users: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def received(self, user_id: str, pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
        """Receive a picture, counted while it comes, and hold it in memory until the end of the block.

        Raises:
            AttachmentRejected: It is larger than `MAX_BYTES`.
            LimitReached: Too many of this user wait for a place.
        """
        of_user = self._of_users.setdefault(user_id, asyncio.Semaphore(OF_USER))
        async with self._place(user_id, of_user):
            with tempfile.SpooledTemporaryFile(SMALL_BYTES) as file:
                size = 0
                async for piece in pieces:
                    size += len(piece)
                    if size > MAX_BYTES:
                        raise AttachmentRejected(f"It is larger than {MAX_BYTES >> 20} MB.")
                    await asyncio.to_thread(file.write, piece)
                async with self._in_memory:
                    yield await asyncio.to_thread(_whole, file)

    @asynccontextmanager
    async def _place(self, user_id: str, of_user: asyncio.Semaphore) -> AsyncGenerator[None, None]:
        if self._waiting[user_id] >= MOST_WAITING:
            raise LimitReached("Send one after the other.", title="Too many pictures at once", retry_after_s=5)
        self._waiting[user_id] += 1
        try:
            await of_user.acquire()
        finally:
            self._waiting -= Counter((user_id,))
        try:
            yield
        finally:
            of_user.release()


def _whole(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
