"""What `argus doctor` prints of the server."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from argus_core.server import API
from argus_core.server.asking import Asker, Bounded, Client, Context
from argus_core.server.openapi import answers
from argus_core.server.replies import Json

router = APIRouter(prefix=API, tags=["diagnosis"], route_class=Bounded)


@router.get("/diagnosis", **answers({"type": "object", "additionalProperties": {"type": "string"}}))
async def diagnose(client: Client, identity: Asker, context: Context) -> Response:
    """Say what the server is; what its store is, to admins only."""
    facts = {"server": f"Argus {context.version}"}
    if identity.user.role == "admin":
        facts |= await client.diagnose()
    return Json(facts)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return Json(request.app.openapi())
