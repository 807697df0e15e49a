"""Pictures in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from argus_core.attachments import MAX_BYTES
from argus_core.domain import Attachment
from argus_core.server import API
from argus_core.server.asking import Asker, Bounded, Client, Context
from argus_core.server.bodies import PathId
from argus_core.server.openapi import content, one
from argus_core.server.replies import value

router = APIRouter(prefix=f"{API}/attachments", tags=["pictures"], route_class=Bounded)
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary", "maxLength": MAX_BYTES}}}
_ADDED = one(Attachment, status=201)
_ADDED["openapi_extra"] |= {"requestBody": {"required": True, "content": _BYTES}}


@router.post("", **_ADDED)
async def add(
    request: Request, name: Annotated[str, Query(max_length=1000)], context: Context, identity: Asker, client: Client
) -> Response:
    """Keep a picture: checked, turned upright, shrunk and encoded again."""
    async with context.uploads.received(identity.user.id, request.stream()) as data:
        return await value(await client.attachments.add(name, data), 201)


@router.get("/{id}/content", **content(("image/jpeg", "image/png", "image/webp"), "The stored picture"))
async def read(id: PathId, client: Client) -> Response:
    """Return the bytes of a picture of the user's."""
    attachment = await client.attachments.get(id)
    data = await client.attachments.read(attachment)
    extension = attachment.media_type.partition("/")[2]
    headers = {"Content-Disposition": f'attachment; filename="{attachment.id}.{extension}"'}
    return Response(data, media_type=attachment.media_type, headers=headers)
