"""The stream of the account: changes, watchers and the state of the line, over reconnects that lose nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from argus_core.client.http import HttpClient
from argus_core.client.http_feed import Feed
from argus_core.domain import ConversationRow, Page, Watcher
from argus_core.errors import Conflict, NotAuthenticated, NotFound
from argus_core.wire import encode
from tests.support.builders import a_conversation, later, row_of
from tests.support.scripted_server import (
    ManualClock,
    ScriptedServer,
    client_of,
    frame,
    refusal,
    reply,
    taken,
    until,
)

EVENTS = "GET /account/events"
LIST = "GET /conversations"
CUT = httpx2.ReadError("cut")
HELLO = frame("watchers", {"items": []})
ONE = row_of(a_conversation("one", title="One", at=later(1)))
TWO = row_of(a_conversation("two", title="Two", at=later(2)))


def changed(conversation: ConversationRow, **fields: Any) -> ConversationRow:
    return replace(conversation, **fields)


def told(conversation: ConversationRow) -> bytes:
    return frame("conversation", encode(conversation))


def page(*items: ConversationRow, more: bool = False) -> httpx2.Response:
    return reply(Page(items, "more" if more else None))


class Account:
    """A client over a server whose account stream the test writes."""

    def __init__(self, folder: Path) -> None:
        self.server = ScriptedServer()
        self.clock = ManualClock()
        self.client: HttpClient = client_of(self.server, folder, self.clock)
        self._lines: list[asyncio.Queue[bytes | Exception | None]] = []
        self.refused: Exception | httpx2.Response | None = None
        self.server.on(EVENTS, self._open)
        self.server.on(LIST, page())

    @property
    def opened(self) -> int:
        """How often the stream was opened."""
        return len(self._lines)

    def say(self, *what: bytes | Exception | None) -> None:
        """Write on the newest stream; an error breaks it, None ends it."""
        for one in what:
            self._lines[-1].put_nowait(one)

    async def connected(self, times: int = 1) -> None:
        await until(lambda: self.opened == times)

    def _open(self, request: httpx2.Request) -> httpx2.Response | Exception:
        if self.refused is not None:
            return self.refused
        line: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._lines.append(line)
        return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Spoken(line))


class Spoken(httpx2.AsyncByteStream):
    def __init__(self, line: asyncio.Queue[bytes | Exception | None]) -> None:
        self._line = line

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        while (said := await self._line.get()) is not None:
            if isinstance(said, Exception):
                raise said
            yield said


async def until_signed_out(feed: AsyncGenerator[Any, None]) -> list[Any]:
    """Return what is told until the session ends."""
    said = []
    try:
        async for one in feed:
            said.append(one)
    except NotAuthenticated:
        return said
    return pytest.fail("the feed ended without an error")


@pytest.fixture
async def account(tmp_path: Path) -> AsyncGenerator[Account, None]:
    account = Account(tmp_path)
    yield account
    await account.client.close()


# Changes


async def test_a_change_is_told(account: Account) -> None:
    async with aclosing(account.client.conversations.changes()) as changes:
        await account.connected()
        account.say(HELLO, told(ONE))
        assert await taken(changes, 1) == [ONE]


async def test_changes_count_from_the_call_not_from_the_first_reading(account: Account) -> None:
    account.server.on(LIST, page(ONE))
    await account.client.conversations.list()
    async with aclosing(account.client.conversations.changes()) as changes:
        renamed = changed(ONE, title="Renamed")  # before the stream is open
        account.server.on(LIST, page(renamed))
        await account.connected()
        account.say(HELLO)
        assert await taken(changes, 1) == [renamed]


async def test_what_changed_while_the_line_was_cut_is_told_after_it(account: Account) -> None:
    account.server.on(LIST, page(TWO, ONE))
    async with aclosing(account.client.conversations.changes()) as changes:
        await account.connected()
        account.say(HELLO)
        assert await taken(changes, 2) == [ONE, TWO]
        renamed, new = changed(ONE, title="Renamed"), row_of(a_conversation("new", at=later(9)))
        account.server.on(LIST, page(new, TWO, renamed))
        account.say(CUT)
        await account.connected(2)
        account.say(HELLO)
        assert await taken(changes, 2) == [renamed, new]


async def test_a_deletion_that_nobody_saw_is_told(account: Account) -> None:
    account.server.on(LIST, page(TWO, ONE))
    async with aclosing(account.client.conversations.changes()) as changes:
        await account.connected()
        account.say(HELLO)
        await taken(changes, 2)
        account.server.on(LIST, page(TWO))
        account.server.on("GET /conversations/one", refusal(NotFound()))
        account.say(CUT)
        await account.connected(2)
        account.say(HELLO)
        (gone,) = await taken(changes, 1)
        assert gone.id == "one"
        assert gone.deleted_at is not None


async def test_what_moved_below_the_newest_page_is_not_deleted(account: Account) -> None:
    pinned = changed(ONE, pinned=True)
    account.server.on(LIST, page(pinned, TWO, more=True))
    async with aclosing(account.client.conversations.changes()) as changes:
        await account.connected()
        account.say(HELLO)
        await taken(changes, 2)
        account.server.on(LIST, page(TWO, more=True))
        account.server.on("GET /conversations/one", reply(ONE))
        account.say(CUT)
        await account.connected(2)
        account.say(HELLO)
        assert await taken(changes, 1) == [ONE]


async def test_a_list_that_is_older_than_what_was_told_changes_nothing(account: Account) -> None:
    renamed = changed(ONE, title="Renamed")
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(request: httpx2.Request) -> httpx2.Response:
        asked.set()
        await go_on.wait()
        return page(TWO, ONE)

    account.server.on(LIST, slowly)
    async with aclosing(account.client.conversations.changes()) as changes:
        await account.connected()
        account.say(HELLO)
        await asked.wait()
        account.say(told(renamed))
        assert await taken(changes, 1) == [renamed]
        go_on.set()
        assert await taken(changes, 1) == [TWO]


async def test_of_many_changes_of_one_conversation_the_newest_waits(account: Account) -> None:
    async with aclosing(account.client.conversations.changes()) as changes:
        await account.connected()
        account.say(HELLO, *(told(changed(ONE, title=str(number))) for number in range(50)), told(TWO))
        await until(lambda: len(account.server.sent(LIST)) == 1)
        for _ in range(300):
            await asyncio.sleep(0)
        assert [one.title for one in await taken(changes, 2)] == ["49", "Two"]


async def test_whoever_joins_later_gets_what_comes_then(account: Account) -> None:
    account.server.on(LIST, page(TWO, ONE))
    async with aclosing(account.client.account.watchers()):
        await account.connected()
        account.say(HELLO)
        await until(lambda: bool(account.client._stream._greeted.is_set()))
        async with aclosing(account.client.conversations.changes()) as changes:
            account.say(told(TWO))
            assert await taken(changes, 1) == [TWO]
    assert account.opened == 1


# Watchers


async def test_watchers_are_told_now_and_at_each_change(account: Account) -> None:
    laptop = Watcher(client="argus on laptop", conversation_id="one")
    async with aclosing(account.client.account.watchers()) as first:
        await account.connected()
        account.say(HELLO, frame("watchers", {"items": [encode(laptop)]}))
        await until(lambda: account.client._stream._present == (laptop,))
        assert await taken(first, 1) == [(laptop,)]
        async with aclosing(account.client.account.watchers()) as second:
            assert await taken(second, 1) == [(laptop,)]
        account.say(CUT)
        await account.connected(2)
        account.say(frame("watchers", {"items": [encode(laptop)]}), HELLO)
        assert await taken(first, 1) == [()]


async def test_what_is_looked_at_is_said_again_after_a_reconnect(account: Account) -> None:
    put = "PUT /account/looking-at"
    account.server.on(put, httpx2.Response(204))
    async with aclosing(account.client.account.watchers()):
        await account.connected()
        await account.client.account.look_at("one")
        account.say(HELLO, CUT)
        await account.connected(2)
        account.say(HELLO)
        await until(lambda: len(account.server.sent(put)) >= 2)
    bodies = {request.content for request in account.server.sent(put)}
    clients = {request.url.params["client_id"] for request in account.server.sent(EVENTS)}
    assert len(bodies) == len(clients) == 1
    assert clients.pop().encode() in bodies.pop()


# The line


async def test_the_line_is_connected_then_offline_then_connected_again(account: Account) -> None:
    async with aclosing(account.client.connections()) as line:
        assert await taken(line, 1) == ["connected"]
        account.refused = httpx2.ConnectError("refused")
        account.say(CUT)
        assert await taken(line, 1) == ["offline"]
        account.refused = None
        assert await taken(line, 1) == ["connected"]
        async with aclosing(account.client.connections()) as late:
            assert await taken(late, 1) == ["connected"]


async def test_a_line_that_is_silent_for_three_beats_is_offline(account: Account) -> None:
    async with aclosing(account.client.connections()) as line:
        assert await taken(line, 1) == ["connected"]
        assert account.server.sent(EVENTS)[0].extensions["timeout"]["read"] == 30.0
        account.say(httpx2.ReadTimeout("silent"))
        assert await taken(line, 2) == ["offline", "connected"]


@pytest.mark.parametrize("end", [CUT, None, frame("drain", {})])
async def test_a_line_that_is_taken_up_at_once_was_never_offline(
    account: Account, end: bytes | Exception | None
) -> None:
    async with aclosing(account.client.connections()) as line:
        await account.connected()
        account.say(HELLO, end)
        await account.connected(2)
        account.say(frame("ended", {}))
        assert await until_signed_out(line) == ["connected"]
    assert sum(account.clock.slept) == 0


async def test_who_is_signed_out_is_told_on_every_feed(account: Account) -> None:
    async with aclosing(account.client.connections()) as line, aclosing(account.client.account.watchers()) as watchers:
        assert await taken(line, 1) == ["connected"]
        account.say(frame("ended", {"code": "not_authenticated", "title": "You were signed out"}))
        for feed in (line, watchers):
            with pytest.raises(NotAuthenticated, match="signed out"):
                await taken(feed, 1)


async def test_one_line_serves_all_and_closes_with_the_last_reader(account: Account) -> None:
    feeds = [
        account.client.connections(),
        account.client.account.watchers(),
        account.client.conversations.changes(),
        account.client.conversations.changes(),
    ]
    await account.connected()
    for feed in feeds:
        await feed.aclose()
    again = account.client.connections()
    assert await taken(again, 1) == ["connected"]
    assert account.opened == 2
    await again.aclose()


@pytest.mark.parametrize(
    "lie", [frame("conversation", {}), frame("watchers", {"items": [7]}), b"event: watchers\ndata: [\n\n"]
)
async def test_nonsense_breaks_the_line_and_nothing_else(account: Account, lie: bytes) -> None:
    async with aclosing(account.client.conversations.changes()) as changes:
        await account.connected()
        account.say(lie)
        await account.connected(2)
        account.say(frame("news_of_a_later_version", {}), told(ONE))
        assert await taken(changes, 1) == [ONE]
        assert account.opened == 2


async def test_closing_ends_who_still_reads(account: Account) -> None:
    changes = account.client.conversations.changes()
    reading = asyncio.create_task(taken(changes, 1))
    await account.connected()
    await account.client.close()
    with pytest.raises(StopAsyncIteration):
        await reading


# Feeds


async def test_a_feed_that_was_closed_unread_has_left() -> None:
    left: list[Feed[int]] = []
    feed: Feed[int] = Feed(left.append)
    feed.put("a", 1)
    await feed.aclose()
    await feed.aclose()
    assert left == [feed]
    assert [one async for one in feed] == []


async def test_a_feed_gives_what_waits_before_its_error() -> None:
    feed: Feed[int] = Feed(lambda _: None)
    feed.put("a", 1)
    feed.put("b", 2)
    feed.put("a", 3)
    feed.end(Conflict())
    assert await taken(feed, 2) == [2, 3]
    with pytest.raises(Conflict):
        await anext(feed)
    with pytest.raises(StopAsyncIteration):
        await anext(feed)
