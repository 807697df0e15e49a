"""What was said, and finding it again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from argus_core.domain import Message, SearchHit
from argus_core.server import API
from argus_core.server.asking import Bounded, Client, Dear
from argus_core.server.bodies import Limit, PathId
from argus_core.server.openapi import many, one
from argus_core.server.replies import json, value, values

router = APIRouter(prefix=API, tags=["messages"], route_class=Bounded)


@router.get("/messages/{id}", dependencies=[Dear], **one(Message, errors=(404,)))
async def get(id: PathId, client: Client) -> Response:
    """Return one."""
    return await value(await client.messages.get(id))


@router.get("/messages/{id}/path", dependencies=[Dear], **many(Message, errors=(404,)))
async def path(id: PathId, client: Client, limit: Limit = 50) -> Response:
    """Return the messages that lead to one, oldest first."""
    return await values(await client.messages.path(id, limit=limit))


@router.get("/prompts", dependencies=[Dear], **many(str))
async def prompts(client: Client, limit: Limit = 100) -> Response:
    """Return what the user asked last, newest first."""
    return await json({"items": list(await client.messages.prompts(limit=limit))})


@router.get("/search", dependencies=[Dear], **many(SearchHit))
async def search(client: Client, q: Annotated[str, Query(max_length=500)], limit: Limit = 20) -> Response:
    """Return messages that hold every word, best first."""
    return await values(await client.search.messages(q, limit=limit))
