"""Conversations and the questions asked in them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from argus_core.client.base import ConversationsRole
from argus_core.domain import Conversation, ConversationRow, Turn
from argus_core.server import API
from argus_core.server.asking import Bounded, Client
from argus_core.server.bodies import ConversationPatch, Draft, Limit, NewConversation, PathId, Question
from argus_core.server.openapi import count, nothing, one, or_streamed, page
from argus_core.server.replies import Json, value
from argus_core.server.replies import nothing as done
from argus_core.server.started import Started

router = APIRouter(prefix=f"{API}/conversations", tags=["conversations"], route_class=Bounded)
_ASKED = or_streamed(one(Turn, status=201, errors=(403, 404, 409, 502)))


@router.post("", **one(Conversation, status=201, errors=(404,)))
async def create(body: NewConversation, client: Client) -> Response:
    """Make a conversation."""
    made = await client.conversations.create(key=body.id, title=body.title, model=body.model, system=body.system)
    return await value(made, 201)


@router.get("", **page(ConversationRow))
async def list_page(
    client: Client,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
    title_words: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Return pinned ones first, then the newest."""
    return await value(await client.conversations.list(limit=limit, cursor=cursor, title_words=title_words))


@router.get("/count", **count())
async def count_all(client: Client) -> Response:
    """Say how many there are."""
    return Json({"count": await client.conversations.count()})


@router.get("/find", **one(ConversationRow, errors=(404,)))
async def find(client: Client, id_prefix: Annotated[str, Query(max_length=64)]) -> Response:
    """Return the one whose id begins so."""
    return await value(await client.conversations.find(id_prefix))


@router.get("/{id}", **one(Conversation, errors=(404,)))
async def get(id: PathId, client: Client) -> Response:
    """Return one."""
    return await value(await client.conversations.get(id))


@router.patch("/{id}", **one(Conversation, errors=(404,)))
async def patch(id: PathId, body: ConversationPatch, client: Client) -> Response:
    """Rename it, pin it, or choose its model or its system instruction."""
    return await value(await _patched(client.conversations, id, body))


async def _patched(conversations: ConversationsRole, id: str, body: ConversationPatch) -> Conversation:
    match next(iter(body.model_fields_set)):
        case "title":
            return await conversations.rename(id, body.title)
        case "pinned":
            return await conversations.pin(id, body.pinned)
        case "model":
            return await conversations.set_model(id, body.model)
        case _:
            return await conversations.set_system(id, body.system)


@router.put("/{id}/draft", **nothing(errors=(404,)))
async def save_draft(id: PathId, body: Draft, client: Client) -> Response:
    """Keep what was typed and not sent."""
    await client.conversations.save_draft(id, body.draft)
    return done()


@router.post("/{id}/read", **nothing(errors=(404,)))
async def mark_read(id: PathId, client: Client) -> Response:
    """Nothing is unread there."""
    await client.conversations.mark_read(id)
    return done()


@router.delete("/{id}", **nothing(errors=(404,)))
async def delete(id: PathId, client: Client) -> Response:
    """Delete it; for 30 days it can be restored."""
    await client.conversations.delete(id)
    return done()


@router.post("/{id}/restore", **one(Conversation, errors=(404,)))
async def restore(id: PathId, client: Client) -> Response:
    """Take a deletion back."""
    return await value(await client.conversations.restore(id))


@router.post("/{id}/undo", **one(Conversation, errors=(404, 409)))
async def undo(id: PathId, client: Client) -> Response:
    """Move the head back before the last question."""
    return await value(await client.conversations.undo(id))


@router.post("/{id}/questions", **_ASKED)
async def ask(id: PathId, body: Question, client: Client, started: Started) -> Response:
    """Store a question and start the answer."""
    turn = await client.generations.ask(
        id,
        body.text,
        attachment_ids=body.attachment_ids,
        client_msg_id=body.client_msg_id,
        parent_id=body.parent_id,
    )
    return await started(turn)


@router.post("/{id}/retry", **_ASKED)
async def retry(id: PathId, client: Client, started: Started) -> Response:
    """Answer the last question again."""
    return await started(await client.generations.retry(id))


@router.post("/{id}/continue", **_ASKED)
async def continue_(id: PathId, client: Client, started: Started) -> Response:
    """Go on from the last answer."""
    return await started(await client.generations.continue_(id))
