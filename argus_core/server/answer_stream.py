"""The events of one answer as frames."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from argus_core.client.base import ChatClient
from argus_core.server.streams import frame
from argus_core.wire import encode


async def answer_frames(client: ChatClient, generation_id: str, after: int) -> AsyncGenerator[bytes, None]:
    """Yield a frame for each event after number `after`; its id is the event's number."""
    async with aclosing(client.generations.events(generation_id, after=after)) as stream:
        async for logged in stream:
            event = encode(logged.event)
            yield frame(event["type"], event, logged.n)
