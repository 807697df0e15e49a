"""Values for tests: small, valid, with ids and times a test can foresee."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

from argus_core.domain import (
    Attachment,
    Conversation,
    ConversationRow,
    Generation,
    Message,
    MessageStatus,
    Part,
    TextPart,
    Turn,
    Usage,
    User,
)
from argus_core.events import Event, LoggedEvent
from argus_core.ids import new_id
from argus_core.storage.base import Ending

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALICE = "alice"
BOB = "bob"
OWNER = "process-1"


def later(seconds: float) -> datetime:
    """Return the time so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


def a_user(user_id: str = ALICE) -> User:
    return User(id=user_id, name=user_id.title(), created_at=NOON)


def a_conversation(
    conversation_id: str | None = None,
    *,
    user_id: str = ALICE,
    title: str = "",
    at: datetime = NOON,
    pinned: bool = False,
) -> Conversation:
    return Conversation(
        id=conversation_id or new_id(), user_id=user_id, title=title, created_at=at, updated_at=at, pinned=pinned
    )


def row_of(conversation: Conversation) -> ConversationRow:
    """Return what a list tells of a conversation."""
    return ConversationRow(**{each.name: getattr(conversation, each.name) for each in fields(ConversationRow)})


def a_turn(
    conversation: Conversation,
    text: str = "Hello?",
    *,
    parent_id: str | None = None,
    at: datetime = NOON,
    client_msg_id: str | None = None,
    parts: tuple[Part, ...] | None = None,
) -> Turn:
    """Return a turn that can be started: a question below `parent_id`, an empty reply, a running generation."""
    question = Message(
        id=new_id(),
        conversation_id=conversation.id,
        parent_id=parent_id,
        seq=0,
        role="user",
        parts=(TextPart(text),) if parts is None else parts,
        status="completed",
        created_at=at,
        client_msg_id=client_msg_id,
    )
    return replace(an_answer(conversation, question.id, at=at), question=question)


def an_answer(conversation: Conversation, parent_id: str | None, *, at: datetime = NOON) -> Turn:
    """Return a turn without a question: another reply below `parent_id`."""
    reply_id, generation_id = new_id(), new_id()
    reply = Message(
        id=reply_id,
        conversation_id=conversation.id,
        parent_id=parent_id,
        seq=0,
        role="assistant",
        parts=(),
        status="running",
        created_at=at,
        generation_id=generation_id,
        model="scripted",
    )
    generation = Generation(
        id=generation_id,
        conversation_id=conversation.id,
        user_id=conversation.user_id,
        message_id=reply_id,
        model="scripted",
        status="running",
        created_at=at,
        owner=OWNER,
        lease_until=at + timedelta(seconds=15),
    )
    return Turn(question=None, reply=reply, generation=generation)


def an_ending(text: str = "Hello.", *, status: MessageStatus = "completed", at: datetime = NOON) -> Ending:
    return Ending(
        status=status,
        parts=(TextPart(text),),
        usage=Usage(input_tokens=3, output_tokens=2, cost_micro_usd=5),
        problem=None,
        ended_at=at,
        duration_s=1.5,
    )


def an_attachment(attachment_id: str | None = None) -> Attachment:
    return Attachment(
        id=attachment_id or new_id(),
        name="گربه.jpg",
        media_type="image/jpeg",
        size_bytes=1234,
        digest="ab" * 32,
        width=640,
        height=480,
    )


def logged(generation: Generation, *events: Event, first: int = 1, owner: str = OWNER) -> list[LoggedEvent]:
    """Return the events in consecutive slots from `first`."""
    return [LoggedEvent(generation.id, n, owner, event) for n, event in enumerate(events, first)]
