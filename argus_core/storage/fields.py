"""What a storage keeps of each value, described once: rows of SQLite and documents of MongoDB are both made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Any, Final, Generic, TypeVar

from argus_core.domain import Conversation, ConversationRow, Generation, Invite, Message, Problem, Session, Usage, User
from argus_core.storage import codec
from argus_core.storage.accounts import Amounts, Presence

T = TypeVar("T")
Convert = Callable[[Any], Any]


class Kind(Enum):
    """How the content of a field is stored."""

    KEY = auto()
    """Text that records are looked up by."""
    PLAIN = auto()
    """Text or a number, or None."""
    FLAG = auto()
    TIME = auto()
    """A time to the millisecond, or None."""
    PARTS = auto()
    """What was said, as JSON text."""
    USAGE = auto()
    """As JSON text, or None."""
    PROBLEM = auto()
    """As JSON text, or None."""


class Stored(Generic[T]):
    """The fields of one kind of value.

    Args:
        make: The class of the value.
        **fields: The kind of each field that is kept, under its name; the first `KEY` is what the record is found by.
            A field that is not named is computed by the storage or not kept.
    """

    def __init__(self, make: Callable[..., T], **fields: Kind) -> None:
        self.make = make
        self.fields = fields

    @property
    def key(self) -> str | None:
        """The name of the field that a record is found by; None for a value that is only kept in another's record."""
        return next((name for name, kind in self.fields.items() if kind is Kind.KEY), None)


USERS: Final = Stored(
    User, id=Kind.KEY, name=Kind.PLAIN, created_at=Kind.TIME, email=Kind.KEY, role=Kind.KEY, disabled=Kind.FLAG
)
SESSIONS: Final = Stored(
    Session,
    id=Kind.KEY,
    user_id=Kind.KEY,
    created_at=Kind.TIME,
    seen_at=Kind.TIME,
    client=Kind.PLAIN,
    address=Kind.PLAIN,
    ended_at=Kind.TIME,
)
INVITES: Final = Stored(
    Invite,
    id=Kind.KEY,
    created_at=Kind.TIME,
    expires_at=Kind.TIME,
    role=Kind.KEY,
    email=Kind.PLAIN,
    user_id=Kind.PLAIN,
    created_by=Kind.PLAIN,
    used_at=Kind.TIME,
    used_by=Kind.PLAIN,
)
AMOUNTS: Final = Stored(Amounts, requests=Kind.PLAIN, tokens=Kind.PLAIN, micro_usd=Kind.PLAIN)
PRESENCE: Final = Stored(
    Presence,
    client_id=Kind.KEY,
    user_id=Kind.KEY,
    client=Kind.PLAIN,
    conversation_id=Kind.PLAIN,
    seen_at=Kind.TIME,
)
CONVERSATION_ROWS: Final = Stored(
    ConversationRow,
    id=Kind.KEY,
    user_id=Kind.KEY,
    title=Kind.PLAIN,
    created_at=Kind.TIME,
    updated_at=Kind.TIME,
    model=Kind.PLAIN,
    head_id=Kind.PLAIN,
    rev=Kind.PLAIN,
    pinned=Kind.FLAG,
    title_by_user=Kind.FLAG,
    unread=Kind.PLAIN,
    deleted_at=Kind.TIME,
)
CONVERSATIONS: Final = Stored(Conversation, **CONVERSATION_ROWS.fields, system=Kind.PLAIN, draft=Kind.PLAIN)
MESSAGES: Final = Stored(
    Message,
    id=Kind.KEY,
    conversation_id=Kind.KEY,
    parent_id=Kind.PLAIN,
    seq=Kind.PLAIN,
    role=Kind.PLAIN,
    parts=Kind.PARTS,
    status=Kind.PLAIN,
    created_at=Kind.TIME,
    generation_id=Kind.PLAIN,
    model=Kind.PLAIN,
    usage=Kind.USAGE,
    problem=Kind.PROBLEM,
    client_msg_id=Kind.PLAIN,
    duration_s=Kind.PLAIN,
    truncated=Kind.FLAG,
)
GENERATIONS: Final = Stored(
    Generation,
    id=Kind.KEY,
    conversation_id=Kind.KEY,
    user_id=Kind.KEY,
    message_id=Kind.KEY,
    model=Kind.PLAIN,
    status=Kind.PLAIN,
    created_at=Kind.TIME,
    owner=Kind.KEY,
    lease_until=Kind.TIME,
    continues_id=Kind.PLAIN,
    cancel_requested=Kind.FLAG,
    ended_at=Kind.TIME,
)


class Dialect:
    """How one storage writes the kinds it has a form of its own for.

    Args:
        write: Makes what is stored of a field's content.
        read: Makes a field's content of what is stored.
        key: What the storage calls the field that a record is found by; None where it keeps its name.
    """

    def __init__(self, write: dict[Kind, Convert], read: dict[Kind, Convert], key: str | None = None) -> None:
        self.write: Final = _JSON_WRITE | write
        self.read: Final = _JSON_READ | read
        self.key: Final = key


class Mapper(Generic[T]):
    """Values of one kind <-> the records of one storage."""

    def __init__(self, stored: Stored[T], dialect: Dialect) -> None:
        names = {name: dialect.key or name if name == stored.key else name for name in stored.fields}
        self.columns: Final = tuple(names.values())
        self._make = stored.make
        self._writes = [(name, names[name], dialect.write.get(kind)) for name, kind in stored.fields.items()]
        self._reads = [(name, names[name], dialect.read.get(kind)) for name, kind in stored.fields.items()]

    def dump(self, value: T) -> dict[str, Any]:
        """Return the record of a value."""
        return {
            column: getattr(value, name) if write is None else write(getattr(value, name))
            for name, column, write in self._writes
        }

    def load(self, record: Mapping[str, Any] | Any, **beside: Any) -> T:
        """Return the value of a record.

        Args:
            record: Gives the content of each column under its name.
            **beside: Fields of the value that the record does not hold as they are.
        """
        for name, column, read in self._reads:
            if name not in beside:
                content = record[column]
                beside[name] = content if read is None else read(content)
        return self._make(**beside)


_JSON_WRITE: dict[Kind, Convert] = {
    Kind.PARTS: codec.dump_parts,
    Kind.USAGE: codec.dump,
    Kind.PROBLEM: codec.dump,
}
_JSON_READ: dict[Kind, Convert] = {
    Kind.PARTS: codec.load_parts,
    Kind.USAGE: lambda text: codec.load_optional(Usage, text),
    Kind.PROBLEM: lambda text: codec.load_optional(Problem, text),
}
