"""The account of whoever asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from argus_core.domain import Allowance, Session, User
from argus_core.server import API
from argus_core.server.account_stream import account_frames
from argus_core.server.asking import Asker, Bounded, Client, Context
from argus_core.server.bodies import ID_PATTERN, LookingAt, PasswordChange, PathId, Preference
from argus_core.server.openapi import answers, content, count, fields, many, nothing, one
from argus_core.server.replies import Json, value, values
from argus_core.server.replies import nothing as done

router = APIRouter(prefix=f"{API}/account", tags=["account"], route_class=Bounded)
Name = Annotated[str, Path(pattern=r"^[a-z0-9_.-]{1,64}$")]


@router.get("", **one(User))
async def whoami(client: Client) -> Response:
    """Say who asks."""
    return await value(await client.account.whoami())


@router.get("/preferences/{name}", **answers(fields(value={"type": ["string", "null"]})))
async def get_preference(name: Name, client: Client) -> Response:
    """Return what was kept under a name."""
    return Json({"value": await client.account.get_preference(name)})


@router.put("/preferences/{name}", **nothing())
async def set_preference(name: Name, body: Preference, client: Client) -> Response:
    """Keep something under a name, or forget it."""
    await client.account.set_preference(name, body.value)
    return done()


@router.get("/allowance", **one(Allowance))
async def allowance(client: Client) -> Response:
    """Return what was used today and what is left."""
    return await value(await client.account.allowance())


@router.get("/sessions", **many(Session))
async def sessions(client: Client) -> Response:
    """List where the user is signed in."""
    return await values(await client.account.sessions())


@router.delete("/sessions", **count())
async def end_other_sessions(client: Client) -> Response:
    """Sign every other client out."""
    return Json({"count": await client.account.end_other_sessions()})


@router.delete("/sessions/{id}", **nothing(errors=(404,)))
async def end_session(id: PathId, client: Client) -> Response:
    """Sign one client out."""
    await client.account.end_session(id)
    return done()


@router.put("/password", **nothing())
async def change_password(body: PasswordChange, client: Client) -> Response:
    """Set another password and sign every other client out."""
    await client.account.change_password(body.old, body.new)
    return done()


@router.put("/looking-at", **nothing())
async def look_at(body: LookingAt, context: Context, identity: Asker) -> Response:
    """Tell the user's other clients what this one shows."""
    await context.client_of(identity, body.client_id).account.look_at(body.conversation_id)
    return done()


@router.get("/events", **content(("text/event-stream",), "What changes in the account", errors=()))
async def events(context: Context, identity: Asker, client_id: Annotated[str, Query(pattern=ID_PATTERN)]) -> Response:
    """Stream what changes in the account, and who else is open on it."""
    client = context.client_of(identity, client_id)
    return context.streams.open(identity, lambda _: account_frames(client))
