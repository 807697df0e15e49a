"""Listening to a MongoDB server: what it tells, and what becomes of it when the server goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, suppress
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from argus_core.domain import Generation
from argus_core.errors import StorageUnavailable
from argus_core.events import Completed, LoggedEvent, TextDelta
from argus_core.generations.log import EventLog
from argus_core.ids import new_id
from argus_core.storage.mongo import MongoStorage, appends
from tests.support import mongod
from tests.support.builders import ALICE, a_conversation, a_turn, a_user, logged
from tests.support.mongod import Mongod, with_database

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(mongod.LEFT_OPEN)]
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[Mongod]:
    """A server that this file may freeze and kill."""
    started = Mongod(replica_set=True)
    started.start()
    yield started
    started.stop()
    mongod.collect_left_open()


@pytest.fixture
def uri(server: Mongod) -> str:
    return with_database(server.uri, f"argus_{new_id()}")


@pytest.fixture
async def storage(uri: str) -> AsyncIterator[MongoStorage]:
    opened = MongoStorage(uri, timeout_s=2)
    await opened.open()
    await opened.ensure_user(a_user(ALICE))
    yield opened
    await opened.close()


@pytest.fixture
async def generation(storage: MongoStorage) -> Generation:
    conversation = await storage.create_conversation(a_conversation())
    return (await storage.start_turn(a_turn(conversation))).generation


async def not_over() -> bool:
    return False


async def heard(told: AsyncIterator[Sequence[LoggedEvent] | None], count: int) -> list[LoggedEvent]:
    """Return that many events as they were told, without a look into the log."""
    events: list[LoggedEvent] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(events) < count:
            batch = await anext(told)
            assert batch is not None
            events += batch
    return events


async def test_the_server_tells_the_events_themselves(storage: MongoStorage, generation: Generation) -> None:
    events = logged(generation, *(TextDelta(str(number)) for number in range(1200)), Completed())
    async with aclosing(storage.appended({generation.id})) as told:
        assert await anext(told) is None
        for start in range(0, len(events), 100):
            await storage.append_events(events[start : start + 100])

        assert await heard(told, len(events)) == events


async def test_who_does_not_come_for_the_events_is_sent_to_the_log(
    storage: MongoStorage, generation: Generation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appends, "MOST_KEPT", 5)
    listener = appends.Listener(storage._db, {generation.id})
    assert await listener.take() is None
    await storage.append_events(logged(generation, *(TextDelta("a") for _ in range(10))))
    assert await listener.take() is None
    await storage.append_events(logged(generation, TextDelta("b"), first=11))

    assert await listener.take() == logged(generation, TextDelta("b"), first=11)
    listener.task.cancel()
    await asyncio.wait([listener.task])


async def test_what_cannot_be_read_sends_to_the_log(storage: MongoStorage, generation: Generation, uri: str) -> None:
    async with aclosing(storage.appended({generation.id})) as told, AsyncMongoClient[dict[str, Any]](uri) as raw:
        assert await anext(told) is None
        damaged = {"_id": "x", "generation_id": generation.id, "first": 1, "last": 1, "owner": "me", "events": ["{"]}
        await raw.get_default_database().generation_events.insert_one(damaged)
        async with asyncio.timeout(PATIENCE_S):
            assert await anext(told) is None


async def test_a_server_that_is_gone_is_told_of(
    storage: MongoStorage, server: Mongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(appends, "_SILENCE_S", 3.0)
    async with aclosing(storage.appended(set())) as told:
        assert await anext(told) is None
        server.pause()
        try:
            with pytest.raises(StorageUnavailable):
                async with asyncio.timeout(PATIENCE_S):
                    await anext(told)
        finally:
            server.resume()


def _pause(server: Mongod) -> Callable[[], None]:
    server.pause()
    return server.resume


def _kill(server: Mongod) -> Callable[[], None]:
    server.kill()
    return server.start


@pytest.mark.parametrize("harm", [_pause, _kill])
async def test_a_reader_misses_nothing_of_what_comes_before_while_and_after_the_server_is_away(
    storage: MongoStorage,
    generation: Generation,
    server: Mongod,
    uri: str,
    harm: Callable[[Mongod], Callable[[], None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(appends, "_SILENCE_S", 3.0)
    other = MongoStorage(uri, timeout_s=2)
    await other.open()
    log = EventLog(other, "reader")
    shown: list[LoggedEvent] = []

    async def read() -> None:
        while not (shown and shown[-1].event == Completed()):
            with suppress(StorageUnavailable):  # as a client does: it comes again with the last number
                async for event in log.read(generation.id, shown[-1].n if shown else 0, not_over):
                    shown.append(event)

    reader = asyncio.create_task(read())
    writer = EventLog(storage, generation.owner)
    live = writer.begin(generation.id)
    async with asyncio.timeout(PATIENCE_S):
        for number in range(60):
            if number == 20:
                mend = harm(server)
            if number == 40:
                await asyncio.to_thread(mend)
            await writer.add(live, TextDelta(f"{number},"), urgent=True)
            await asyncio.sleep(0.05)
        assert await writer.end(live, Completed())
        await reader

    assert [event.n for event in shown] == list(range(1, len(shown) + 1))
    text = "".join(event.event.text for event in shown if isinstance(event.event, TextDelta))
    assert text == "".join(f"{number}," for number in range(60))
    await writer.close()
    await log.close()
    await other.close()
