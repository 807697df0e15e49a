"""`SqliteStorage`: the promises of `storage.base` on the two lanes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

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
from argus_core.storage.base import ConversationChange, Ending, Keeping
from argus_core.storage.indexing import Indexer
from argus_core.storage.paging import check_limit
from argus_core.storage.snippets import hits_of
from argus_core.storage.sqlite import (
    appends,
    attachments,
    conversations,
    generations,
    messages,
    schema,
    search,
    transfer,
)
from argus_core.storage.sqlite.account_driver import SqliteAccounts
from argus_core.storage.sqlite.changes import ChangeFeed
from argus_core.storage.sqlite.connection import Lane
from argus_core.storage.sqlite.files import MEMORY, can_still_be_read, unreadable
from argus_core.storage.transfer import Kind, Record
from argus_core.storage.turns import check_turn
from argus_core.text.fold import query_terms

P = ParamSpec("P")
T = TypeVar("T")


class SqliteStorage(SqliteAccounts):
    """A `Storage` in one file; several processes may have it open.

    Args:
        path: The file; it and its folder are made when they are missing, for this user alone. At `MEMORY` there is no
            file, and nothing is left when it is closed.
        clock: Tells the time; tests fix it.
    """

    def __init__(self, path: Path, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._path = path
        self._clock = clock
        self._writer = Lane("write", path, "BEGIN IMMEDIATE")
        self._reader = self._writer if path is MEMORY else Lane("read", path, "BEGIN")
        self._feed = ChangeFeed(lambda: self._reader.submit(conversations.last_change))
        self._appends = appends.AppendFeed(lambda: self._reader.submit(appends.data_version))
        self._indexer = Indexer()
        self._baseline: asyncio.Future[int] | None = None
        self._reads_only = False

    async def open(self) -> None:
        """Connect, and bring the schema up to date; a store that cannot be written is opened for reading."""
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise

    async def _open(self) -> None:
        try:
            await self._writer.open(schema.upgrade)
        except StorageUnavailable as error:
            if not can_still_be_read(self._path, error):
                raise
            try:
                await self._reader.open_to_read(schema.require_newest)
            except StorageUnavailable:
                raise unreadable(self._path, error) from error
            self._writer.refuse(error)
            self._reads_only = True
            return
        if self._reader is not self._writer:
            await self._reader.open(_read_only)

    async def close(self) -> None:
        """Let go of everything; calling it twice is harmless."""
        self._appends.close()
        await self._feed.close()
        await self._reader.close()
        await self._writer.close()

    async def _read(self, job: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._reader.submit(job, *args, **kwargs)

    async def _write(
        self, job: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._baseline is not None:  # `changes` was called before: what is written now is news to it
            await asyncio.wait([self._baseline])
            self._baseline = None
        return await self._writer.submit(job, *args, **kwargs)

    async def _note(self, job: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._writer.submit_passing(job, *args, **kwargs)

    async def _change(
        self, job: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Write what a follower of `changes` wants to see."""
        result = await self._write(job, *args, **kwargs)
        self._feed.ring()
        return result

    # Users and their preferences

    async def ensure_user(self, user: User) -> User:
        """Store `user` unless one with this id exists; return the stored one."""
        return await self._write(conversations.ensure_user, user)

    async def get_user(self, user_id: str) -> User:
        """Return the user or raise `NotFound`."""
        return await self._read(conversations.get_user, user_id)

    async def get_preference(self, user_id: str, name: str) -> str | None:
        """Return the value kept under `name`, None when there is none."""
        return await self._read(conversations.get_preference, user_id, name)

    async def set_preference(self, user_id: str, name: str, value: str | None) -> None:
        """Keep `value` under `name`; None forgets it."""
        await self._write(conversations.set_preference, user_id, name, value)

    async def count_preferences(self, user_id: str) -> int:
        """Return how many values are kept."""
        return await self._read(conversations.count_preferences, user_id)

    # Conversations

    async def create_conversation(self, conversation: Conversation) -> Conversation:
        """Store a new conversation, or return the one with this id."""
        return await self._change(conversations.create, conversation)

    async def get_conversation(self, user_id: str, conversation_id: str) -> Conversation:
        """Return it, deleted ones too."""
        return await self._read(conversations.get, user_id, conversation_id)

    async def find_conversations(self, user_id: str, id_prefix: str, limit: int = 2) -> list[ConversationRow]:
        """Return conversations whose id begins with `id_prefix`."""
        check_limit(limit, 500)
        return await self._read(conversations.find, user_id, id_prefix, limit)

    async def list_conversations(
        self, user_id: str, *, limit: int = 50, cursor: str | None = None, title_words: str = ""
    ) -> Page[ConversationRow]:
        """Return a page: pinned first, then the newest."""
        check_limit(limit, 500)
        return await self._read(conversations.list_page, user_id, limit, cursor, title_words)

    async def count_conversations(self, user_id: str) -> int:
        """Return how many are not deleted."""
        return await self._read(conversations.count, user_id)

    async def update_conversation(self, user_id: str, conversation_id: str, change: ConversationChange) -> Conversation:
        """Set fields and return the result."""
        return await self._change(conversations.update, user_id, conversation_id, change)

    async def move_head(self, user_id: str, conversation_id: str, head_id: str | None, rev: int) -> Conversation:
        """Make `head_id` the active leaf if the conversation is still at `rev`."""
        return await self._change(conversations.move_head, user_id, conversation_id, head_id, rev)

    async def delete_conversation(self, user_id: str, conversation_id: str, at: datetime) -> None:
        """Mark it deleted."""
        await self._change(conversations.delete, user_id, conversation_id, at)

    async def restore_conversation(self, user_id: str, conversation_id: str) -> Conversation:
        """Take the deletion back."""
        return await self._change(conversations.restore, user_id, conversation_id)

    async def purge_deleted(self, before: datetime) -> int:
        """Remove what was deleted before then, one conversation per transaction so that nobody waits long."""
        nums, now = await self._read(conversations.list_deleted, before), self._clock()
        return sum([await self._write(conversations.purge, num, before, now) for num in nums])

    async def purge_oldest_deleted(self, user_id: str) -> bool:
        """Remove what the user deleted first."""
        while (found := await self._read(conversations.oldest_deleted, user_id)) is not None:
            if await self._write(conversations.purge, *found, self._clock()):
                return True
        return False

    async def keeping(self, user_id: str) -> Keeping:
        """Return how much the user keeps."""
        return await self._read(conversations.keeping, user_id)

    def changes(self, user_id: str) -> AsyncGenerator[ConversationRow, None]:
        """Yield each conversation that changes from this call on, by any process."""
        # Queued now, so that a list read after this call cannot miss a change that comes between the two.
        start = self._baseline = self._reader.submit(conversations.last_change)
        return self._feed.follow(start, lambda seen: self._reader.submit(conversations.list_changed, user_id, seen))

    # Messages

    async def get_message(self, user_id: str, message_id: str) -> Message:
        """Return it or raise `NotFound`."""
        return await self._read(messages.get, user_id, message_id)

    async def list_path(self, user_id: str, leaf_id: str, limit: int = 50) -> list[Message]:
        """Return the messages that lead to `leaf_id`, oldest first."""
        check_limit(limit, 500)
        return await self._read(messages.list_path, user_id, leaf_id, limit)

    async def list_children(self, user_id: str, conversation_id: str, parent_id: str | None) -> list[Message]:
        """Return the messages whose parent is `parent_id`, by `seq`."""
        return await self._read(messages.list_children, user_id, conversation_id, parent_id)

    async def list_prompts(self, user_id: str, limit: int = 100) -> list[str]:
        """Return the texts of this user's last messages, newest first."""
        check_limit(limit, 1000)
        return await self._read(messages.list_prompts, user_id, limit)

    async def search_messages(self, user_id: str, query: str, limit: int = 20) -> list[SearchHit]:
        """Return messages holding every word of `query`, best first."""
        check_limit(limit, 500)
        terms = query_terms(query)
        found = await self._read(search.find, user_id, terms, limit) if terms else []
        return await hits_of(found, terms)

    # Turns and generations

    async def start_turn(self, turn: Turn) -> Turn:
        """Store question, reply and generation as one, or return the turn that is there."""
        check_turn(turn)
        words = await self._indexer.words_of(turn.question.parts if turn.question else ())
        return await self._change(messages.start_turn, turn, words)

    async def get_generation(self, user_id: str, generation_id: str) -> Generation:
        """Return it or raise `NotFound`."""
        return await self._read(generations.get, user_id, generation_id)

    async def list_running(self, user_id: str) -> list[Generation]:
        """Return this user's running generations, oldest first."""
        return await self._read(generations.list_running, user_id)

    async def append_events(self, events: Sequence[LoggedEvent]) -> set[str]:
        """Write the events in one transaction; return the generations that lost a slot."""
        return await self._write(generations.append_events, events) if events else set()

    async def events_after(self, generation_id: str, n: int, limit: int = 500) -> list[LoggedEvent]:
        """Return the events from `n + 1` on."""
        check_limit(limit, 1000)
        return await self._read(generations.events_after, generation_id, n, limit)

    def appended(self, wanted: Container[str]) -> AsyncGenerator[Sequence[LoggedEvent] | None, None]:
        """Yield None after each commit of any process: what was appended, the logs say."""
        return self._appends.follow()

    async def renew_leases(self, generation_ids: Iterable[str], owner: str, until: datetime) -> set[str]:
        """Extend leases; return the ids of generations to be cancelled."""
        ids = list(generation_ids)
        return await self._note(generations.renew_leases, ids, owner, until) if ids else set()

    async def request_cancel(self, user_id: str, generation_id: str) -> Generation:
        """Ask the owner to stop."""
        return await self._write(generations.request_cancel, user_id, generation_id)

    async def list_expired(self, now: datetime, limit: int = 100) -> list[Generation]:
        """Return running generations whose lease ran out."""
        check_limit(limit, 1000)
        return await self._read(generations.list_expired, now, limit)

    async def finish_generation(self, generation_id: str, ending: Ending) -> None:
        """Write what the log says into message and generation, once."""
        words = await self._indexer.words_of(ending.parts)
        await self._change(generations.finish, generation_id, ending, words)

    async def purge_events(self, before: datetime) -> int:
        """Remove the logs of generations that ended before then."""
        return await self._write(generations.purge_events, before)

    # Attachments

    async def create_attachment(self, user_id: str, attachment: Attachment) -> Attachment:
        """Remember that this user owns the attachment."""
        return await self._write(attachments.create, user_id, attachment, self._clock())

    async def get_attachment(self, user_id: str, attachment_id: str) -> Attachment:
        """Return it or raise `NotFound`."""
        return await self._read(attachments.get, user_id, attachment_id)

    async def claim_attachments(self, user_id: str, attachment_ids: Sequence[str]) -> list[Attachment]:
        """Return them, for a message that is stored soon."""
        return await self._note(attachments.claim, user_id, attachment_ids, self._clock()) if attachment_ids else []

    async def free_attachments(self, before: datetime) -> int:
        """Remove those that no message has."""
        return await self._write(attachments.free, before)

    async def list_orphans(self, limit: int = 500) -> list[str]:
        """Return digests of attachments that were removed."""
        check_limit(limit, 1000)
        return await self._read(attachments.list_orphans, limit)

    async def is_attached(self, digest: str) -> bool:
        """Return whether anybody has an attachment with this digest."""
        return await self._read(attachments.is_attached, digest)

    async def forget_orphan(self, digest: str) -> None:
        """Take it off the list."""
        await self._write(attachments.forget_orphan, digest)

    async def statistics(self) -> Mapping[str, int | str]:
        """Return driver, version, place and counts, and why it opens for reading only, if so."""
        found = {"driver": f"SQLite {sqlite3.sqlite_version}", "path": str(self._path)}
        if self._reads_only:
            found["opens"] = f"for reading only: {self._writer.refusal.hint}"
        return {**found, **await self._read(schema.count_rows)}

    # Moving to another storage

    async def export(self, kind: Kind) -> AsyncGenerator[Sequence[Record], None]:
        """Yield all records of that kind in batches."""
        page, last = await self._read(transfer.export_page, kind, None)
        while last is not None:
            yield page
            page, last = await self._read(transfer.export_page, kind, last)

    async def load(self, kind: Kind, records: Sequence[Record]) -> None:
        """Store records as they are, in one transaction."""
        words = [await self._indexer.words_of(transfer.parts_of(record)) for record in records]
        await self._write(transfer.load, records, words)


def _read_only(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")
