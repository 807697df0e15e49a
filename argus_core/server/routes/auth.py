"""Signing in and out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from argus_core.auth.service import Origin
from argus_core.domain import SignedIn
from argus_core.server import API
from argus_core.server.asking import Bounded, Client, Context, address_of
from argus_core.server.bodies import LogIn, LogOut, Refresh, SignUp
from argus_core.server.openapi import answers, fields, nothing, one
from argus_core.server.replies import Json, value
from argus_core.server.replies import nothing as done

router = APIRouter(prefix=API, tags=["signing in"], route_class=Bounded)
_TEXT = {"type": "string"}


@router.get(
    "/server",
    **answers(
        fields(name=_TEXT, version=_TEXT, signup={"type": "string", "enum": ["open", "invite", "closed"]}), public=True
    ),
)
async def server(context: Context) -> Response:
    """Say what this is, and who may make an account."""
    return Json({"name": "argus", "version": context.version, "signup": context.auth.signup})


@router.post("/auth/signup", **one(SignedIn, status=201, errors=(401, 403, 409), public=True))
async def sign_up(body: SignUp, request: Request, context: Context) -> Response:
    """Make an account, or set a new password with a reset code, and sign in."""
    origin = Origin(address=address_of(request), client=body.client, device_token=body.device_token)
    signed_in = await context.auth.sign_up(body.name, body.email, body.password, origin, invite=body.invite)
    return await value(signed_in, 201)


@router.post("/auth/login", **one(SignedIn, errors=(401,), public=True))
async def log_in(body: LogIn, request: Request, context: Context) -> Response:
    """Sign in; whoever is not known gets the same answer, after the same time, as a wrong password."""
    origin = Origin(address=address_of(request), client=body.client, device_token=body.device_token)
    return await value(await context.auth.sign_in(body.email, body.password, origin))


@router.post("/auth/refresh", **one(SignedIn, errors=(401,), public=True))
async def refresh(body: Refresh, request: Request, context: Context) -> Response:
    """Exchange a refresh token for the next pair."""
    return await value(await context.auth.refresh(body.refresh_token, Origin(address=address_of(request))))


@router.post("/auth/logout", **nothing())
async def log_out(body: LogOut, client: Client) -> Response:
    """End this session, or all of the user's."""
    await client.account.sign_out(everywhere=body.everywhere)
    return done()
