"""Create, rename, page, delete and undo conversations of one user."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import datetime

from argus_core.domain import Conversation, ConversationRow, Page
from argus_core.errors import InvalidInput, NotFound
from argus_core.ids import new_id, utc_now
from argus_core.shares import Shares, size_of
from argus_core.storage.base import ConversationChange, Storage
from argus_core.text.clean import clean_line

MAX_TITLE = 200
MAX_SYSTEM = 32_000
MAX_DRAFT = 500_000


ChooseModel = Callable[[str], Awaitable[str]]
"""From what a user calls a model to its id, or `ModelNotFound`: `Providers.choose`."""


class Conversations:
    """The role `ConversationsRole` over a storage."""

    def __init__(
        self,
        storage: Storage,
        user_id: str,
        choose_model: ChooseModel,
        *,
        shares: Shares | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._storage = storage
        self._shares = shares or Shares(storage)
        self._user_id = user_id
        self._choose_model = choose_model
        self._clock = clock

    async def create(
        self, *, key: str | None = None, title: str = "", model: str | None = None, system: str = ""
    ) -> Conversation:
        """Make a conversation; with a key made by the caller it can be repeated safely."""
        chosen = await self._choose_model(model) if model else None
        now = self._clock()
        wanted = clean_line(title, MAX_TITLE)
        id, system = _id_of(self._user_id, key) if key else new_id(), _checked_system(system)
        try:
            await self._shares.room_for(self._user_id, conversations=1, text_bytes=size_of(system))
        except InvalidInput:
            if key is None or not await self._is_there(id):
                raise
        return await self._storage.create_conversation(
            Conversation(
                id=id,
                user_id=self._user_id,
                title=wanted,
                title_by_user=bool(wanted),
                created_at=now,
                updated_at=now,
                model=chosen,
                system=system,
            )
        )

    async def _is_there(self, conversation_id: str) -> bool:
        try:
            await self._storage.get_conversation(self._user_id, conversation_id)
        except NotFound:
            return False
        return True

    async def get(self, conversation_id: str) -> Conversation:
        """Return it or raise `NotFound`; a deleted one is not found."""
        conversation = await self._storage.get_conversation(self._user_id, conversation_id)
        if conversation.deleted_at is not None:
            raise NotFound("It was deleted; `argus restore` brings it back.", title="No such conversation")
        return conversation

    async def find(self, id_prefix: str) -> ConversationRow:
        """Return the one whose id begins so."""
        wanted = id_prefix.strip().lower()
        found = await self._storage.find_conversations(self._user_id, wanted, 2) if wanted else []
        if not found:
            raise NotFound("`argus list` shows the ids.", title=f"No conversation has an id like {wanted[:40]!r}")
        if len(found) > 1:
            raise InvalidInput("Give more of its id.", title=f"Several conversations have an id like {wanted[:40]!r}")
        return found[0]

    async def list(self, *, limit: int = 50, cursor: str | None = None, title_words: str = "") -> Page[ConversationRow]:
        """Return pinned ones first, then the newest."""
        return await self._storage.list_conversations(
            self._user_id, limit=limit, cursor=cursor, title_words=title_words
        )

    async def count(self) -> int:
        """Return how many there are."""
        return await self._storage.count_conversations(self._user_id)

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        """Set the title that a person chose."""
        wanted = clean_line(title)
        if not wanted:
            raise InvalidInput("Give it at least one letter.", title="A title cannot be empty")
        if len(wanted) > MAX_TITLE:
            raise InvalidInput(f"Keep it to {MAX_TITLE} characters.", title="That title is too long")
        return await self._change(conversation_id, ConversationChange(title=wanted, title_by_user=True))

    async def pin(self, conversation_id: str, pinned: bool) -> Conversation:
        """Pin or unpin."""
        return await self._change(conversation_id, ConversationChange(pinned=pinned))

    async def set_model(self, conversation_id: str, model: str | None) -> Conversation:
        """Choose who answers here; None is the default."""
        chosen = await self._choose_model(model) if model else ""
        return await self._change(conversation_id, ConversationChange(model=chosen))

    async def set_system(self, conversation_id: str, system: str) -> Conversation:
        """Set the system instruction; empty for none."""
        system = _checked_system(system)
        await self._shares.room_for(self._user_id, text_bytes=size_of(system))
        return await self._change(conversation_id, ConversationChange(system=system))

    async def save_draft(self, conversation_id: str, draft: str) -> None:
        """Keep what was typed and not sent."""
        if len(draft) > MAX_DRAFT:
            raise InvalidInput("You can still send it.", title="The draft is too long to be kept")
        await self._shares.room_for(self._user_id, text_bytes=size_of(draft))
        await self._change(conversation_id, ConversationChange(draft=draft))

    async def mark_read(self, conversation_id: str) -> None:
        """Nothing is unread there."""
        await self._change(conversation_id, ConversationChange(unread=0))

    async def delete(self, conversation_id: str) -> None:
        """Delete it; `restore` brings it back for 30 days."""
        await self._storage.delete_conversation(self._user_id, conversation_id, self._clock())

    async def restore(self, conversation_id: str) -> Conversation:
        """Take a deletion back."""
        return await self._storage.restore_conversation(self._user_id, conversation_id)

    async def undo(self, conversation_id: str) -> Conversation:
        """Move the head back before the last question."""
        conversation = await self.get(conversation_id)
        if conversation.running:
            raise InvalidInput("Stop the answer first (esc), then undo.", title="An answer is being written")
        at = conversation.head_id
        while at is not None:
            message = await self._storage.get_message(self._user_id, at)
            at = message.parent_id
            if message.role == "user":
                return await self._storage.move_head(self._user_id, conversation_id, at, conversation.rev)
        raise InvalidInput("This conversation is empty.", title="There is nothing to undo")

    def changes(self) -> AsyncGenerator[ConversationRow, None]:
        """Yield each conversation that changes from this call on."""
        return _closing(self._storage.changes(self._user_id))

    async def _change(self, conversation_id: str, change: ConversationChange) -> Conversation:
        return await self._storage.update_conversation(self._user_id, conversation_id, change)


def _id_of(user_id: str, key: str) -> str:
    """Return the id that a key makes: the same for the same user, and nobody finds out by it what another one has."""
    return hashlib.sha256(f"{user_id}:{key}".encode()).hexdigest()[:32]


async def _closing(stream: AsyncIterator[ConversationRow]) -> AsyncGenerator[ConversationRow, None]:
    """Pass `stream` on, and close it when this is closed."""
    try:
        async for conversation in stream:
            yield conversation
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


def _checked_system(system: str) -> str:
    if len(system) > MAX_SYSTEM:
        raise InvalidInput(f"Keep it to {MAX_SYSTEM:,} characters.", title="The system instruction is too long")
    return system.strip()
