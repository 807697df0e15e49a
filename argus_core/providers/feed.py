"""A way for chunks from a thread, where a library blocks, to the event loop, where somebody waits for them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Generic, TypeVar

from argus_core.errors import ProviderError

T = TypeVar("T")


class Feed(Generic[T]):
    """One thread gives, one task takes. Made in the event loop."""

    def __init__(self) -> None:
        self.stopped = False
        """Nobody waits any more: the thread should come to an end."""
        self._loop = asyncio.get_running_loop()
        self._items: asyncio.Queue[T | ProviderError | None] = asyncio.Queue()

    def give(self, item: T) -> None:
        """Hand over one item; called in the thread."""
        self._put(item)

    def end(self, error: ProviderError | None = None) -> None:
        """Say that nothing more comes, or why; called in the thread."""
        self._put(error)

    async def take(self) -> T | None:
        """Return the next item, None at the end, or raise what the thread ended with."""
        item = await self._items.get()
        if isinstance(item, ProviderError):
            raise item
        return item

    def _put(self, item: T | ProviderError | None) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._items.put_nowait, item)
