"""Who can answer."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from argus_core.domain import ModelInfo, Readiness
from argus_core.errors import PermissionDenied
from argus_core.server import API
from argus_core.server.asking import Asker, Bounded, Client, Context
from argus_core.server.bodies import DefaultModel, Key
from argus_core.server.openapi import answers, fields, many, nothing, one
from argus_core.server.replies import Json, value, values
from argus_core.server.replies import nothing as done

router = APIRouter(prefix=f"{API}/models", tags=["models"], route_class=Bounded)
_TEXT = {"type": "string"}


@router.get("", **many(ModelInfo, errors=(502,)))
async def list_all(client: Client) -> Response:
    """List every model of every provider that is set up."""
    return await values(await client.models.list())


@router.get("/readiness", **one(Readiness))
async def readiness(client: Client) -> Response:
    """Say whether and by which model a question can be answered."""
    return await value(await client.models.readiness())


@router.put("/default", **nothing(errors=(404,)))
async def set_default(body: DefaultModel, client: Client) -> Response:
    """Choose the model of the user's new conversations."""
    await client.models.set_default(body.model)
    return done()


@router.post("/preload", **nothing(errors=(502,)))
async def preload(client: Client) -> Response:
    """Load what the default model needs."""
    await client.models.preload()
    return done()


@router.post("/key/try", **many(ModelInfo, errors=(403, 502)))
async def try_key(body: Key, client: Client, identity: Asker) -> Response:
    """List the models with a Gemini key, to see whether it works."""
    _require_admin(identity)
    return await values(await client.models.try_key(body.key))


@router.put("/key", **answers(fields(place=_TEXT), errors=(403,)))
async def keep_key(body: Key, client: Client, identity: Asker, context: Context) -> Response:
    """Keep and use a Gemini key for everybody."""
    _require_admin(identity)
    if not context.is_only_process:
        raise PermissionDenied("Set GEMINI_API_KEY for all processes of the server and restart them.")
    return Json({"place": await client.models.keep_key(body.key)})


def _require_admin(identity: Asker) -> None:
    if identity.user.role != "admin":
        raise PermissionDenied("The server's key is for its admins to set; ask one of yours.")
