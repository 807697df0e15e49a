from __future__ import annotations

import asyncio

import pytest

from argus_core.errors import ProviderUnavailable
from argus_core.providers.base import EndChunk, Prompt, PromptMessage, TextChunk
from argus_core.providers.scripted import ScriptedProvider, Stop, saying

PROMPT = Prompt(model="scripted-1", messages=(PromptMessage("user", ("Hello",)),))


async def test_a_script_is_replayed_and_the_prompt_recorded() -> None:
    provider = ScriptedProvider(saying("Good day to you"))

    chunks = [chunk async for chunk in provider.stream(PROMPT)]

    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk)) == "Good day to you"
    assert isinstance(chunks[-1], EndChunk)
    assert provider.prompts == [PROMPT]
    assert provider.calls[0].ended
    assert provider.calls[0].closed


async def test_each_call_takes_the_next_script_and_the_last_one_stays() -> None:
    provider = ScriptedProvider([TextChunk("a")], [TextChunk("b")])

    answers = [[chunk async for chunk in provider.stream(PROMPT)] for _ in range(3)]

    assert answers == [[TextChunk("a")], [TextChunk("b")], [TextChunk("b")]]


async def test_a_fault_in_the_script_is_raised_where_it_stands() -> None:
    provider = ScriptedProvider([TextChunk("a"), ProviderUnavailable("It broke off.")])
    stream = provider.stream(PROMPT)

    assert await anext(stream) == TextChunk("a")
    with pytest.raises(ProviderUnavailable):
        await anext(stream)

    assert provider.calls[0].closed
    assert not provider.calls[0].ended


async def test_without_a_script_the_test_feeds_each_call() -> None:
    provider = ScriptedProvider()
    provider.feed(TextChunk("one"), Stop())

    async def read() -> list[object]:
        return [chunk async for chunk in provider.stream(PROMPT)]

    first = await read()
    second = asyncio.create_task(read())
    await provider.wait_for_call(1)
    provider.feed(TextChunk("two"), EndChunk(), call=1)

    assert first == [TextChunk("one")]
    assert await second == [TextChunk("two"), EndChunk()]


async def test_cancelling_the_reader_closes_the_call() -> None:
    provider = ScriptedProvider()

    async def read() -> None:
        async for _ in provider.stream(PROMPT):
            pass

    task = asyncio.create_task(read())
    call = await provider.wait_for_call()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert call.closed
    assert not call.ended
