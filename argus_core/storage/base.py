"""What every storage promises. `tests/contract/storage` runs on each driver.

All methods are coroutines that may be called from one event loop at the same time. Every write is durable when it
returns. A driver's own errors leave as `StorageError`. Values of another user are `NotFound`, exactly as values that
do not exist. Times are kept to the millisecond.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from argus_core.domain import (
    Attachment,
    Conversation,
    ConversationRow,
    Generation,
    Message,
    MessageStatus,
    Page,
    Part,
    Problem,
    SearchHit,
    Turn,
    Usage,
    User,
)
from argus_core.events import LoggedEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationChange:
    """The fields of a conversation to set; None leaves a field as it is."""

    title: str | None = None
    title_by_user: bool | None = None
    model: str | None = None
    """An empty string goes back to the default model."""
    system: str | None = None
    pinned: bool | None = None
    draft: str | None = None
    unread: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What a generation left behind, derived from its log."""

    status: MessageStatus
    parts: tuple[Part, ...]
    usage: Usage | None
    problem: Problem | None
    ended_at: datetime
    duration_s: float | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How much one user keeps; bytes are those of the stored texts, in UTF-8."""

    conversations: int = 0
    text_bytes: int = 0
    """Messages, drafts and system instructions of conversations that are not deleted."""
    deleted: int = 0
    """Conversations that could be restored."""
    deleted_text_bytes: int = 0
    picture_bytes: int = 0


class Storage(Protocol):
    """Conversations, messages, generations and their logs of all users."""

    async def open(self) -> None:
        """Connect, and bring the schema up to date.

        Raises:
            SchemaTooNew: A newer Argus wrote this store.
            StorageUnavailable: It cannot be opened.
        """

    async def close(self) -> None:
        """Let go of everything; calling it twice is harmless."""

    # Users and their preferences

    async def ensure_user(self, user: User) -> User:
        """Store `user` unless one with this id exists; return the stored one."""

    async def get_user(self, user_id: str) -> User:
        """Return the user or raise `NotFound`."""

    async def get_preference(self, user_id: str, name: str) -> str | None:
        """Return the value kept under `name`, None when there is none."""

    async def set_preference(self, user_id: str, name: str, value: str | None) -> None:
        """Keep `value` under `name`; None forgets it."""

    async def count_preferences(self, user_id: str) -> int:
        """Return how many values are kept."""

    # Conversations

    async def create_conversation(self, conversation: Conversation) -> Conversation:
        """Store a new conversation; one with the same id and owner is returned as it is (idempotent).

        Raises:
            Conflict: Another user has this id.
        """

    async def get_conversation(self, user_id: str, conversation_id: str) -> Conversation:
        """Return it, deleted ones too, or raise `NotFound`."""

    async def find_conversations(self, user_id: str, id_prefix: str, limit: int = 2) -> list[ConversationRow]:
        """Return conversations, not deleted, whose id begins with `id_prefix`, newest first."""

    async def list_conversations(
        self, user_id: str, *, limit: int = 50, cursor: str | None = None, title_words: str = ""
    ) -> Page[ConversationRow]:
        """Return conversations that are not deleted: pinned first, then by `updated_at`, newest first, then by id.

        Args:
            user_id: Whose.
            limit: 1 to 500.
            cursor: `next_cursor` of the page before.
            title_words: Only those whose folded title holds each of these words as the start of a word.

        Raises:
            InvalidInput: The cursor is not one of ours.
        """

    async def count_conversations(self, user_id: str) -> int:
        """Return how many are not deleted."""

    async def update_conversation(self, user_id: str, conversation_id: str, change: ConversationChange) -> Conversation:
        """Set fields and return the result, or raise `NotFound`; a deleted one is not found either."""

    async def move_head(self, user_id: str, conversation_id: str, head_id: str | None, rev: int) -> Conversation:
        """Make `head_id` the active leaf if the conversation is still at `rev`; `rev` grows by one.

        Raises:
            Conflict: It moved meanwhile.
            NotFound: No such conversation, it was deleted, or there is no such message in it.
        """

    async def delete_conversation(self, user_id: str, conversation_id: str, at: datetime) -> None:
        """Mark it deleted; idempotent, `NotFound` only if it never existed."""

    async def restore_conversation(self, user_id: str, conversation_id: str) -> Conversation:
        """Take the deletion back; identical to what it was before."""

    async def purge_deleted(self, before: datetime) -> int:
        """Remove for good what was deleted before then, with its messages and logs; return how many went."""

    async def purge_oldest_deleted(self, user_id: str) -> bool:
        """Remove for good the conversation of this user that was deleted first; False when none is left."""

    async def keeping(self, user_id: str) -> Keeping:
        """Return how much the user keeps; what is being written counts when it has ended."""

    def changes(self, user_id: str) -> AsyncIterator[ConversationRow]:
        """Yield a conversation, as it is now, within a second of each change to it or in it by any process.

        Deleted ones come too, with `deleted_at`. Changes may be joined into one. Nothing is yielded for the past.
        Iteration goes on until it is closed.
        """

    # Messages

    async def get_message(self, user_id: str, message_id: str) -> Message:
        """Return it or raise `NotFound`."""

    async def list_path(self, user_id: str, leaf_id: str, limit: int = 50) -> list[Message]:
        """Return up to `limit` (1 to 500) messages from `leaf_id` up through its parents, oldest first.

        The page before these is `list_path(user_id, result[0].parent_id)`: one that holds `paging.PAGE_CHARS` is full
        too, so it may begin later. The cost does not grow with the length of the conversation.

        Raises:
            NotFound: No such message.
        """

    async def list_children(self, user_id: str, conversation_id: str, parent_id: str | None) -> list[Message]:
        """Return the messages whose parent is `parent_id`, by `seq`: the versions of an edited or retried one.

        Of very many or very long ones only the last, which fill a page.
        """

    async def list_prompts(self, user_id: str, limit: int = 100) -> list[str]:
        """Return the texts of this user's last messages in all conversations, newest first, repeats in a row once.

        There are fewer when they fill a page, or when so many are repeats that they are not worth the search.
        """

    async def search_messages(self, user_id: str, query: str, limit: int = 20) -> list[SearchHit]:
        """Return messages of conversations that are not deleted holding every word of `query`, best first.

        Words are folded by `argus_core.text.fold`; the last one also matches the start of a word. Any text is a
        valid query; one without words finds nothing. Of a message `indexing` says how much is found, and of a hit's
        message only what `snippets` leaves comes along.
        """

    # Turns and generations

    async def start_turn(self, turn: Turn) -> Turn:
        """Store question, reply and generation as one, give both messages their `seq` and move the head to the reply.

        When a message with the question's `client_msg_id` (or a generation with the same id) is there already, nothing
        is written and the stored turn is returned: compare `generation.id`.

        Raises:
            NotFound: The conversation, or the parent in it, is not there.
        """

    async def get_generation(self, user_id: str, generation_id: str) -> Generation:
        """Return it or raise `NotFound`."""

    async def list_running(self, user_id: str) -> list[Generation]:
        """Return this user's running generations, oldest first."""

    async def append_events(self, events: Sequence[LoggedEvent]) -> set[str]:
        """Write the events of many generations in one durable write; each into its unique slot `(generation_id, n)`.

        An event that is there already, from the same owner and equal, counts as written (a repeated write). When a
        slot is held by another event, or a terminator stands before it, that event and the later ones of its
        generation are left out.

        Returns:
            Ids of the generations that lost a slot: somebody else ended them.
        """

    async def events_after(self, generation_id: str, n: int, limit: int = 500) -> list[LoggedEvent]:
        """Return up to `limit` (1 to 1000) events with consecutive numbers from `n + 1`; empty when none is newer.

        A page that `paging.is_full` is followed by another one; it may be full with fewer events, when they are long.
        """

    def appended(self, wanted: Container[str]) -> AsyncGenerator[Sequence[LoggedEvent] | None, None]:
        """Yield the events of these generations that any process appends from now on, once they are durable.

        None stands for events that cannot be told or may have been missed: read the logs. It comes first, as soon as
        nothing that is appended later will be missed. The events of one generation come in order.

        Args:
            wanted: Ids of generations; looked at again for all that comes, so it may change meanwhile.

        Raises:
            StorageError: The store went away; ask anew.
        """

    async def renew_leases(self, generation_ids: Iterable[str], owner: str, until: datetime) -> set[str]:
        """Extend the leases this owner holds on running generations; return the ids with `cancel_requested`."""

    async def request_cancel(self, user_id: str, generation_id: str) -> Generation:
        """Ask the owner, wherever it runs, to stop; harmless when it has ended. Raise `NotFound` if unknown."""

    async def list_expired(self, now: datetime, limit: int = 100) -> list[Generation]:
        """Return running generations whose lease ran out before `now`."""

    async def finish_generation(self, generation_id: str, ending: Ending) -> None:
        """Write what the log says into message and generation; repeating it changes nothing.

        Adds one to the conversation's `unread` and sets its `updated_at`, once.
        """

    async def purge_events(self, before: datetime) -> int:
        """Remove the logs of generations that ended before then; return how many events went."""

    # Attachments

    async def create_attachment(self, user_id: str, attachment: Attachment) -> Attachment:
        """Remember that this user owns the attachment; its blob is durable already."""

    async def get_attachment(self, user_id: str, attachment_id: str) -> Attachment:
        """Return it or raise `NotFound`."""

    async def claim_attachments(self, user_id: str, attachment_ids: Sequence[str]) -> list[Attachment]:
        """Return them, in this order, for a message that is stored within minutes: until then none is removed.

        Raises:
            NotFound: One of them is not there.
        """

    async def free_attachments(self, before: datetime) -> int:
        """Remove those that no message has and that came, or were claimed, before then; return how many went.

        Their digests are orphans from then on. Those of a conversation that is purged go with it.
        """

    async def list_orphans(self, limit: int = 500) -> list[str]:
        """Return digests of attachments that were removed; a blob may be kept for some of them."""

    async def is_attached(self, digest: str) -> bool:
        """Return whether anybody has an attachment with this digest."""

    async def forget_orphan(self, digest: str) -> None:
        """Take note that no blob is kept for an orphan, or that somebody has it again; idempotent."""

    async def statistics(self) -> Mapping[str, int | str]:
        """Return what `argus doctor` prints: driver, version, counts."""
