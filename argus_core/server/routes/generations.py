"""Answers being written, and their events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from argus_core.domain import Generation
from argus_core.errors import InvalidInput
from argus_core.server import API
from argus_core.server.answer_stream import answer_frames
from argus_core.server.asking import Asker, Bounded, Client, Context
from argus_core.server.bodies import PathId
from argus_core.server.openapi import content, many, nothing, one
from argus_core.server.replies import nothing as done
from argus_core.server.replies import value, values

router = APIRouter(prefix=f"{API}/generations", tags=["answers"], route_class=Bounded)
_MOST = 2**31


@router.get("", **many(Generation))
async def running(client: Client) -> Response:
    """List the user's running answers, oldest first."""
    return await values(await client.generations.running())


@router.get("/{id}", **one(Generation, errors=(404,)))
async def get(id: PathId, client: Client) -> Response:
    """Return one."""
    return await value(await client.generations.get(id))


@router.post("/{id}/cancel", **nothing(errors=(404,)))
async def cancel(id: PathId, client: Client) -> Response:
    """Stop it, wherever it runs; what had come is kept."""
    await client.generations.cancel(id)
    return done()


@router.get("/{id}/events", **content(("text/event-stream",), "The events of the answer, until it ends"))
async def events(
    id: PathId,
    context: Context,
    identity: Asker,
    client: Client,
    after: Annotated[int, Query(ge=0, le=_MOST)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Stream the events after number `after`, or after `Last-Event-ID`: first those that are there, then live."""
    # Who may not read it is told here, before a stream begins.
    reading = await client.generations.reading(id, _number(last_event_id, after))
    return context.streams.open(identity, lambda push: answer_frames(reading, context.frames, push))


def _number(last_event_id: str | None, after: int) -> int:
    if not last_event_id:
        return after
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 10):
        raise InvalidInput("`Last-Event-ID` is the number of an event.")
    return min(int(last_event_id), _MOST)
