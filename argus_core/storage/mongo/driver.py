"""`MongoStorage`: the promises of `storage.base` on a MongoDB server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from argus_core.domain import (
    Attachment,
    Conversation,
    ConversationRow,
    Generation,
    Message,
    Page,
    SearchHit,
    Turn,
    User,
)
from argus_core.errors import StorageUnavailable
from argus_core.events import LoggedEvent
from argus_core.ids import utc_now
from argus_core.mongodb import DRIVER_ERRORS, Calls, connect, database_of, place_of, translated
from argus_core.storage.base import ConversationChange, Ending, Keeping
from argus_core.storage.indexing import Indexer
from argus_core.storage.mongo import (
    appends,
    attachments,
    changes,
    conversations,
    generations,
    log,
    messages,
    schema,
    search,
    transfer,
    turns,
)
from argus_core.storage.mongo.account_driver import MongoAccounts
from argus_core.storage.mongo.changes import Place
from argus_core.storage.paging import check_limit
from argus_core.storage.snippets import hits_of
from argus_core.storage.transfer import Kind, Record
from argus_core.storage.turns import check_turn
from argus_core.text.fold import query_terms

if TYPE_CHECKING:
    from argus_core.mongodb import Client, Database

P = ParamSpec("P")
T = TypeVar("T")


class MongoStorage(MongoAccounts):
    """A `Storage` on a MongoDB server; any number of processes may share it.

    Args:
        uri: Its connection string with the name of the database, `argus` if it names none.
        timeout_s: Seconds that one call to the server may take with all its retries.
        clock: Tells the time; tests fix it.
    """

    def __init__(self, uri: str, *, timeout_s: float = 10.0, clock: Callable[[], datetime] = utc_now) -> None:
        self._uri = uri
        self._timeout_s = timeout_s
        self._clock = clock
        self._place = place_of(uri)
        self._client: Client | None = None
        self._log = log.LogWriter()
        self._feed = changes.ChangeFeed()
        self._appends = appends.AppendFeed(self._place)
        self._places: set[asyncio.Task[Place]] = set()
        self._indexer = Indexer()
        self._calls = Calls(self._place)

    async def open(self) -> None:
        """Connect, and bring the schema up to date."""
        self._client = connect(self._uri, self._timeout_s)
        try:
            await self._do(schema.upgrade)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of everything; calling it twice is harmless."""
        await self._appends.close()
        await self._feed.close()
        if self._places:
            await asyncio.wait(self._places)
        await self._calls.wait()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    @property
    def _db(self) -> Database:
        if self._client is None:
            raise StorageUnavailable("The store is closed.")
        return database_of(self._client)

    async def _do(self, job: Callable[Concatenate[Database, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        db = self._db
        if self._places:  # `changes` was called before: what is read or written now comes after it
            await asyncio.wait(self._places)
        return await self._calls.run(job(db, *args, **kwargs))

    async def _change(
        self, user_id: str, job: Callable[Concatenate[Database, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Write what a follower of the user's `changes` wants to see."""
        result = await self._do(job, *args, **kwargs)
        self._feed.ring([user_id])
        return result

    # Users and their preferences

    async def ensure_user(self, user: User) -> User:
        """Store `user` unless one with this id exists; return the stored one."""
        return await self._do(conversations.ensure_user, user)

    async def get_user(self, user_id: str) -> User:
        """Return the user or raise `NotFound`."""
        return await self._do(conversations.get_user, user_id)

    async def get_preference(self, user_id: str, name: str) -> str | None:
        """Return the value kept under `name`, None when there is none."""
        return await self._do(conversations.get_preference, user_id, name)

    async def set_preference(self, user_id: str, name: str, value: str | None) -> None:
        """Keep `value` under `name`; None forgets it."""
        await self._do(conversations.set_preference, user_id, name, value)

    async def count_preferences(self, user_id: str) -> int:
        """Return how many values are kept."""
        return await self._do(conversations.count_preferences, user_id)

    # Conversations

    async def create_conversation(self, conversation: Conversation) -> Conversation:
        """Store a new conversation, or return the one with this id."""
        return await self._change(conversation.user_id, conversations.create, conversation)

    async def get_conversation(self, user_id: str, conversation_id: str) -> Conversation:
        """Return it, deleted ones too."""
        return await self._do(conversations.get, user_id, conversation_id)

    async def find_conversations(self, user_id: str, id_prefix: str, limit: int = 2) -> list[ConversationRow]:
        """Return conversations whose id begins with `id_prefix`."""
        check_limit(limit, 500)
        return await self._do(conversations.find, user_id, id_prefix, limit)

    async def list_conversations(
        self, user_id: str, *, limit: int = 50, cursor: str | None = None, title_words: str = ""
    ) -> Page[ConversationRow]:
        """Return a page: pinned first, then the newest."""
        check_limit(limit, 500)
        return await self._do(conversations.list_page, user_id, limit, cursor, title_words)

    async def count_conversations(self, user_id: str) -> int:
        """Return how many are not deleted."""
        return await self._do(conversations.count, user_id)

    async def update_conversation(self, user_id: str, conversation_id: str, change: ConversationChange) -> Conversation:
        """Set fields and return the result."""
        return await self._change(user_id, conversations.update, user_id, conversation_id, change)

    async def move_head(self, user_id: str, conversation_id: str, head_id: str | None, rev: int) -> Conversation:
        """Make `head_id` the active leaf if the conversation is still at `rev`."""
        return await self._change(user_id, conversations.move_head, user_id, conversation_id, head_id, rev)

    async def delete_conversation(self, user_id: str, conversation_id: str, at: datetime) -> None:
        """Mark it deleted."""
        await self._change(user_id, conversations.delete, user_id, conversation_id, at)

    async def restore_conversation(self, user_id: str, conversation_id: str) -> Conversation:
        """Take the deletion back."""
        return await self._change(user_id, conversations.restore, user_id, conversation_id)

    async def purge_deleted(self, before: datetime) -> int:
        """Remove what was deleted before then."""
        return await self._do(conversations.purge, before, self._clock())

    async def purge_oldest_deleted(self, user_id: str) -> bool:
        """Remove what the user deleted first."""
        return await self._do(conversations.purge_oldest, user_id, self._clock())

    async def keeping(self, user_id: str) -> Keeping:
        """Return how much the user keeps."""
        return await self._do(conversations.keeping, user_id)

    def changes(self, user_id: str) -> AsyncGenerator[ConversationRow, None]:
        """Yield each conversation that changes from this call on, by any process."""
        start = asyncio.get_running_loop().create_task(self._find_place(self._db, user_id))
        self._places.add(start)
        start.add_done_callback(self._found_place)
        return self._feed.follow(self._db, start, lambda place: self._do(changes.list_changed, place))

    async def _find_place(self, db: Database, user_id: str) -> Place:
        try:
            return await changes.find_place(db, user_id)
        except DRIVER_ERRORS as error:
            raise translated(error, self._place) from error

    def _found_place(self, task: asyncio.Task[Place]) -> None:
        self._places.discard(task)
        if not task.cancelled():
            task.exception()  # who follows hears of it; who never looks need not be told

    # Messages

    async def get_message(self, user_id: str, message_id: str) -> Message:
        """Return it or raise `NotFound`."""
        return await self._do(messages.get, user_id, message_id)

    async def list_path(self, user_id: str, leaf_id: str, limit: int = 50) -> list[Message]:
        """Return the messages that lead to `leaf_id`, oldest first."""
        check_limit(limit, 500)
        return await self._do(messages.list_path, user_id, leaf_id, limit)

    async def list_children(self, user_id: str, conversation_id: str, parent_id: str | None) -> list[Message]:
        """Return the messages whose parent is `parent_id`, by `seq`."""
        return await self._do(messages.list_children, user_id, conversation_id, parent_id)

    async def list_prompts(self, user_id: str, limit: int = 100) -> list[str]:
        """Return the texts of this user's last messages, newest first."""
        check_limit(limit, 1000)
        return await self._do(messages.list_prompts, user_id, limit)

    async def search_messages(self, user_id: str, query: str, limit: int = 20) -> list[SearchHit]:
        """Return messages holding every word of `query`, best first."""
        check_limit(limit, 500)
        terms = query_terms(query)
        found = await self._do(search.find, user_id, terms, limit) if terms else []
        return await hits_of(found, terms)

    # Turns and generations

    async def start_turn(self, turn: Turn) -> Turn:
        """Store question, reply and generation as one, or return the turn that is there."""
        check_turn(turn)
        words = await self._indexer.words_of(turn.question.parts if turn.question else ())
        stored = await self._change(turn.generation.user_id, turns.start, turn, words)
        if stored.generation == turn.generation:
            self._log.begin(turn.generation.user_id, turn.generation.id)
        return stored

    async def get_generation(self, user_id: str, generation_id: str) -> Generation:
        """Return it or raise `NotFound`."""
        return await self._do(generations.get, user_id, generation_id)

    async def list_running(self, user_id: str) -> list[Generation]:
        """Return this user's running generations, oldest first."""
        return await self._do(generations.list_running, user_id)

    async def append_events(self, events: Sequence[LoggedEvent]) -> set[str]:
        """Write the events in one write; return the generations that lost a slot."""
        return await self._do(self._log.append, events) if events else set()

    async def events_after(self, generation_id: str, n: int, limit: int = 500) -> list[LoggedEvent]:
        """Return the events from `n + 1` on."""
        check_limit(limit, 1000)
        return await self._do(log.events_after, generation_id, n, limit)

    def appended(self, wanted: Container[str]) -> AsyncGenerator[Sequence[LoggedEvent] | None, None]:
        """Yield the events of these generations that any process appends, None to read the logs."""
        return self._appends.follow(self._db, wanted)

    async def renew_leases(self, generation_ids: Iterable[str], owner: str, until: datetime) -> set[str]:
        """Extend leases; return the ids of generations to be cancelled."""
        ids = list(generation_ids)
        return await self._do(generations.renew_leases, ids, owner, until) if ids else set()

    async def request_cancel(self, user_id: str, generation_id: str) -> Generation:
        """Ask the owner to stop."""
        return await self._do(generations.request_cancel, user_id, generation_id)

    async def list_expired(self, now: datetime, limit: int = 100) -> list[Generation]:
        """Return running generations whose lease ran out."""
        check_limit(limit, 1000)
        return await self._do(generations.list_expired, now, limit)

    async def finish_generation(self, generation_id: str, ending: Ending) -> None:
        """Write what the log says into message and generation, once."""
        words = await self._indexer.words_of(ending.parts)
        user_id = await self._do(generations.finish, generation_id, ending, words)
        self._feed.ring([user_id])

    async def purge_events(self, before: datetime) -> int:
        """Remove the logs of generations that ended before then."""
        return await self._do(generations.purge_logs, before)

    # Attachments

    async def create_attachment(self, user_id: str, attachment: Attachment) -> Attachment:
        """Remember that this user owns the attachment."""
        return await self._do(attachments.create, user_id, attachment, self._clock())

    async def get_attachment(self, user_id: str, attachment_id: str) -> Attachment:
        """Return it or raise `NotFound`."""
        return await self._do(attachments.get, user_id, attachment_id)

    async def claim_attachments(self, user_id: str, attachment_ids: Sequence[str]) -> list[Attachment]:
        """Return them, for a message that is stored soon."""
        return await self._do(attachments.claim, user_id, attachment_ids, self._clock()) if attachment_ids else []

    async def free_attachments(self, before: datetime) -> int:
        """Remove those that no message has."""
        return await self._do(attachments.free, before)

    async def list_orphans(self, limit: int = 500) -> list[str]:
        """Return digests of attachments that were removed."""
        check_limit(limit, 1000)
        return await self._do(attachments.list_orphans, limit)

    async def is_attached(self, digest: str) -> bool:
        """Return whether anybody has an attachment with this digest."""
        return await self._do(attachments.is_attached, digest)

    async def forget_orphan(self, digest: str) -> None:
        """Take it off the list."""
        await self._do(attachments.forget_orphan, digest)

    async def statistics(self) -> Mapping[str, int | str]:
        """Return driver, version, place and counts."""
        return {"path": self._place, **await self._do(schema.statistics)}

    # Moving to another storage

    async def export(self, kind: Kind) -> AsyncGenerator[Sequence[Record], None]:
        """Yield all records of that kind in batches; a turn that a crash has cut short is completed before."""
        if kind == "conversations":
            await self._do(transfer.catch_up)
        batches = transfer.export(self._db, kind)
        while (batch := await self._do(_next_batch, batches)) is not None:
            yield batch

    async def load(self, kind: Kind, records: Sequence[Record]) -> None:
        """Store records as they are."""
        await self._do(transfer.load, kind, records, self._indexer)


async def _next_batch(_db: Database, batches: AsyncGenerator[list[Record], None]) -> list[Record] | None:
    return await anext(batches, None)
