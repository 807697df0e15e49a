"""What changes in an account as frames: conversations, and who else is open on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from argus_core.client.base import ChatClient
from argus_core.server.streams import frame
from argus_core.wire import encode

_WAITING = 32
"""Frames that wait for a slow client; then what changes waits in the store."""


async def account_frames(client: ChatClient) -> AsyncGenerator[bytes, None]:
    """Yield a frame at each change, until closed."""
    waiting: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
    sources = (_conversations(client), _watchers(client))
    tasks = [asyncio.create_task(_pour(source, waiting)) for source in sources]
    try:
        while True:
            getting = asyncio.ensure_future(waiting.get())
            done, _ = await asyncio.wait((getting, *tasks), return_when=asyncio.FIRST_COMPLETED)
            if getting not in done:
                getting.cancel()
                for task in done:
                    task.result()  # what went wrong, if something did
                return
            yield getting.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pour(source: AsyncIterator[bytes], waiting: asyncio.Queue[bytes]) -> None:
    async for data in source:
        await waiting.put(data)


async def _conversations(client: ChatClient) -> AsyncGenerator[bytes, None]:
    async with aclosing(client.conversations.changes()) as changes:
        async for conversation in changes:
            yield frame("conversation", encode(conversation))


async def _watchers(client: ChatClient) -> AsyncGenerator[bytes, None]:
    async with aclosing(client.account.watchers()) as stream:
        async for watchers in stream:
            yield frame("watchers", {"items": [encode(each) for each in watchers]})
