"""The events of one answer as frames."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from argus_core.events import LoggedEvent
from argus_core.server.streams import frame
from argus_core.wire import encode

_TOGETHER = 64
"""Events that are sent as one piece when they lie ready: to send each alone costs more than to make it."""


async def answer_frames(batches: AsyncGenerator[list[LoggedEvent], None]) -> AsyncGenerator[bytes, None]:
    """Yield the frames of events, those that are there together; the id is the number."""
    async with aclosing(batches):
        async for batch in batches:
            for at in range(0, len(batch), _TOGETHER):
                yield b"".join(map(_frame, batch[at : at + _TOGETHER]))


def _frame(logged: LoggedEvent) -> bytes:
    event = encode(logged.event)
    return frame(event["type"], event, logged.n)
