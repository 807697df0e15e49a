"""For whoever runs the server: does it live, can it serve, what are its numbers."""

from __future__ import annotations

import asyncio
import hmac
from ipaddress import ip_address

from fastapi import APIRouter, Request
from starlette.responses import Response

from argus_core.errors import ArgusError, NotFound
from argus_core.server.asking import Context, address_of
from argus_core.server.context import ServerContext
from argus_core.server.metrics import MEDIA_TYPE
from argus_core.server.replies import Json

router = APIRouter(include_in_schema=False)
STORE_S = 1.0
_NOBODY = "0" * 32
_OF_PROXIES = ("x-forwarded-for", "forwarded", "x-real-ip", "via")
"""Who brings one of these comes from elsewhere, through a proxy on this machine."""


@router.get("/healthz")
async def healthz() -> Response:
    """The process lives."""
    return Json({"status": "ok"})


@router.get("/readyz")
async def readyz(context: Context) -> Response:
    """It can serve: the store answers, and it is not about to end."""
    if context.draining.is_set():
        return Json({"status": "draining"}, 503)
    try:
        await asyncio.wait_for(context.services.storage.find_session(_NOBODY), STORE_S)
    except (TimeoutError, ArgusError):
        return Json({"status": "the store does not answer"}, 503)
    return Json({"status": "ok"})


@router.get("/metrics")
async def metrics(request: Request, context: Context) -> Response:
    """Numbers for Prometheus; for everybody else there is nothing here."""
    if not _may_read(request, context):
        raise NotFound("There is nothing at this address.")
    context.metrics.generations.set(context.services.engine.running)
    return Response(context.metrics.text(), media_type=MEDIA_TYPE)


def _may_read(request: Request, context: ServerContext) -> bool:
    if context.metrics_key is not None:
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(sent.encode(), context.metrics_key.value.encode())
    try:
        is_here = ip_address(address_of(request)).is_loopback
    except ValueError:
        return False
    return is_here and not any(name in request.headers for name in _OF_PROXIES)
