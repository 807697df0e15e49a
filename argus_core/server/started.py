"""The answer to a question: its turn, and for whoever takes a stream the events of the answer behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from argus_core.client.local import LocalClient
from argus_core.domain import Turn
from argus_core.errors import LimitReached
from argus_core.server.answer_stream import answer_frames
from argus_core.server.asking import Asker, Context
from argus_core.server.openapi import EVENT_STREAM
from argus_core.server.rates import with_rates
from argus_core.server.replies import value
from argus_core.server.streams import frame
from argus_core.wire import encode


async def _started(request: Request, context: Context, identity: Asker) -> Callable[..., Awaitable[Response]]:
    async def answer(turn: Turn, client: LocalClient) -> Response:
        if EVENT_STREAM not in request.headers.get("accept", ""):
            return await with_rates(value(turn, 201), client)
        batches = await client.generations.batches(turn.generation.id, 0)
        try:
            stream = context.streams.open(identity, answer_frames(batches, first=frame("turn", encode(turn))))
        except LimitReached:
            await batches.aclose()
            return await with_rates(value(turn, 201), client)  # it is read later
        return stream

    return answer


Started = Annotated[Callable[[Turn, LocalClient], Awaitable[Response]], Depends(_started)]
