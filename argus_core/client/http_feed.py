"""What is poured into a queue and read as an async generator that counts from the call that made it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from types import TracebackType
from typing import Any, TypeVar

from argus_core.errors import ArgusError

T = TypeVar("T")


class Feed(AsyncGenerator[T, None]):
    """Values that wait until they are read; of those with the same key only the newest waits.

    A plain generator would begin at its first reading: what came between the call and that would be lost, and closing
    one that was never read would end nothing.

    Args:
        leave: Called once, when nobody reads any more.
    """

    def __init__(self, leave: Callable[[Feed[T]], None]) -> None:
        self._leave: Callable[[Feed[T]], None] | None = leave
        self._waiting: dict[str, T] = {}
        self._bell = asyncio.Event()
        self._error: ArgusError | None = None
        self._is_over = False

    def put(self, key: str, value: T) -> None:
        """Let `value` be read, instead of an older one under `key` that still waits."""
        self._waiting.pop(key, None)
        self._waiting[key] = value
        self._bell.set()

    def end(self, error: ArgusError | None = None) -> None:
        """Nothing more will come; `error` says why, if that is not as it should be."""
        self._is_over, self._error = True, error
        self._bell.set()

    async def asend(self, value: None) -> T:
        """Return the next value."""
        while not self._waiting:
            if self._is_over:
                error, self._error = self._error, None
                self._close()
                raise error or StopAsyncIteration
            self._bell.clear()
            await self._bell.wait()
        return self._waiting.pop(next(iter(self._waiting)))

    async def athrow(self, typ: Any, val: Any = None, tb: TracebackType | None = None) -> T:
        """Close it and raise what is thrown in."""
        self._close()
        raise val if val is not None else typ

    async def aclose(self) -> None:
        """Close it."""
        self._close()

    def _close(self) -> None:
        leave, self._leave = self._leave, None
        self._is_over = True
        self._waiting.clear()
        self._bell.set()
        if leave is not None:
            leave(self)
