"""One value of each kind, as the OpenAPI document shows it."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from argus_core.domain import (
    Allowance,
    Attachment,
    AttachmentPart,
    Conversation,
    ConversationRow,
    Generation,
    Invite,
    Message,
    Meter,
    ModelInfo,
    NewInvite,
    Readiness,
    RoleLimits,
    SearchHit,
    Session,
    SignedIn,
    TextPart,
    Turn,
    Usage,
    User,
    Watcher,
)
from argus_core.events import Completed, TextDelta

AT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
_CONVERSATION, _QUESTION, _REPLY, _GENERATION, _USER, _SESSION = (f"{n:032x}" for n in range(1, 7))

USER = User(id=_USER, name="Sara", created_at=AT, email="sara@example.org")
ATTACHMENT = Attachment(
    id=f"{9:032x}",
    name="roof.jpg",
    media_type="image/jpeg",
    size_bytes=48_213,
    digest="5e" * 32,
    width=1024,
    height=768,
)
CONVERSATION = Conversation(
    id=_CONVERSATION,
    user_id=_USER,
    title="A roof in the rain",
    created_at=AT,
    updated_at=AT + timedelta(minutes=3),
    head_id=_REPLY,
    rev=1,
)
ROW = ConversationRow(**{each.name: getattr(CONVERSATION, each.name) for each in fields(ConversationRow)})
QUESTION = Message(
    id=_QUESTION,
    conversation_id=_CONVERSATION,
    parent_id=None,
    seq=1,
    role="user",
    parts=(AttachmentPart(ATTACHMENT), TextPart("Where does it leak?")),
    status="completed",
    created_at=AT,
    client_msg_id=f"{10:032x}",
)
REPLY = Message(
    id=_REPLY,
    conversation_id=_CONVERSATION,
    parent_id=_QUESTION,
    seq=2,
    role="assistant",
    parts=(),
    status="running",
    created_at=AT,
    generation_id=_GENERATION,
    model="gemini-flash-latest",
)
GENERATION = Generation(
    id=_GENERATION,
    conversation_id=_CONVERSATION,
    user_id=_USER,
    message_id=_REPLY,
    model="gemini-flash-latest",
    status="running",
    created_at=AT,
    owner="a-process",
    lease_until=AT + timedelta(seconds=3),
)
INVITE = Invite(id=f"{11:032x}", created_at=AT, expires_at=AT + timedelta(days=7))
METER = Meter(name="requests_per_minute", limit=30, left=29, resets_in_s=2.0)

EXAMPLES: dict[type, object] = {
    User: USER,
    Attachment: ATTACHMENT,
    Conversation: CONVERSATION,
    Message: QUESTION,
    Generation: GENERATION,
    Turn: Turn(question=QUESTION, reply=REPLY, generation=GENERATION),
    Session: Session(id=_SESSION, user_id=_USER, created_at=AT, seen_at=AT, client="argus on laptop", current=True),
    SignedIn: SignedIn(
        user=USER,
        session_id=_SESSION,
        access_token="eyJhbGciOiJIUzI1NiIs…",
        refresh_token=f"{_SESSION}.0.…",
        device_token=f"{_USER}.…",
        expires_in_s=600,
    ),
    Invite: INVITE,
    NewInvite: NewInvite(invite=INVITE, code="shown-once"),
    Meter: METER,
    Allowance: Allowance(requests=1, tokens=412, cost_micro_usd=180, meters=(METER,)),
    RoleLimits: RoleLimits(role="member", requests_per_minute=30),
    ModelInfo: ModelInfo(id="gemini-flash-latest", name="Gemini Flash", provider="gemini", takes_images=True),
    Readiness: Readiness(model="gemini-flash-latest", provider="gemini", has_key=True, has_local=False),
    ConversationRow: ROW,
    SearchHit: SearchHit(conversation=ROW, message=QUESTION, snippet="Where does it leak?", spans=((14, 18),)),
    Usage: Usage(input_tokens=300, output_tokens=112, cost_micro_usd=180),
    Watcher: Watcher(client="argus on desk", conversation_id=_CONVERSATION),
    TextDelta: TextDelta("At the chimney, ", output_tokens=4),
    Completed: Completed(Usage(input_tokens=300, output_tokens=112)),
}
