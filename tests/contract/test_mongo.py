"""What only MongoDB has: a network in between, writes that stop half-way, a schema that many processes bring up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, cast

import pytest
from pymongo import AsyncMongoClient

from argus_core.domain import AttachmentPart, ConversationRow, TextPart, Turn
from argus_core.errors import ConfigError, InvalidInput, SchemaTooNew, StorageError, StorageUnavailable
from argus_core.events import Completed, Interrupted, LoggedEvent, Started, TextDelta
from argus_core.generations.sweeper import Sweeper
from argus_core.ids import new_id, utc_now
from argus_core.storage.base import ConversationChange
from argus_core.storage.mongo import MongoStorage, schema
from argus_core.storage.mongo import log as mongo_log
from tests.support import mongod
from tests.support.builders import (
    ALICE,
    a_conversation,
    a_turn,
    a_user,
    an_attachment,
    an_ending,
    later,
    logged,
)
from tests.support.mongod import Mongod, free_port, with_database

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(mongod.LEFT_OPEN)]
PATIENCE_S = 30.0
WRITES = ["insert", "update", "findAndModify", "delete"]
ENOUGH = 8
"""More writes than a turn or an ending takes."""
Document = dict[str, Any]
SECOND_PAGE: Document = {
    "user_id": ALICE,
    "deleted_at": None,
    "$or": [
        {"pinned": True, "updated_at": {"$lt": later(0)}},
        {"pinned": True, "updated_at": later(0), "_id": {"$gt": "c"}},
        {"pinned": False},
    ],
}


@pytest.fixture(scope="module")
def server() -> Iterator[Mongod]:
    """A server that this file may freeze, kill and make fail."""
    started = Mongod(replica_set=True)
    started.start()
    yield started
    started.stop()
    mongod.collect_left_open()


@pytest.fixture
def uri(server: Mongod) -> str:
    """A database of its own for each test."""
    return with_database(f"mongodb://127.0.0.1:{server.port}/?directConnection=true", f"argus_{new_id()}")


@pytest.fixture
async def storage(uri: str) -> AsyncIterator[MongoStorage]:
    async with _opened(uri) as opened:
        await opened.ensure_user(a_user(ALICE))
        yield opened


@pytest.fixture
async def raw(uri: str) -> AsyncIterator[AsyncMongoClient[Document]]:
    """The driver itself, to look behind the storage and to make the server fail."""
    async with AsyncMongoClient[Document](uri, appname="test") as client:
        yield client


@asynccontextmanager
async def _opened(uri: str, timeout_s: float = 10.0) -> AsyncIterator[MongoStorage]:
    storage = MongoStorage(uri, timeout_s=timeout_s)
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()


@asynccontextmanager
async def _dying_after(raw: AsyncMongoClient[Document], writes: int) -> AsyncIterator[None]:
    """Let Argus do so many more writes, and refuse it every later one, as if its process were gone."""
    data = {"failCommands": WRITES, "errorCode": 8, "appName": "argus"}
    await raw.admin.command({"configureFailPoint": "failCommand", "mode": {"skip": writes}, "data": data})
    try:
        yield
    finally:
        await raw.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


async def _sweep(uri: str) -> None:
    """Do what another process does that finds the owner gone."""
    async with _opened(uri) as other:
        seconds = count()
        sweeper = Sweeper(other, "other", clock=lambda: later(3600), monotonic=lambda: next(seconds) / 2)
        for _ in range(10):
            await sweeper.sweep()


async def _all(raw: AsyncMongoClient[Document], name: str) -> list[Document]:
    return [each async for each in raw.get_default_database()[name].find().sort("_id")]


async def _require_sound(raw: AsyncMongoClient[Document]) -> None:
    """Assert what must hold when every process has had its say: nothing runs, each answer has its messages."""
    (conversation,) = await _all(raw, "conversations")
    messages = {each["_id"]: each for each in await _all(raw, "messages")}
    generations = await _all(raw, "generations")
    assert conversation["open"] == []
    assert conversation["unread"] == len(generations)
    assert conversation["head_id"] is None or conversation["head_id"] in messages
    assert {each["status"] for each in generations} <= {"interrupted", "completed"}
    for each in generations:
        assert "turn" not in each
        reply = messages[each["message_id"]]
        assert reply["status"] == each["status"]
        assert reply["parent_id"] in messages
    assert len(messages) == 2 * len(generations)


@pytest.mark.parametrize("writes", range(ENOUGH))
async def test_a_turn_that_stops_after_any_write_is_whole_or_not_there(
    storage: MongoStorage, uri: str, raw: AsyncMongoClient[Document], writes: int
) -> None:
    conversation = await storage.create_conversation(a_conversation("c"))
    turn = a_turn(conversation, client_msg_id="sent")
    async with _dying_after(raw, writes):
        with suppress(StorageError):
            await storage.start_turn(turn)
    await _sweep(uri)
    await _require_sound(raw)


@pytest.mark.parametrize("writes", range(ENOUGH))
async def test_a_turn_that_stopped_after_any_write_is_there_once_when_sent_again(
    storage: MongoStorage, uri: str, raw: AsyncMongoClient[Document], writes: int
) -> None:
    conversation = await storage.create_conversation(a_conversation("c"))
    async with _dying_after(raw, writes):
        with suppress(StorageError):
            await storage.start_turn(a_turn(conversation, client_msg_id="sent"))
    async with _opened(uri) as other:
        stored = await other.start_turn(a_turn(conversation, client_msg_id="sent"))
        assert await other.start_turn(a_turn(conversation, client_msg_id="sent")) == stored
        now = await other.get_conversation(ALICE, "c")
        assert (now.rev, now.running, now.head_id) == (1, 1, stored.reply.id)
        assert await other.list_path(ALICE, stored.reply.id) == [stored.question, stored.reply]
    await _sweep(uri)
    await _require_sound(raw)
    assert len(await _all(raw, "messages")) == 2


@pytest.mark.parametrize("writes", range(ENOUGH))
async def test_an_ending_that_stops_after_any_write_is_counted_once(
    storage: MongoStorage, uri: str, raw: AsyncMongoClient[Document], writes: int
) -> None:
    turn = await _started(storage)
    await storage.append_events(logged(turn.generation, TextDelta("All of it."), Completed()))
    async with _dying_after(raw, writes):
        with suppress(StorageError):
            await storage.finish_generation(turn.generation.id, an_ending("All of it."))
    await _sweep(uri)
    await storage.finish_generation(turn.generation.id, an_ending("Again."))
    await _require_sound(raw)
    assert (await storage.get_message(ALICE, turn.reply.id)).text == "All of it."
    assert (await storage.get_conversation(ALICE, "c")).unread == 1


async def test_a_turn_sent_again_long_after_moves_no_head(storage: MongoStorage) -> None:
    first = await _started(storage, client_msg_id="sent")
    conversation = await storage.get_conversation(ALICE, "c")
    moved = await storage.move_head(ALICE, "c", None, conversation.rev)
    assert (await storage.start_turn(a_turn(conversation, client_msg_id="sent"))).generation == first.generation
    assert await storage.get_conversation(ALICE, "c") == moved
    await storage.finish_generation(first.generation.id, an_ending())
    await storage.start_turn(a_turn(conversation, client_msg_id="sent"))
    now = await storage.get_conversation(ALICE, "c")
    assert (now.head_id, now.running, now.unread) == (None, 0, 1)


async def test_a_write_larger_than_a_document_is_split(
    storage: MongoStorage, raw: AsyncMongoClient[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_log, "_MOST_CHARS", 1000)
    turn = await _started(storage)
    events = logged(turn.generation, Started("m"), *(TextDelta(str(number) * 300) for number in range(10)), Completed())
    assert await storage.append_events(events) == set()
    assert await storage.events_after(turn.generation.id, 0) == events
    assert await storage.events_after(turn.generation.id, 4, limit=3) == events[4:7]
    assert len(await _all(raw, "generation_events")) > 3


async def test_a_writer_that_slept_past_the_end_of_its_log_writes_nothing(
    storage: MongoStorage, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = await _started(storage)
    await storage.append_events(logged(turn.generation, Started("m")))
    async with _opened(uri) as other:
        await other.append_events([LoggedEvent(turn.generation.id, 2, "other", Interrupted())])
        await other.finish_generation(turn.generation.id, an_ending(status="interrupted"))
        assert await other.purge_events(later(3600)) == 2
    monkeypatch.setattr(mongo_log, "_TRUSTED_S", -1.0)
    assert await storage.append_events(logged(turn.generation, TextDelta("zombie"), first=2)) == {turn.generation.id}
    assert await storage.events_after(turn.generation.id, 0) == []


async def test_a_log_written_here_is_not_read_before_it_is_written(
    storage: MongoStorage, raw: AsyncMongoClient[Document]
) -> None:
    turn = await _started(storage)
    data = {"failCommands": ["find", "aggregate"], "errorCode": 8, "appName": "argus"}
    await raw.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})
    try:
        for n in range(1, 4):
            assert await storage.append_events(logged(turn.generation, TextDelta("a"), first=n)) == set()
    finally:
        await raw.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert len(await storage.events_after(turn.generation.id, 0)) == 3


@pytest.mark.parametrize("value", [{"$ne": None}, {"$gt": ""}, ["c"], 1, None, b"c"])
async def test_what_is_no_text_is_no_id(storage: MongoStorage, value: object) -> None:
    await storage.create_conversation(a_conversation("c"))
    id = cast(str, value)
    calls: list[Coroutine[Any, Any, object]] = [
        storage.get_conversation(id, "c"),
        storage.get_conversation(ALICE, id),
        storage.find_conversations(ALICE, id),
        storage.list_conversations(id),
        storage.count_conversations(id),
        storage.get_message(ALICE, id),
        storage.list_path(ALICE, id),
        storage.list_prompts(id),
        storage.search_messages(id, "hello"),
        storage.get_generation(ALICE, id),
        storage.list_running(id),
        storage.events_after(id, 0),
        storage.renew_leases([id], "owner", later(1)),
        storage.get_attachment(ALICE, id),
        storage.get_preference(id, "theme"),
        storage.get_user(id),
    ]
    for call in calls:
        with pytest.raises(InvalidInput):
            await call


async def test_a_refused_or_silent_server_is_unavailable() -> None:
    storage = MongoStorage(f"mongodb://127.0.0.1:{free_port()}/?directConnection=true", timeout_s=0.5)
    with pytest.raises(StorageUnavailable) as caught:
        await storage.open()
    assert caught.value.retryable or caught.value.hint
    await storage.close()


async def test_no_password_is_in_an_error() -> None:
    address = f"mongodb://alice:s3cr3t%40@127.0.0.1:{free_port()}/argus?directConnection=true"
    storage = MongoStorage(address, timeout_s=0.3)
    with pytest.raises(StorageUnavailable) as caught:
        await storage.open()
    for text in (str(caught.value), repr(storage)):
        assert "s3cr3t" not in text
    with pytest.raises(ConfigError) as refused:
        await MongoStorage("mongodb://alice:s3cr3t@a:b:c/?nonsense=%zz").open()
    assert "s3cr3t" not in str(refused.value)


async def test_a_server_that_takes_but_never_answers_is_given_up_in_time(uri: str, server: Mongod) -> None:
    async with _BlackHole(server.port) as line:
        through = uri.replace(str(server.port), str(line.port))
        async with _opened(through, timeout_s=1.0) as storage:
            made = await storage.create_conversation(a_conversation("c"))
            line.swallow = True
            async with asyncio.timeout(PATIENCE_S):
                for call in (storage.get_conversation(ALICE, "c"), storage.start_turn(a_turn(made))):
                    with pytest.raises(StorageUnavailable):
                        await call
            line.swallow = False
            await line.drop()
            assert await _patiently(lambda: storage.get_conversation(ALICE, "c")) == made


async def test_who_is_cancelled_while_the_server_is_asked_leaves_at_once(storage: MongoStorage) -> None:
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(50):  # pymongo swallowed about one cancellation in ten
            following = asyncio.ensure_future(_next(storage.changes(ALICE)))
            await storage.get_preference(ALICE, "theme")
            following.cancel()
            await asyncio.wait([following])
            assert following.cancelled()


async def test_a_follower_at_peace_keeps_one_stream(uri: str, raw: AsyncMongoClient[Document]) -> None:
    async with _opened(uri, timeout_s=1.0) as storage, _opened(uri) as other:
        changes = storage.changes(ALICE)
        assert await storage.count_conversations(ALICE) == 0
        await other.create_conversation(a_conversation("first"))
        assert (await _next(changes)).id == "first"
        waiting = asyncio.ensure_future(_next(changes))
        before = await _streams_opened(raw)
        await asyncio.sleep(2.5)
        assert await _streams_opened(raw) == before
        await other.create_conversation(a_conversation("second"))
        assert (await waiting).id == "second"


async def test_after_a_crash_of_the_server_everything_acknowledged_is_there_and_work_goes_on(
    uri: str, server: Mongod
) -> None:
    async with _opened(uri, timeout_s=2.0) as storage:
        await storage.ensure_user(a_user(ALICE))
        turn = await _started(storage)
        changes = storage.changes(ALICE)
        events = logged(turn.generation, Started("m"), *(TextDelta(str(number)) for number in range(20)))
        await storage.update_conversation(ALICE, "c", ConversationChange(title="before"))
        assert (await _next(changes)).title == "before"
        for event in events:
            await storage.append_events([event])
        server.kill()
        with pytest.raises(StorageUnavailable):
            await storage.append_events(logged(turn.generation, Completed(), first=22))
        server.start()
        last = logged(turn.generation, Completed(), first=22)
        assert await _patiently(lambda: storage.append_events(last)) == set()
        assert await storage.events_after(turn.generation.id, 0) == events + last
        async with _opened(uri) as other:
            await other.update_conversation(ALICE, "c", ConversationChange(title="after"))
        assert (await _next(changes)).title == "after"


async def test_many_processes_that_open_an_empty_database_at_once_make_it_once(
    uri: str, raw: AsyncMongoClient[Document]
) -> None:
    storages = [MongoStorage(uri) for _ in range(6)]
    await asyncio.gather(*(each.open() for each in storages))
    for each in storages:
        await each.close()
    meta = await _all(raw, "meta")
    assert meta == [{"_id": "schema", "version": schema.VERSION}]
    indexes = await raw.get_default_database().messages.index_information()
    assert {"numbered", "children", "prompts", "words"} <= indexes.keys()


async def test_a_lock_left_by_a_process_that_died_is_taken_over(uri: str, raw: AsyncMongoClient[Document]) -> None:
    await raw.get_default_database().meta.insert_one({"_id": "lock", "owner": "dead", "until": later(0)})
    async with _opened(uri) as storage:
        assert (await storage.statistics())["version"] == schema.VERSION


async def test_a_migration_that_stopped_half_way_is_done_again(uri: str, raw: AsyncMongoClient[Document]) -> None:
    data = {"failCommands": ["update"], "errorCode": 8, "appName": "argus"}
    await raw.admin.command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": data})
    with pytest.raises(StorageError):
        await MongoStorage(uri).open()
    async with _opened(uri) as storage:
        assert (await storage.statistics())["version"] == schema.VERSION


async def test_what_an_older_database_held_is_counted(uri: str, raw: AsyncMongoClient[Document]) -> None:
    used, left = [replace(an_attachment(), id=name, digest=name * 64) for name in "12"]
    async with _opened(uri) as storage:
        made = await storage.create_conversation(replace(a_conversation(), system="سلام", draft="half"))
        for picture in (used, left):
            await storage.create_attachment(ALICE, picture)
        turn = await storage.start_turn(a_turn(made, parts=(AttachmentPart(used), TextPart("What leaks?"))))
        await storage.finish_generation(turn.generation.id, an_ending())
        before = await storage.keeping(ALICE)
    db = raw.get_default_database()
    sizes = dict.fromkeys(("said_bytes", "draft_bytes", "system_bytes"), "")
    await db.conversations.update_many({}, {"$unset": sizes})
    await db.messages.update_many({}, {"$unset": {"attachment_ids": ""}})
    await db.attachments.update_many({}, {"$unset": {"free_since": ""}})
    await db.conversations.drop_index("kept")
    await db.meta.update_one({"_id": "schema"}, {"$set": {"version": 2}})
    async with _opened(uri) as storage:
        assert await storage.keeping(ALICE) == before
        assert before.text_bytes > 0
        assert await storage.free_attachments(utc_now() + timedelta(seconds=1)) == 1
        assert await storage.list_orphans() == [left.digest]
        assert await storage.get_attachment(ALICE, used.id) == used


async def test_a_database_of_a_newer_argus_or_of_another_program_is_refused(
    uri: str, raw: AsyncMongoClient[Document]
) -> None:
    db = raw.get_default_database()
    await db.orders.insert_one({"_id": 1})
    with pytest.raises(StorageError, match="another program"):
        await MongoStorage(uri).open()
    assert await db.list_collection_names() == ["orders"]
    await db.meta.insert_one({"_id": "schema", "version": 99})
    with pytest.raises(SchemaTooNew, match="99"):
        await MongoStorage(uri).open()


async def test_statistics_name_the_kind_of_server_and_no_user(storage: MongoStorage, server: Mongod) -> None:
    statistics = await storage.statistics()
    assert statistics["path"] == f"127.0.0.1:{server.port}"
    assert "replica set" in str(statistics["topology"])


async def test_every_document_names_its_owner_and_its_schema(
    storage: MongoStorage, raw: AsyncMongoClient[Document]
) -> None:
    turn = await _started(storage)
    await storage.append_events(logged(turn.generation, Started("m")))
    await storage.set_preference(ALICE, "theme", "x")
    for name in ("users", "preferences", "conversations", "messages", "generations", "generation_events"):
        found = await _all(raw, name)
        assert found
        for each in found:
            assert (each["user_id"], each["schema_v"]) == (ALICE, 1)
            assert type(each["_id"]) is str


@pytest.mark.parametrize(
    ("collection", "where", "sort"),
    [
        ("conversations", {"user_id": ALICE, "deleted_at": None}, {"pinned": -1, "updated_at": -1, "_id": 1}),
        ("conversations", {"deleted_at": {"$type": "date", "$lt": later(0)}}, None),
        ("conversations", SECOND_PAGE, {"pinned": -1, "updated_at": -1, "_id": 1}),
        ("messages", {"conversation_id": "c", "seq": {"$lt": 9}}, {"seq": -1}),
        ("messages", {"conversation_id": "c", "parent_id": None}, {"seq": 1}),
        ("messages", {"user_id": ALICE, "role": "user"}, {"created_at": -1, "seq": -1}),
        ("messages", {"user_id": ALICE, "tokens": "hello"}, None),
        ("generations", {"status": "running", "lease_until": {"$lt": later(0)}}, {"lease_until": 1, "_id": 1}),
        ("generations", {"status": "running", "user_id": ALICE}, {"created_at": 1, "_id": 1}),
        ("generations", {"conversation_id": "c", "client_msg_id": "x"}, None),
        ("generations", {"has_log": True, "ended_at": {"$lt": later(0)}}, None),
        ("generation_events", {"generation_id": "g", "last": {"$gt": 3}}, {"last": 1}),
    ],
)
async def test_what_is_asked_often_reads_an_index_and_sorts_nothing(
    storage: MongoStorage,
    raw: AsyncMongoClient[Document],
    collection: str,
    where: Document,
    sort: Document | None,
) -> None:
    await _started(storage)
    command: Document = {"find": collection, "filter": where} | ({"sort": sort} if sort else {})
    plan = await raw.get_default_database().command("explain", command, verbosity="queryPlanner")
    stages = str(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in stages
    assert "COLLSCAN" not in stages
    assert "'SORT'" not in stages


async def _started(storage: MongoStorage, **turn: Any) -> Turn:
    conversation = await storage.create_conversation(a_conversation("c"))
    return await storage.start_turn(a_turn(conversation, **turn))


async def _streams_opened(raw: AsyncMongoClient[Document]) -> int:
    """Return how many aggregations the server has begun: a change stream is one, and nothing else here."""
    status = await raw.admin.command("serverStatus")
    return int(status["metrics"]["commands"]["aggregate"]["total"])


async def _next(changes: AsyncIterator[ConversationRow]) -> ConversationRow:
    async with asyncio.timeout(PATIENCE_S):
        return await anext(changes)


async def _patiently(call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Repeat a call while the store is away."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with suppress(StorageUnavailable):
                return await call()


class _BlackHole:
    """A line to the server that can be made to take everything and pass nothing on."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.port = 0
        self.swallow = False

    async def __aenter__(self) -> _BlackHole:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self.drop()

    async def drop(self) -> None:
        """Cut every line that is open."""
        for writer in self._writers:
            writer.close()
        for writer in self._writers:
            with suppress(OSError):
                await writer.wait_closed()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, far_writer]
        with suppress(OSError):
            await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            if not self.swallow:
                writer.write(data)
                await writer.drain()
        writer.close()
