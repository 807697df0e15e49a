"""How long one bears with a storage that is away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from argus_core.errors import StorageUnavailable

T = TypeVar("T")

RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0)


def pause_s(tries: int) -> float:
    """Return how long to wait after so many tries that failed before."""
    return RETRY_S[min(tries, len(RETRY_S) - 1)]


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Return what `call` returns; while the storage is away, call again, for some four seconds at most."""
    for retry_s in RETRY_S:
        try:
            return await call()
        except StorageUnavailable:
            await asyncio.sleep(retry_s)
    return await call()
