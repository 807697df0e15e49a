"""The values of Argus: frozen, without behaviour, the same on both sides of the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

Role = Literal["user", "assistant", "system"]
MessageStatus = Literal["running", "completed", "cancelled", "failed", "interrupted"]
"""A user's message is always `completed`; an assistant's has the status of its generation."""
ENDED: frozenset[MessageStatus] = frozenset({"completed", "cancelled", "failed", "interrupted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Someone who owns conversations. On one machine there is one, made silently."""

    id: str
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What a message points at; its bytes are the blob named by `digest`."""

    id: str
    name: str
    """The file's own name, cleaned; never a path."""
    media_type: str
    """The decoded type, such as `image/jpeg`; never what the file name claims."""
    size_bytes: int
    digest: str
    """SHA-256 of the stored bytes, 64 lower-case hex digits."""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class TextPart:
    """What was said, as Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class ThoughtPart:
    """The model's thinking: kept apart from the answer and never sent back."""

    text: str
    duration_s: float = 0.0
    """Seconds from the first thought to the first word of the answer."""


@dataclass(frozen=True, slots=True)
class AttachmentPart:
    """A picture or file that belongs to the message."""

    attachment: Attachment


@dataclass(frozen=True, slots=True)
class SourcePart:
    """A page the answer is grounded on."""

    title: str
    url: str


Part = TextPart | ThoughtPart | AttachmentPart | SourcePart


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one answer took."""

    input_tokens: int = 0
    output_tokens: int = 0
    """Tokens of the answer; thinking is counted apart."""
    thought_tokens: int = 0
    cost_micro_usd: int | None = None
    """Millionths of a US dollar; None when the price is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why an answer failed, in words for a person."""

    code: str
    """The `code` of a class in `argus_core.errors`."""
    title: str
    hint: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One utterance. Messages of a conversation form a tree through `parent_id`."""

    id: str
    conversation_id: str
    parent_id: str | None
    seq: int
    """Place in the conversation: rising, gaps allowed; given by the storage (0 before)."""
    role: Role
    parts: tuple[Part, ...]
    status: MessageStatus
    created_at: datetime
    generation_id: str | None = None
    model: str | None = None
    usage: Usage | None = None
    problem: Problem | None = None
    client_msg_id: str | None = None
    """Made by the client; a second send with the same one finds the first."""
    duration_s: float | None = None
    """Seconds from the start of the generation to its end."""

    @property
    def text(self) -> str:
        """The text parts joined: what the message says, without thoughts and attachments."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))

    @property
    def thoughts(self) -> str:
        """The thought parts joined."""
        return "".join(part.text for part in self.parts if isinstance(part, ThoughtPart))

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The attachments in their order."""
        return tuple(part.attachment for part in self.parts if isinstance(part, AttachmentPart))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """Ordered messages owned by one user; `head_id` is the active leaf of the tree."""

    id: str
    user_id: str
    title: str
    """Empty until somebody or something names it."""
    created_at: datetime
    updated_at: datetime
    """When a message last came or ended; renaming does not move it."""
    model: str | None = None
    """None: the default model answers."""
    system: str = ""
    """The system instruction; empty for none."""
    head_id: str | None = None
    rev: int = 0
    """Counts moves of the head; `move_head` compares it."""
    pinned: bool = False
    title_by_user: bool = False
    """A person chose the title, so no automatic title may replace it."""
    unread: int = 0
    """Answers that ended while nobody looked."""
    running: int = 0
    """Generations running in it now."""
    draft: str = ""
    """What was typed and not yet sent."""
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One provider run that writes one assistant message."""

    id: str
    conversation_id: str
    user_id: str
    message_id: str
    model: str
    status: MessageStatus
    created_at: datetime
    owner: str
    """The process that runs it, made up at its start."""
    lease_until: datetime
    """When another process may try to end it."""
    continues_id: str | None = None
    """The message whose text this one goes on from."""
    cancel_requested: bool = False
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A user message, the reply to it and the generation that writes the reply."""

    question: Message | None
    """None when an earlier question is answered again or an answer is continued."""
    reply: Message
    generation: Generation


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A model that can answer."""

    id: str
    """What the provider calls it, without a `models/` prefix."""
    name: str
    provider: str
    """`gemini`, `local` or `scripted`."""
    description: str = ""
    input_token_limit: int = 0
    output_token_limit: int = 0
    takes_images: bool = False
    makes_images: bool = False
    thinks: bool = False
    input_usd_per_million: float | None = None
    """0.0 when it is free, None when the price is not known."""
    output_usd_per_million: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    """A message that holds the words searched for."""

    conversation: Conversation
    message: Message
    snippet: str
    """About 160 characters of the text around the first match, one line."""
    spans: tuple[tuple[int, int], ...] = ()
    """Start and end of each match in `snippet`."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some values in a stated order, and how to ask for the next ones."""

    items: tuple[T, ...] = field(default=())
    next_cursor: str | None = None
    """Opaque; None at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Whether a question can be answered now."""

    model: str | None
    """The default model; None when no provider is set up."""
    provider: str | None
    has_key: bool
    """A Gemini key is set, tried or not."""
    has_local: bool
    """An offline model was found on this machine."""
