"""kill -9 at any moment: nothing acknowledged is lost, nothing is doubled, and what was shown is what is kept."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from argus_core.client.base import ChatClient
from argus_core.domain import Message
from argus_core.events import LoggedEvent, TextDelta, is_terminator
from argus_core.storage.sqlite import SqliteStorage
from tests.faults.conftest import Streamers
from tests.support.clients import USER_ID, open_local
from tests.support.streamer import WordProvider, words

KILLS = 100
LONGEST_LIFE_S = 0.35

pytestmark = pytest.mark.slow


async def whole_path(client: ChatClient, conversation_id: str) -> list[Message]:
    path: list[Message] = []
    leaf = (await client.conversations.get(conversation_id)).head_id
    while leaf:
        page = list(await client.messages.path(leaf, limit=500))
        path = page + path
        leaf = page[0].parent_id
    return path


async def check_reply(storage: SqliteStorage, question: Message, reply: Message, shown: list[dict[str, Any]]) -> None:
    assert reply.generation_id is not None
    generation = await storage.get_generation(USER_ID, reply.generation_id)
    log: list[LoggedEvent] = []
    while batch := await storage.events_after(generation.id, len(log)):
        log += batch
    text = "".join(logged.event.text for logged in log if isinstance(logged.event, TextDelta))
    full = "".join(words(question.text))

    assert generation.status == reply.status != "running"
    assert [logged.n for logged in log] == list(range(1, len(log) + 1))
    assert [logged.n for logged in log if is_terminator(logged.event)] == [len(log)]
    assert text == reply.text
    assert full.startswith(text)
    assert reply.status != "completed" or text == full
    by_number = {logged.n: logged.event for logged in log}
    for said in shown:
        event = by_number[said["n"]]
        assert type(event).__name__ == said["event"]
        assert not isinstance(event, TextDelta) or event.text == said["text"]


async def test_a_hundred_kills_lose_and_double_nothing(streamers: Streamers, tmp_path: Path) -> None:
    moments = random.Random(1)
    told: list[dict[str, Any]] = []
    for number in range(KILLS):
        streamer = await streamers.start(tmp_path, f"s{number}")
        if number % 2:  # the others may be hit while they open the store and repair it
            await streamer.until(lambda said: "opened" in said)
        await streamer.read_for(moments.uniform(0, LONGEST_LIFE_S))
        await streamer.kill()
        told += streamer.told
    last = await streamers.start(tmp_path, "last")
    await last.until(lambda said: "opened" in said)
    await last.kill()
    told += last.told

    assert all(said["running"] == 0 for said in told if "opened" in said)
    sent = {said["sent"]: said for said in told if "sent" in said}
    assert len({(said["sent"], said["generation"]) for said in told if "sent" in said}) == len(sent)
    statuses = Counter[str]()
    async with open_local(tmp_path, WordProvider(0)) as client:
        assert await client.generations.running() == []
        storage = SqliteStorage(tmp_path / "argus.db")
        await storage.open()
        found: Counter[str | None] = Counter()
        for place in {said["conversation"] for said in sent.values()}:
            path = await whole_path(client, place)
            assert [message.role for message in path] == ["user", "assistant"] * (len(path) // 2)
            for question, reply in zip(path[::2], path[1::2], strict=True):
                found[question.client_msg_id] += 1
                statuses[reply.status] += 1
                shown = [said for said in told if said.get("shown") == reply.generation_id]
                await check_reply(storage, question, reply, shown)
        await storage.close()

    assert set(sent) <= set(found)
    assert set(found.values()) == {1}
    # the kills did hit: answers in the middle, and others that had time to end
    assert statuses["interrupted"] >= KILLS // 4
    assert statuses["completed"] >= KILLS // 4
