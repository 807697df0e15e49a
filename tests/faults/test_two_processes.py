"""Two programs on one store: each sees what the other adds, may stop it, and ends what it leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from argus_core.client.base import ChatClient
from argus_core.errors import Conflict
from argus_core.events import Cancelled, Interrupted, LoggedEvent, TextDelta, is_terminator
from tests.faults.conftest import LONG_S, Streamer, Streamers
from tests.support.clients import open_local
from tests.support.streamer import WordProvider

pytestmark = pytest.mark.slow


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[ChatClient]:
    async with open_local(tmp_path, WordProvider(0)) as client:
        yield client


@pytest.fixture
async def other(client: ChatClient, streamers: Streamers, tmp_path: Path) -> Streamer:
    """A process that writes a long answer, slowly."""
    return await streamers.start(tmp_path, "other", "slow")


async def sent(other: Streamer) -> dict[str, Any]:
    """Return the turn of the other process once its answer has begun."""
    said = await other.until(lambda said: "sent" in said)
    await other.until(lambda said: said.get("event") == "TextDelta")
    return said


async def read(client: ChatClient, generation_id: str) -> list[LoggedEvent]:
    async with asyncio.timeout(LONG_S):
        return [logged async for logged in client.generations.events(generation_id)]


async def test_a_conversation_of_the_other_shows_up_by_itself(
    client: ChatClient, streamers: Streamers, tmp_path: Path
) -> None:
    async with asyncio.timeout(LONG_S), aclosing(client.conversations.changes()) as changes:
        first = asyncio.ensure_future(anext(changes))
        await streamers.start(tmp_path, "other", "slow")
        conversation = await first
        async for conversation in changes:
            if conversation.running and conversation.title:
                break

    assert (await client.conversations.list()).items[0].id == conversation.id


async def test_an_answer_of_the_other_is_read_while_it_is_written(client: ChatClient, other: Streamer) -> None:
    turn = await sent(other)
    async with asyncio.timeout(LONG_S), aclosing(client.generations.events(turn["generation"])) as stream:
        texts = 0
        async for logged in stream:
            texts += isinstance(logged.event, TextDelta)
            if texts == 5:
                break

    assert [one.id for one in await client.generations.running()] == [turn["generation"]]


async def test_a_question_where_the_other_answers_is_refused(client: ChatClient, other: Streamer) -> None:
    turn = await sent(other)

    with pytest.raises(Conflict):
        await client.generations.ask(turn["conversation"], "q1 2")


async def test_a_repeated_send_finds_the_turn_that_the_other_runs(client: ChatClient, other: Streamer) -> None:
    turn = await sent(other)
    again = await client.generations.ask(turn["conversation"], "q1 2", client_msg_id=turn["sent"])

    assert again.generation.id == turn["generation"]


async def test_an_answer_of_the_other_can_be_stopped(client: ChatClient, other: Streamer) -> None:
    turn = await sent(other)
    reader = asyncio.create_task(read(client, turn["generation"]))
    await client.generations.cancel(turn["generation"])
    events = await reader

    assert events[-1].event == Cancelled()
    assert events[-1].owner == events[0].owner
    reply = await client.messages.get(turn["reply"])
    assert reply.status == "cancelled"
    assert reply.text == "".join(one.event.text for one in events if isinstance(one.event, TextDelta))


async def test_a_reader_sees_the_end_of_an_answer_whose_process_was_killed(client: ChatClient, other: Streamer) -> None:
    turn = await sent(other)
    reader = asyncio.create_task(read(client, turn["generation"]))
    await other.kill()
    events = await reader

    assert events[-1].event == Interrupted()
    assert (await client.messages.get(turn["reply"])).status == "interrupted"


async def test_a_process_that_was_frozen_is_fenced_when_it_wakes(client: ChatClient, other: Streamer) -> None:
    turn = await sent(other)
    other.signal(signal.SIGSTOP)
    events = await read(client, turn["generation"])  # ends when the lease has run out
    reply = await client.messages.get(turn["reply"])
    assert events[-1].event == Interrupted()
    assert events[-1].owner != events[0].owner

    other.signal(signal.SIGCONT)
    woken = await other.until(lambda said: said.get("event") == "Interrupted")
    await other.until(lambda said: "sent" in said and said["generation"] != turn["generation"])

    assert woken["n"] == events[-1].n
    assert await read(client, turn["generation"]) == events
    assert sum(is_terminator(logged.event) for logged in events) == 1
    assert await client.messages.get(turn["reply"]) == reply
    shown = [said for said in other.told if said.get("shown") == turn["generation"]]
    assert [(said["n"], said["event"]) for said in shown] == [(one.n, type(one.event).__name__) for one in events]
    os.kill(other.pid, 0)


async def test_two_different_questions_at_once_harm_nothing(tmp_path: Path) -> None:
    async with (
        open_local(tmp_path, WordProvider(0)) as one,
        open_local(tmp_path, WordProvider(0)) as two,
    ):
        for number in range(10):
            conversation = await one.conversations.create()
            turns = await asyncio.gather(
                one.generations.ask(conversation.id, f"a{number} 5"),
                two.generations.ask(conversation.id, f"b{number} 5"),
                return_exceptions=True,
            )
            assert await one.drain(LONG_S)
            assert await two.drain(LONG_S)
            assert all(not isinstance(turn, BaseException) or isinstance(turn, Conflict) for turn in turns)
            for turn in turns:
                if not isinstance(turn, BaseException):
                    assert (await one.messages.get(turn.reply.id)).status == "completed"
                    assert len(await one.messages.path(turn.reply.id)) in (2, 4)
