"""Users, invites and limits, for admins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from argus_core.domain import Invite, NewInvite, RoleLimits, User
from argus_core.server import API
from argus_core.server.asking import Bounded, Client
from argus_core.server.bodies import InviteWanted, Limit, NewUser, PathId, UserPatch
from argus_core.server.openapi import answers, fields, many, nothing, one, page
from argus_core.server.replies import Json, value, values
from argus_core.server.replies import nothing as done

router = APIRouter(prefix=f"{API}/admin", tags=["administration"], route_class=Bounded)


@router.get("/users", **page(User, errors=(403,)))
async def users(
    client: Client, limit: Limit = 50, cursor: Annotated[str | None, Query(max_length=300)] = None
) -> Response:
    """List all accounts by their email."""
    return await value(await client.admin.users(limit=limit, cursor=cursor))


@router.post("/users", **one(User, status=201, errors=(403, 409)))
async def create_user(body: NewUser, client: Client) -> Response:
    """Make an account."""
    made = await client.admin.create_user(body.email, body.name, role=body.role, password=body.password)
    return await value(made, 201)


@router.patch("/users/{id}", **one(User, errors=(403, 404, 409)))
async def patch_user(id: PathId, body: UserPatch, client: Client) -> Response:
    """Give another role, or shut or open the account."""
    if "role" in body.model_fields_set:
        return await value(await client.admin.set_role(id, body.role))
    return await value(await client.admin.set_disabled(id, body.disabled))


@router.post("/users/{id}/reset", **one(NewInvite, errors=(403, 404)))
async def reset(id: PathId, client: Client) -> Response:
    """Give out a code that sets a new password once."""
    return await value(await client.admin.reset(id))


@router.delete("/users/{id}/sessions", **answers(fields(count={"type": "integer"}), errors=(403, 404)))
async def end_sessions(id: PathId, client: Client) -> Response:
    """Sign that user out everywhere."""
    return Json({"count": await client.admin.end_sessions(id)})


@router.get("/invites", **many(Invite, errors=(403,)))
async def invites(client: Client) -> Response:
    """List the newest invites."""
    return await values(await client.admin.invites())


@router.post("/invites", **one(NewInvite, status=201, errors=(403,)))
async def create_invite(body: InviteWanted, client: Client) -> Response:
    """Make an invite for one new account."""
    return await value(await client.admin.create_invite(role=body.role, email=body.email), 201)


@router.delete("/invites/{id}", **nothing(errors=(403,)))
async def delete_invite(id: PathId, client: Client) -> Response:
    """Take an invite back."""
    await client.admin.delete_invite(id)
    return done()


@router.get("/limits", **many(RoleLimits, errors=(403,)))
async def limits(client: Client) -> Response:
    """List what each role may use."""
    return await values(await client.admin.limits())
