"""Copies all that one store holds into another, and checks by counts and digests that it arrived."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol, get_args

from argus_core.domain import Attachment, Conversation, Generation, Invite, Message
from argus_core.errors import Conflict, StorageError
from argus_core.events import LoggedEvent
from argus_core.storage.accounts import AccountStorage, Amounts, Login, StoredSession
from argus_core.storage.base import Storage
from argus_core.wire import encode

Kind = Literal[
    "users",
    "preferences",
    "sessions",
    "invites",
    "usage_days",
    "conversations",
    "messages",
    "generations",
    "events",
    "attachments",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In an order in which each kind needs only those before it."""
BATCH = 200
"""Records that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Preference:
    """One preference of one user."""

    user_id: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class OwnedMessage:
    """A message with its owner, whom its value does not name."""

    user_id: str
    message: Message


@dataclass(frozen=True, slots=True)
class OwnedAttachment:
    """An attachment with its owner and the time it came."""

    user_id: str
    attachment: Attachment
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CodedInvite:
    """An invite with the digest of its code."""

    invite: Invite
    code_digest: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class UsedDay:
    """What a user has used on a day."""

    user_id: str
    day: str
    """`2026-01-31`, in UTC."""
    used: Amounts


Record = (
    Login
    | Preference
    | StoredSession
    | CodedInvite
    | UsedDay
    | Conversation
    | OwnedMessage
    | Generation
    | LoggedEvent
    | OwnedAttachment
)
"""Users come as logins. Buckets, holds and presence pass and are not moved."""


class PortableStorage(Storage, AccountStorage, Protocol):
    """A storage that can be read out whole and filled."""

    def export(self, kind: Kind) -> AsyncIterator[Sequence[Record]]:
        """Yield all records of that kind in batches; events of one generation come in the order of `n`."""

    async def load(self, kind: Kind, records: Sequence[Record]) -> None:
        """Store records of that kind as they are; ids and numbers are kept."""


@dataclass(slots=True)
class Tally:
    """How many records there are, and a digest that does not depend on their order."""

    count: int = 0
    digest: int = 0

    def add(self, record: Record) -> None:
        """Count a record; `running` is derived from the generations and counts there."""
        if isinstance(record, Conversation):
            record = replace(record, running=0)
        line = json.dumps(encode(record), sort_keys=True).encode()
        self.count += 1
        self.digest = (self.digest + int.from_bytes(hashlib.sha256(line).digest(), "big")) % 2**256


Progress = Callable[[str, Kind, int], None]
"""Told after each batch: what is done (`copied` or `checked`), the kind, how many of it so far."""


async def copy_store(source: PortableStorage, target: PortableStorage, progress: Progress) -> Mapping[Kind, int]:
    """Copy everything from one open store into another, which is empty; return how many records of each kind.

    Nobody else may write to either meanwhile. Blobs are not part of a store: `blobs.transfer` copies them.

    Raises:
        Conflict: The target is not empty.
        StorageError: What is in the target afterwards is not what is in the source.
    """
    await require_empty(target)
    copied: dict[Kind, Tally] = {}
    for kind in KINDS:
        copied[kind] = await _copy(source, target, kind, progress)
    for kind in KINDS:
        if await _tally(target, kind, progress) != copied[kind]:
            raise StorageError(f"The {kind} that arrived are not those that were sent; empty the target and try again.")
    return {kind: tally.count for kind, tally in copied.items()}


async def require_empty(target: PortableStorage) -> None:
    """Raise `Conflict` if anything is in it."""
    for kind in KINDS:
        async for batch in target.export(kind):
            if batch:
                raise Conflict(f"There are {kind} in it; choose an empty one.", title="The target is not empty")


async def _copy(source: PortableStorage, target: PortableStorage, kind: Kind, progress: Progress) -> Tally:
    tally = Tally()
    async for batch in source.export(kind):
        await target.load(kind, batch)
        _add(tally, batch)
        progress("copied", kind, tally.count)
    return tally


async def _tally(store: PortableStorage, kind: Kind, progress: Progress) -> Tally:
    tally = Tally()
    async for batch in store.export(kind):
        _add(tally, batch)
        progress("checked", kind, tally.count)
    return tally


def _add(tally: Tally, batch: Sequence[Record]) -> None:
    for record in batch:
        tally.add(record)
