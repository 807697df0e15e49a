"""The answer to a question: its turn, and for whoever takes a stream the events of the answer behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from argus_core.domain import Turn
from argus_core.errors import LimitReached
from argus_core.server.answer_stream import answer_frames
from argus_core.server.asking import Asker, Client, Context
from argus_core.server.openapi import EVENT_STREAM
from argus_core.server.rates import with_rates
from argus_core.server.replies import value
from argus_core.server.streams import frame
from argus_core.wire import encode


async def _started(
    request: Request, context: Context, identity: Asker, client: Client
) -> Callable[[Turn], Awaitable[Response]]:
    async def answer(turn: Turn) -> Response:
        if EVENT_STREAM in request.headers.get("accept", ""):
            reading = await client.generations.reading(turn.generation.id, 0)
            first = frame("turn", encode(turn))
            try:
                return context.streams.open(
                    identity, lambda push: answer_frames(reading, context.frames, push, first=first), status=201
                )
            except LimitReached:
                pass  # it is asked for when one of the others has ended
        return await with_rates(await value(turn, 201), client)

    return answer


Started = Annotated[Callable[[Turn], Awaitable[Response]], Depends(_started)]
"""Answers with a turn that has begun."""
