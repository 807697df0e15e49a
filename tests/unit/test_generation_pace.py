"""Answers whose chunks lie ready keep nobody waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from itertools import count
from pathlib import Path

import pytest

from argus_core.generations import pace as pacing
from argus_core.generations.pace import GIVE_WAY_S, Pace
from argus_core.providers.base import Chunk, EndChunk, Prompt, TextChunk
from argus_core.providers.scripted import ScriptedProvider
from tests.support.clients import open_local


async def rounds(taken: list[int]) -> None:
    """Begin to count anew each time the loop goes round."""
    while True:
        taken.append(0)
        await asyncio.sleep(0)


@pytest.mark.parametrize("answers", [1, 5, 40])
async def test_all_answers_together_take_so_long_and_then_others_run(answers: int) -> None:
    """Each chunk takes a millisecond here; however many answers there are, the loop goes round after a few."""
    clock = count(0.0, 0.001)
    pace = Pace(lambda: next(clock))
    taken = [0]
    """In each round of the loop."""

    async def answer() -> None:
        for _ in range(50):
            taken[-1] += 1
            await pace.give_way()

    others = asyncio.create_task(rounds(taken))
    await asyncio.gather(*(answer() for _ in range(answers)))
    others.cancel()
    assert sum(taken) == 50 * answers
    assert max(taken) <= GIVE_WAY_S * 1000 + 2 + answers


async def test_answers_that_are_not_hurried_never_give_way() -> None:
    clock = count(0.0, 0.001)
    pace = Pace(lambda: next(clock))
    for _ in range(50):
        await asyncio.sleep(0)
        given = pace.give_way()
        with pytest.raises(StopIteration):  # it has ended without waiting
            given.send(None)


async def test_an_answer_gives_way_between_its_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "GIVE_WAY_S", 0.0)
    taken = [0]

    class Hasty(ScriptedProvider):
        async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
            for _ in range(500):
                taken[-1] += 1
                yield TextChunk("word ")
            yield EndChunk()

    async with open_local(tmp_path, Hasty()) as client:
        conversation = await client.conversations.create()
        others = asyncio.create_task(rounds(taken))
        turn = await client.generations.ask(conversation.id, "Why?")
        async for _ in client.generations.events(turn.generation.id):
            pass
        others.cancel()
    assert sum(taken) == 500
    assert max(taken) <= 3
