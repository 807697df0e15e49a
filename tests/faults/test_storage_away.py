"""A storage that fails for a while, before or after it has written: nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from argus_core.domain import Conversation, Message, Turn
from argus_core.errors import StorageUnavailable
from argus_core.events import LoggedEvent, TextDelta, is_terminator
from argus_core.storage.base import Ending
from argus_core.storage.sqlite import SqliteStorage
from tests.faults.conftest import LONG_S
from tests.support.clients import USER_ID, open_local
from tests.support.streamer import WordProvider, words

pytestmark = pytest.mark.slow


class FailingStorage(SqliteStorage):
    """Fails a share of the writes of the engine: half of them have written, and only their answer is lost."""

    share = 0.0
    failed = 0

    def __init__(self, path: Path, seed: int) -> None:
        super().__init__(path)
        self._random = random.Random(seed)

    def _fail(self) -> None:
        if self._random.random() < self.share / 2:
            self.failed += 1
            raise StorageUnavailable("Away.")

    async def append_events(self, events: Sequence[LoggedEvent]) -> set[str]:
        self._fail()
        lost = await super().append_events(events)
        self._fail()
        return lost

    async def finish_generation(self, generation_id: str, ending: Ending) -> None:
        self._fail()
        await super().finish_generation(generation_id, ending)
        self._fail()


@pytest.mark.parametrize("seed", range(3))
async def test_every_second_write_fails(tmp_path: Path, seed: int) -> None:
    storage = FailingStorage(tmp_path / "argus.db", seed)
    async with open_local(tmp_path, WordProvider(0.002), storage=storage) as client:
        turns: list[Turn] = []
        storage.share = 0.5
        for number in range(10):
            conversation = await client.conversations.create()
            turns.append(await client.generations.ask(conversation.id, f"q{number} 30"))

        async def shown(turn: Turn) -> list[LoggedEvent]:
            return [logged async for logged in client.generations.events(turn.generation.id)]

        async with asyncio.timeout(LONG_S):
            seen = await asyncio.gather(*(shown(turn) for turn in turns))

        assert storage.failed > 3
        for number, (turn, events) in enumerate(zip(turns, seen, strict=True)):
            reply = await client.messages.get(turn.reply.id)
            assert reply.text == "".join(words(f"q{number} 30"))
            assert reply.status == "completed"
            assert events == await storage.events_after(turn.generation.id, 0, 1000)
            assert [logged.n for logged in events] == list(range(1, len(events) + 1))
            assert "".join(one.event.text for one in events if isinstance(one.event, TextDelta)) == reply.text
            assert sum(is_terminator(logged.event) for logged in events) == 1
            assert (await client.conversations.get(turn.reply.conversation_id)).unread == 1


async def test_the_acknowledgement_of_a_stored_question_is_lost(tmp_path: Path) -> None:
    """It was stored and nobody knows: a sweeper ends it, and it is charged for like any other."""

    class Deaf(SqliteStorage):
        deaf = True

        async def start_turn(self, turn: Turn) -> Turn:
            stored = await super().start_turn(turn)
            if self.deaf:
                self.deaf = False
                raise StorageUnavailable("Away.")
            return stored

    storage = Deaf(tmp_path / "argus.db")
    async with open_local(tmp_path, WordProvider(0), storage=storage) as client:
        conversation = await client.conversations.create()
        with pytest.raises(StorageUnavailable):
            await client.generations.ask(conversation.id, "q 3", client_msg_id="once")
        turn = await client.generations.ask(conversation.id, "q 3", client_msg_id="once")
        async with asyncio.timeout(LONG_S):
            events = [logged async for logged in client.generations.events(turn.generation.id)]
        day = await storage.get_day(USER_ID, turn.generation.created_at.date())

    assert is_terminator(events[-1].event)
    assert day.used.requests == 1
    assert day.held.requests == 0


async def test_a_question_is_sent_again_at_the_moment_its_answer_ends(tmp_path: Path) -> None:
    class Behind(SqliteStorage):
        behind = False

        async def get_conversation(self, user_id: str, conversation_id: str) -> Conversation:
            found = await super().get_conversation(user_id, conversation_id)
            return replace(found, running=1) if self.behind else found

    storage = Behind(tmp_path / "argus.db")
    async with open_local(tmp_path, WordProvider(0), storage=storage) as client:
        conversation = await client.conversations.create()
        turn = await client.generations.ask(conversation.id, "q 3", client_msg_id="once")
        assert await client.drain(LONG_S)
        storage.behind = True
        again = await client.generations.ask(conversation.id, "q 3", client_msg_id="once")

    assert again.generation.id == turn.generation.id
    assert again.reply.status == "completed"


async def test_the_store_goes_away_after_a_question_is_stored(tmp_path: Path) -> None:
    class Forgetful(SqliteStorage):
        armed = False
        failures = 0

        async def start_turn(self, turn: Turn) -> Turn:
            self.failures = 3 if self.armed else 0
            return await super().start_turn(turn)

        async def list_path(self, user_id: str, leaf_id: str, limit: int = 50) -> list[Message]:
            if self.failures:
                self.failures -= 1
                raise StorageUnavailable("Away.")
            return await super().list_path(user_id, leaf_id, limit)

    storage = Forgetful(tmp_path / "argus.db")
    async with open_local(tmp_path, WordProvider(0), storage=storage) as client:
        conversation = await client.conversations.create()
        await client.generations.ask(conversation.id, "q0 3")
        assert await client.drain(LONG_S)
        storage.armed = True
        turn = await client.generations.ask(conversation.id, "q1 3")
        assert await client.drain(LONG_S)
        reply = await client.messages.get(turn.reply.id)

    assert (reply.status, reply.text) == ("completed", "".join(words("q1 3")))


async def test_a_store_that_another_program_locks_for_a_while(tmp_path: Path) -> None:
    async with open_local(tmp_path, WordProvider(0.01)) as client:
        conversation = await client.conversations.create()
        turn = await client.generations.ask(conversation.id, "q 100")
        lock = sqlite3.connect(tmp_path / "argus.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(6.5)  # longer than SQLite itself is patient
        assert not await client.drain(0)
        lock.execute("ROLLBACK")
        lock.close()

        assert await client.drain(LONG_S)
        reply = await client.messages.get(turn.reply.id)
        assert (reply.status, reply.text) == ("completed", "".join(words("q 100")))


async def test_closing_while_the_store_is_locked_ends_and_the_next_start_repairs(tmp_path: Path) -> None:
    lock = sqlite3.connect(tmp_path / "argus.db", isolation_level=None)
    async with asyncio.timeout(LONG_S):
        async with open_local(tmp_path, WordProvider(0.01)) as client:
            conversation = await client.conversations.create()
            turn = await client.generations.ask(conversation.id, "q 10000")
            async for logged in client.generations.events(turn.generation.id):
                if isinstance(logged.event, TextDelta):
                    break
            lock.execute("BEGIN IMMEDIATE")
        lock.execute("ROLLBACK")
        lock.close()

        async with open_local(tmp_path, WordProvider(0)) as client:
            events = [logged async for logged in client.generations.events(turn.generation.id)]
            reply = await client.messages.get(turn.reply.id)

    assert reply.status == "interrupted"
    assert reply.text == "".join(one.event.text for one in events if isinstance(one.event, TextDelta))
    assert "".join(words("q 10000")).startswith(reply.text)


async def test_an_end_that_was_written_before_a_crash_is_stored_at_the_next_start(tmp_path: Path) -> None:
    class Crashing(SqliteStorage):
        async def finish_generation(self, generation_id: str, ending: Ending) -> None:
            raise ZeroDivisionError

    storage = Crashing(tmp_path / "argus.db")
    async with open_local(tmp_path, WordProvider(0), storage=storage) as client:
        conversation = await client.conversations.create()
        turn = await client.generations.ask(conversation.id, "q 20")
        await client.drain(LONG_S)
        assert (await client.messages.get(turn.reply.id)).status == "running"

    async with open_local(tmp_path, WordProvider(0)) as client:
        async with asyncio.timeout(LONG_S):  # nobody renews its lease any more, which takes a while to see
            events = [logged async for logged in client.generations.events(turn.generation.id)]
        reply = await client.messages.get(turn.reply.id)

    assert (reply.status, reply.text) == ("completed", "".join(words("q 20")))
    assert sum(is_terminator(logged.event) for logged in events) == 1
