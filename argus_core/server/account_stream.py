"""What changes in an account as frames: conversations, and who else is open on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from argus_core.client.base import ChatClient
from argus_core.server.streams import frame
from argus_core.wire import encode

_WAITING = 1
"""Frames that wait for a slow client; then what changes waits in the store."""


async def account_frames(client: ChatClient) -> AsyncGenerator[bytes, None]:
    """Yield a frame at each change, until closed."""
    waiting: asyncio.Queue[bytes | Exception] = asyncio.Queue(_WAITING)
    tasks = [asyncio.create_task(_pour(source, waiting)) for source in (_conversations(client), _watchers(client))]
    try:
        while True:
            came = await waiting.get()
            if isinstance(came, Exception):
                raise came
            yield came
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pour(source: AsyncIterator[bytes], waiting: asyncio.Queue[bytes | Exception]) -> None:
    try:
        async for data in source:
            await waiting.put(data)
    except Exception as error:  # noqa: BLE001 - raised where the stream is sent: a bug ends it and is told there
        await waiting.put(error)


async def _conversations(client: ChatClient) -> AsyncGenerator[bytes, None]:
    async with aclosing(client.conversations.changes()) as changes:
        async for conversation in changes:
            yield frame("conversation", encode(conversation))


async def _watchers(client: ChatClient) -> AsyncGenerator[bytes, None]:
    async with aclosing(client.account.watchers()) as stream:
        async for watchers in stream:
            yield frame("watchers", {"items": [encode(each) for each in watchers]})
