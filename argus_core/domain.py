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


LOCAL_USER_ID = "0" * 32
"""The one user of a store on one machine."""
UserRole = Literal["member", "admin"]
"""What a user may do: their own things, or also look after users, invites and limits."""
SignUpPolicy = Literal["open", "invite", "closed"]
"""Who may make an account: anybody, who has an invite, nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Someone who owns conversations. On one machine there is one, made silently and without an email."""

    id: str
    name: str
    created_at: datetime
    email: str = ""
    """What one signs in with; empty for the user of one machine."""
    role: UserRole = "member"
    disabled: bool = False
    """An admin has shut the account: nobody can sign in to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A user signed in on one client."""

    id: str
    user_id: str
    created_at: datetime
    seen_at: datetime
    """When it was refreshed last."""
    client: str = ""
    """What the client calls itself, such as `argus on laptop`; cleaned, at most 80 characters."""
    address: str = ""
    """The network address it signed in from."""
    ended_at: datetime | None = None
    current: bool = False
    """It is the session of whoever asks; never stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """What a client gets when its user has signed in, and again at each refresh."""

    user: User
    session_id: str
    access_token: str = field(repr=False)
    """Proves who asks, for `expires_in_s` seconds."""
    refresh_token: str = field(repr=False)
    """Buys the next pair, once."""
    device_token: str = field(repr=False)
    """Kept after signing out: tells that this user has signed in on this client before."""
    expires_in_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """A code that lets somebody in once: to make an account, or to set the password of one that is there."""

    id: str
    created_at: datetime
    expires_at: datetime
    role: UserRole = "member"
    """Of the account that is made with it."""
    email: str = ""
    """Only who has this email may use it; empty for anybody."""
    user_id: str | None = None
    """The account whose password it sets; None for a new account."""
    created_by: str | None = None
    """The admin's user id; None when it was made on the server's own command line."""
    used_at: datetime | None = None
    used_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvite:
    """An invite with its code, which is shown this once and stored nowhere."""

    invite: Invite
    code: str = field(repr=False)


MeterName = Literal["requests_per_minute", "requests_per_day", "tokens_per_day", "micro_usd_per_day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A limit and how much of it is left."""

    name: MeterName
    limit: int
    left: int
    """At least 0."""
    resets_in_s: float
    """Seconds until all of it is there again."""


KeptName = Literal["conversations", "text_bytes", "picture_bytes", "sessions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How much of something a user keeps; deleting gives room again at once."""

    name: KeptName
    used: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a user has used today (UTC) and may still use, and what they keep."""

    requests: int = 0
    tokens: int = 0
    """Read, thought and written."""
    cost_micro_usd: int = 0
    """Of the answers whose price is known."""
    meters: tuple[Meter, ...] = ()
    """Only what is limited."""
    kept: tuple[Kept, ...] = ()
    """Only what is limited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleLimits:
    """What one user of a role may use; None for no limit."""

    role: UserRole
    requests_per_minute: int | None = None
    requests_per_day: int | None = None
    tokens_per_day: int | None = None
    micro_usd_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Another client that is open on the same account now."""

    client: str
    """What it calls itself, such as `argus on laptop`."""
    conversation_id: str | None = None
    """What it shows; None for none."""


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
    truncated: bool = False
    """The model stopped at its length limit: the answer is not whole."""

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
class ConversationRow:
    """What a list tells of a conversation: all but its long texts, of which it only says whether there are any."""

    id: str
    user_id: str
    title: str
    """Empty until somebody or something names it."""
    created_at: datetime
    updated_at: datetime
    """When a message last came or ended; renaming does not move it."""
    model: str | None = None
    """None: the default model answers."""
    head_id: str | None = None
    """The active leaf of its tree of messages."""
    rev: int = 0
    """Counts moves of the head; `move_head` compares it."""
    pinned: bool = False
    title_by_user: bool = False
    """A person chose the title, so no automatic title may replace it."""
    unread: int = 0
    """Answers that ended while nobody looked."""
    running: int = 0
    """Generations running in it now."""
    is_prepared: bool = False
    """It has a draft or a system instruction; the storage tells."""
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation(ConversationRow):
    """Ordered messages owned by one user."""

    system: str = ""
    """The system instruction; empty for none."""
    draft: str = ""
    """What was typed and not yet sent."""


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

    conversation: ConversationRow
    message: Message
    """Of a text over 2,000 characters only the beginning; no parts at all behind the best hits of very long texts."""
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
