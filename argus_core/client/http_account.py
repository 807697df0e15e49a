"""The one stream of an account that a client keeps open: what changes, who else is there, whether the line holds."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from argus_core.client.base import Connection
from argus_core.client.http_address import segment
from argus_core.client.http_feed import Feed
from argus_core.client.http_line import Cut, Patience
from argus_core.client.http_session import Api
from argus_core.client.http_stream import LIVED_S, PASSING, Drained, Nonsense, check_frame
from argus_core.domain import ConversationRow, Page, Watcher
from argus_core.errors import ArgusError, InvalidInput, NotFound
from argus_core.ids import utc_now
from argus_core.sse import ServerEvent
from argus_core.tasks import Background, report_bug
from argus_core.wire import decode

T = TypeVar("T")
PAGE = 50
MOST_KNOWN = 1000
HELLO_S = 1.0
"""The server tells at once who else is there, and from then on what changes; an old one may not."""
_log = logging.getLogger(__name__)


class AccountStream:
    """Open as long as somebody reads one of its feeds.

    Args:
        api: Where it is read.
        client_id: Made up by this client; tells it from the user's others.
        now: Tells the time of a deletion that nobody saw.
    """

    def __init__(self, api: Api, client_id: str, *, now: Callable[[], datetime] = utc_now) -> None:
        self._api = api
        self._client_id = client_id
        self._now = now
        self._changes: set[Feed[ConversationRow]] = set()
        self._watchers: set[Feed[Sequence[Watcher]]] = set()
        self._connections: set[Feed[Connection]] = set()
        self._runner: asyncio.Task[None] | None = None
        self._background = Background()
        self._line: Connection | None = None
        self._present: tuple[Watcher, ...] | None = None
        self._looking_at: str | None = None
        self._greeted = asyncio.Event()
        self._known: dict[str, ConversationRow] = {}
        """What whoever follows the changes has seen last of each conversation."""
        self._was_live = False
        """The stream has been open since the changes are followed."""
        self._comparing = asyncio.Lock()
        self._told: set[str] = set()
        """What was told while the list is being compared: newer than the list."""

    def changes(self) -> Feed[ConversationRow]:
        """Return each conversation that changes from now on."""
        if not self._changes:
            self._was_live = False
        feed: Feed[ConversationRow] = Feed(self._leave(self._changes))
        self._changes.add(feed)
        if self._greeted.is_set():  # from here on nothing is missed: what there is need only be known
            self._background.start(self._compare(tell=False), "compare")
        self._run()
        return feed

    def watchers(self) -> Feed[Sequence[Watcher]]:
        """Return who else is there, now and at each change."""
        feed: Feed[Sequence[Watcher]] = Feed(self._leave(self._watchers))
        self._watchers.add(feed)
        if self._present is not None:
            feed.put("", self._present)
        self._run()
        return feed

    def connections(self) -> Feed[Connection]:
        """Return how the line is, now and at each change."""
        feed: Feed[Connection] = Feed(self._leave(self._connections))
        self._connections.add(feed)
        if self._line is not None:
            feed.put("", self._line)
        self._run()
        return feed

    def was_read(self, conversations: Iterable[ConversationRow]) -> None:
        """Take note of a list that was read before the changes were followed: what is as there is no change."""
        if not self._was_live:
            for conversation in conversations:
                self._know(conversation)

    async def look_at(self, conversation_id: str | None) -> None:
        """Tell what this client shows, now and after each reconnect."""
        self._looking_at = conversation_id
        await self._tell_looking()

    async def close(self) -> None:
        """Let go of the line; who still reads comes to an end."""
        for feed in self._feeds():
            feed.end()
        await self._stop()
        await self._background.close()

    # Feeds

    def _leave(self, group: set[Feed[T]]) -> Callable[[Feed[T]], None]:
        def leave(feed: Feed[T]) -> None:
            group.discard(feed)
            if not self._feeds() and self._runner is not None:
                self._runner.cancel()
                self._line = self._present = None

        return leave

    def _feeds(self) -> list[Feed[Any]]:
        return [*self._changes, *self._watchers, *self._connections]

    def _run(self) -> None:
        if self._runner is None or self._runner.done() or self._runner.cancelling():
            self._runner = asyncio.create_task(self._follow(self._runner), name="account stream")
            self._runner.add_done_callback(report_bug)

    async def _stop(self) -> None:
        if self._runner is not None:
            if not self._runner.cancelling():  # a second time would disturb the closing of its connection
                self._runner.cancel()
            await asyncio.wait([self._runner])

    # The line

    async def _follow(self, before: asyncio.Task[None] | None) -> None:
        """Keep the stream open until nobody reads, or the session has ended; begins when `before` is gone."""
        if before is not None:
            await asyncio.wait([before])
        clock, patience = self._api.clock, Patience()
        while True:
            began = clock.now()
            trouble: Exception | None = None
            try:
                await self._connection()
            except (Cut, Drained, Nonsense) as error:
                trouble = error
                if isinstance(error, Cut) and error.silent:
                    self._set_line("offline")
            except PASSING as error:
                trouble = error
                self._set_line("offline")
            except ArgusError as error:
                for feed in self._feeds():
                    feed.end(error)
                return
            if clock.now() - began > LIVED_S and not isinstance(trouble, ArgusError):
                patience.reset()
            await clock.sleep(patience.next_s(trouble if isinstance(trouble, ArgusError) else None))

    async def _connection(self) -> None:
        async with self._api.stream("/account/events", client_id=self._client_id) as frames:
            self._set_line("connected")
            caught_up = asyncio.create_task(self._catch_up(), name="catch up")
            caught_up.add_done_callback(report_bug)
            try:
                async for frame in frames:
                    check_frame(frame)
                    self._take(frame)
                    self._greeted.set()
            finally:
                self._greeted.clear()
                caught_up.cancel()
                await asyncio.wait([caught_up])

    async def _catch_up(self) -> None:
        """Find out what happened while nobody was connected, and say again what this client shows."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HELLO_S):
                await self._greeted.wait()
        self._greeted.set()
        if self._looking_at is not None:
            with suppress(ArgusError):  # it is of no weight, and the next connection says it again
                await self._tell_looking()
        if self._changes:
            await self._compare()

    def _set_line(self, line: Connection) -> None:
        if line != self._line:
            self._line = line
            for feed in self._connections:
                feed.put(line, line)

    def _take(self, frame: ServerEvent) -> None:
        """Pass a frame on; kinds that this version does not know are left alone."""
        try:
            data = json.loads(frame.data) if frame.name in ("conversation", "watchers") else None
            if frame.name == "conversation":
                self._tell(decode(ConversationRow, data))
            elif frame.name == "watchers":
                self._tell_watchers(decode(Page[Watcher], data).items)
        except (ValueError, RecursionError, InvalidInput) as error:
            raise Nonsense from error

    # What is told

    def _tell(self, conversation: ConversationRow) -> None:
        self._told.add(conversation.id)
        self._know(conversation)
        for feed in self._changes:
            feed.put(conversation.id, conversation)

    def _tell_watchers(self, present: tuple[Watcher, ...]) -> None:
        if present != self._present:
            self._present = present
            for feed in self._watchers:
                feed.put("", present)

    async def _tell_looking(self) -> None:
        body = {"client_id": self._client_id, "conversation_id": self._looking_at}
        await self._api.send("PUT", "/account/looking-at", body)

    def _know(self, conversation: ConversationRow) -> None:
        self._known.pop(conversation.id, None)
        self._known[conversation.id] = conversation
        if len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    async def _compare(self, *, tell: bool = True) -> None:
        """Tell what is other than it was known, in the newest page of the list, or only take note of it."""
        async with self._comparing:
            self._told.clear()
            self._was_live = True
            found = self._tell_if_new if tell else self._know_if_new
            try:
                page = await self._api.get(Page[ConversationRow], "/conversations", limit=PAGE)
                for conversation in reversed(page.items):
                    found(conversation)
                for conversation in self._missing(page)[:PAGE]:
                    found(await self._now_of(conversation))
            except ArgusError as error:  # the line has broken again: the next one compares
                _log.debug("the list was not compared: %s", error.code)

    def _tell_if_new(self, conversation: ConversationRow) -> None:
        if conversation.id not in self._told and self._known.get(conversation.id) != conversation:
            self._tell(conversation)

    def _know_if_new(self, conversation: ConversationRow) -> None:
        if conversation.id not in self._told:
            self._know(conversation)

    def _missing(self, page: Page[ConversationRow]) -> list[ConversationRow]:
        """Return what is known and should stand on the page, but does not: deleted, or moved down."""
        there = {conversation.id for conversation in page.items}
        last = _place(page.items[-1]) if page.items and page.next_cursor is not None else None
        return [
            one
            for one in self._known.values()
            if one.id not in there and one.deleted_at is None and (last is None or _place(one) >= last)
        ]

    async def _now_of(self, conversation: ConversationRow) -> ConversationRow:
        try:
            return await self._api.get(ConversationRow, f"/conversations/{segment(conversation.id)}")
        except NotFound:
            return replace(conversation, deleted_at=self._now())


def _place(conversation: ConversationRow) -> tuple[bool, datetime]:
    """Return what the list is sorted by, the greatest first."""
    return conversation.pinned, conversation.updated_at
