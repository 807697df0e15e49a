"""What both Gemini drivers promise, on the wire of the stand-in server; where an SDK can less, `Driver` says so."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sys
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest

from argus_core import network
from argus_core.domain import SourcePart
from argus_core.errors import (
    ConfigError,
    ContentBlocked,
    ContextTooLong,
    EmptyAnswer,
    KeyRejected,
    ModelNotFound,
    PlaceNotSupported,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RequestRejected,
)
from argus_core.providers.base import (
    Chunk,
    EndChunk,
    ImageChunk,
    Prompt,
    PromptImage,
    PromptMessage,
    Provider,
    SourceChunk,
    TextChunk,
    ThoughtChunk,
    UsageChunk,
)
from argus_core.providers.gemini import GeminiProvider
from argus_core.providers.gemini_legacy import GeminiLegacyProvider
from argus_core.settings import Secret
from tests.support import fake_gemini
from tests.support.fake_gemini import (
    HOSTILE,
    RETRY_INFO,
    Drip,
    FakeGemini,
    Raw,
    Refuse,
    Send,
    Silence,
    Step,
    candidate,
    event,
    picture,
    png,
    text,
    tokens,
)
from tests.support.fake_gemini import error as error_body

KEY = Secret("AIza-not-a-real-key-0123456789")
READ_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Driver:
    """How a driver is made, and what its SDK can."""

    make: Callable[[str, float], Provider]
    knows_thoughts: bool
    """Asks for thinking; both keep apart what comes of it."""


DRIVERS = {
    "google-genai": Driver(
        lambda url, read_timeout_s: GeminiProvider(KEY, base_url=url, read_timeout_s=read_timeout_s),
        knows_thoughts=True,
    ),
    "google-generativeai": Driver(
        lambda url, read_timeout_s: GeminiLegacyProvider(KEY, base_url=url, read_timeout_s=read_timeout_s),
        knows_thoughts=False,
    ),
}


@pytest.fixture(params=list(DRIVERS))
def driver(request: pytest.FixtureRequest) -> Driver:
    return DRIVERS[request.param]


@pytest.fixture
async def fake() -> AsyncIterator[FakeGemini]:
    async with FakeGemini() as fake:
        yield fake


@pytest.fixture
async def provider(driver: Driver, fake: FakeGemini) -> AsyncIterator[Provider]:
    provider = driver.make(fake.url, READ_TIMEOUT_S)
    yield provider
    await provider.close()


def asking(model: str, *parts: str | PromptImage, system: str = "", thoughts: bool = True) -> Prompt:
    message = PromptMessage("user", parts or ("Hello there",))
    return Prompt(model=model, messages=(message,), system=system, thoughts=thoughts)


async def read(provider: Provider, prompt: Prompt) -> list[Chunk]:
    return [chunk async for chunk in provider.stream(prompt)]


async def read_to_fault(provider: Provider, model: str) -> tuple[str, ProviderError]:
    """Return the text that came before the error, and the error."""
    said = ""
    try:
        async for chunk in provider.stream(asking(model)):
            said += chunk.text if isinstance(chunk, TextChunk) else ""
    except ProviderError as error:
        return said, error
    raise AssertionError("there was no error")


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk))


def end_of(chunks: list[Chunk]) -> EndChunk:
    assert isinstance(chunks[-1], EndChunk)
    return chunks[-1]


# ---- what is sent -----------------------------------------------------------------------------------------------


async def test_roles_system_picture_and_limit_reach_the_server(provider: Provider, fake: FakeGemini) -> None:
    picture = PromptImage("image/png", png(3, 2))
    messages = (
        PromptMessage("user", ("Hi",)),
        PromptMessage("assistant", ("Hello!",)),
        PromptMessage("user", ("What is this?", picture)),
    )
    prompt = Prompt(model="gemini-2.5-flash", messages=messages, system="Be brief.", max_output_tokens=77)

    chunks = await read(provider, prompt)

    assert text_of(chunks) == f"I see a picture: image/png, {len(picture.data)} bytes. You said: What is this?"
    body = fake.requests[0].body
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert body["systemInstruction"]["parts"][0]["text"] == "Be brief."
    assert body["generationConfig"]["maxOutputTokens"] == 77


async def test_gemini_is_told_to_keep_nothing(provider: Provider, fake: FakeGemini) -> None:
    await read(provider, asking("gemini-2.5-flash"))
    await read(provider, asking("gemini-2.5-flash-image", "Draw «{}»", system="{", thoughts=False))

    assert [asked.body["store"] for asked in fake.requests] == [False, False]
    assert fake.requests[1].body["contents"][0]["parts"][0]["text"] == "Draw «{}»"


async def test_the_key_travels_in_a_header_only(provider: Provider, fake: FakeGemini) -> None:
    await read(provider, asking("gemini-2.5-flash"))
    await provider.list_models()

    for asked in fake.requests:
        assert asked.headers["x-goog-api-key"] == KEY.value
        assert KEY.value not in asked.path
        assert KEY.value not in json.dumps(asked.body)
    assert KEY.value not in repr(provider) + repr(vars(provider))


async def test_nothing_is_logged_or_warned_that_a_server_says(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        await read_to_fault(provider, "unknown-finish")
        await read_to_fault(provider, "err-hostile")

    assert [str(warning.message) for warning in warned if "TIRED" in str(warning.message)] == []
    assert KEY.value not in caplog.text
    assert "52;c" not in caplog.text


async def test_a_refused_question_is_asked_once(provider: Provider, fake: FakeGemini) -> None:
    for model in ("err-401", "err-429", "err-500", "err-503"):
        await read_to_fault(provider, model)

    assert [asked.model for asked in fake.requests] == ["err-401", "err-429", "err-500", "err-503"]


async def test_a_model_that_makes_pictures_is_asked_for_them(provider: Provider, fake: FakeGemini) -> None:
    await read(provider, asking("gemini-2.5-flash-image", thoughts=False))

    assert len(fake.requests[0].body["generationConfig"]["responseModalities"]) == 2


# ---- what comes -------------------------------------------------------------------------------------------------


async def test_thoughts_come_apart_where_the_sdk_knows_them(driver: Driver, provider: Provider) -> None:
    chunks = await read(provider, asking("gemini-flash-latest"))

    thoughts = [chunk.text for chunk in chunks if isinstance(chunk, ThoughtChunk)]
    assert thoughts == (["Thinking about it. ", "Nearly there."] if driver.knows_thoughts else [])
    assert text_of(chunks) == "You said: Hello there"


async def test_no_thoughts_are_asked_for_when_none_are_wanted(provider: Provider, fake: FakeGemini) -> None:
    await read(provider, asking("gemini-flash-latest", thoughts=False))

    assert "thinkingConfig" not in fake.requests[0].body.get("generationConfig", {})


async def test_a_model_that_cannot_think_still_answers(driver: Driver, provider: Provider, fake: FakeGemini) -> None:
    answers = [text_of(await read(provider, asking("no-thinking"))) for _ in range(2)]

    assert answers == ["You said: Hello there"] * 2
    assert len(fake.requests) == (3 if driver.knows_thoughts else 2)


async def test_usage_counts_thinking_apart_and_knows_the_price(provider: Provider) -> None:
    end = end_of(await read(provider, asking("max-tokens")))

    assert end.truncated
    assert end.usage is not None
    assert (end.usage.input_tokens, end.usage.output_tokens, end.usage.thought_tokens) == (7, 5, 8)
    assert end.usage.cost_micro_usd == round(7 * 0.30 + 13 * 2.50)


async def test_text_carries_the_count_of_tokens_so_far(provider: Provider, fake: FakeGemini) -> None:
    fake.play("counting", *tokens(3))

    chunks = await read(provider, asking("counting"))

    assert [chunk.output_tokens for chunk in chunks if isinstance(chunk, TextChunk)] == [1, 2, 3]


async def test_counts_that_come_after_the_end_are_taken(provider: Provider) -> None:
    end = end_of(await read(provider, asking("late-usage")))

    assert not end.truncated
    assert end.usage is not None
    assert end.usage.output_tokens == 1


async def test_a_picture_the_model_makes_comes_with_its_bytes(provider: Provider) -> None:
    chunks = await read(provider, asking("picture"))

    assert ImageChunk("image/png", png()) in chunks
    assert text_of(chunks) == "Here: done"


async def test_each_source_comes_once(provider: Provider) -> None:
    chunks = await read(provider, asking("grounded"))

    assert [chunk.source for chunk in chunks if isinstance(chunk, SourceChunk)] == [
        SourcePart("A", "https://a.example/"),
        SourcePart("B", "https://b.example/"),
    ]


async def test_any_character_survives(provider: Provider) -> None:
    assert text_of(await read(provider, asking("unicode"))) == 'سلام\u2028دنیا\u200cها {"a": [1]} \\ 🦊'


async def test_hostile_text_is_handed_on_as_it_is_for_the_display_to_clean(provider: Provider) -> None:
    assert text_of(await read(provider, asking("hostile"))) == f"before {HOSTILE} after"


async def test_each_chunk_is_handed_on_before_the_next_one_is_sent(provider: Provider, fake: FakeGemini) -> None:
    fake.play("waiting", text("one"), Silence())

    async with aclosing(provider.stream(asking("waiting"))) as stream:
        assert await anext(stream) == TextChunk("one")


async def test_many_answers_run_at_once(provider: Provider, fake: FakeGemini) -> None:
    fake.play("waiting", text("one"), Silence())
    streams = [provider.stream(asking("waiting")) for _ in range(120)]

    firsts = await asyncio.gather(*(anext(stream) for stream in streams))

    assert len(firsts) == 120
    await asyncio.gather(*(stream.aclose() for stream in streams))


# ---- leaving: the four ways -------------------------------------------------------------------------------------


async def test_breaking_out_closes_the_connection(provider: Provider, fake: FakeGemini) -> None:
    async with aclosing(provider.stream(asking("silent-mid"))) as stream:
        async for _ in stream:
            break

    await asyncio.wait_for(fake.left(), 1)


async def test_cancelling_a_reader_that_waits_for_a_chunk_closes_the_connection(
    provider: Provider, fake: FakeGemini
) -> None:
    seen = asyncio.Event()

    async def consume() -> None:
        async for chunk in provider.stream(asking("silent-mid")):
            if chunk == TextChunk("world", 5):
                seen.set()

    await cancelled_after(seen, consume())
    await asyncio.wait_for(fake.left(), 1)


async def test_cancelling_before_anything_came_closes_the_connection(provider: Provider, fake: FakeGemini) -> None:
    task = asyncio.create_task(read(provider, asking("silent")))
    await fake.asked()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await asyncio.wait_for(fake.left(), 1)


async def test_cancelling_a_reader_that_waits_for_something_else_closes_the_connection(
    provider: Provider, fake: FakeGemini
) -> None:
    seen = asyncio.Event()

    async def consume() -> None:
        async with aclosing(provider.stream(asking("silent-mid"))) as stream:
            async for _ in stream:
                seen.set()
                await asyncio.Event().wait()

    await cancelled_after(seen, consume())
    await asyncio.wait_for(fake.left(), 1)


async def cancelled_after(seen: asyncio.Event, work: object) -> None:
    task = asyncio.ensure_future(work)  # type: ignore[call-overload]
    await seen.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_leaving_one_answer_leaves_the_others_alone(provider: Provider, fake: FakeGemini) -> None:
    fake.play("waiting", text("one"), Silence())
    kept, left = provider.stream(asking("waiting")), provider.stream(asking("waiting"))
    await asyncio.gather(anext(kept), anext(left))

    await left.aclose()
    await asyncio.wait_for(fake.left(), 1)

    assert len(fake.midway) == 1
    assert text_of(await read(provider, asking("gemini-2.5-flash"))) == "You said: Hello there"
    await kept.aclose()


async def test_closing_twice_is_harmless(provider: Provider) -> None:
    await read(provider, asking("gemini-2.5-flash"))

    await provider.close()
    await provider.close()


# ---- faults -----------------------------------------------------------------------------------------------------

REFUSALS: list[tuple[str, type[ProviderError], float | None]] = [
    ("err-400", RequestRejected, None),
    ("err-401", KeyRejected, None),
    ("err-403", KeyRejected, None),
    ("err-404", ModelNotFound, None),
    ("err-413", RequestRejected, None),
    ("err-429", RateLimited, 3.5),
    ("err-429-header", RateLimited, 7.0),
    ("err-429-bare", RateLimited, None),
    ("err-500", ProviderUnavailable, None),
    ("err-503", ProviderUnavailable, None),
    ("err-html", ProviderUnavailable, None),
    ("location", PlaceNotSupported, None),
    ("key-invalid", KeyRejected, None),
    ("too-long", ContextTooLong, None),
    ("blocked", ContentBlocked, None),
]


@pytest.mark.parametrize(("model", "kind", "wait"), REFUSALS, ids=[model for model, _, _ in REFUSALS])
async def test_a_refusal_is_told_by_its_kind_in_one_clear_sentence(
    provider: Provider, model: str, kind: type[ProviderError], wait: float | None
) -> None:
    said, error = await read_to_fault(provider, model)

    assert said == ""
    assert type(error) is kind
    assert error.retry_after_s == wait
    assert error.title
    assert "\n" not in error.title + error.hint
    assert not any(sign in error.title + error.hint for sign in ("{", "INVALID_ARGUMENT", "Error", "<html"))


ENDS: list[tuple[str, type[ProviderError]]] = [
    ("safety", ContentBlocked),
    ("recitation", ContentBlocked),
    ("other", ProviderError),
    ("no-finish", ProviderUnavailable),
    ("mid-cut", ProviderUnavailable),
    ("mid-err", ProviderUnavailable),
    ("mid-err-raw", ProviderUnavailable),
]


@pytest.mark.parametrize(("model", "kind"), ENDS, ids=[model for model, _ in ENDS])
async def test_an_answer_that_ends_badly_keeps_its_text_and_says_why(
    provider: Provider, model: str, kind: type[ProviderError]
) -> None:
    said, error = await read_to_fault(provider, model)

    assert said == "Hello world"
    assert type(error) is kind


@pytest.mark.parametrize("model", ["mid-err-nocode", "mid-badjson", "unknown-finish"])
async def test_an_answer_no_sdk_expects_is_still_told_in_our_errors(provider: Provider, model: str) -> None:
    said, error = await read_to_fault(provider, model)

    assert said.endswith("Hello world")
    assert error.title


QUOTA = error_body(429, "Quota exceeded", RETRY_INFO)
MIDWAY: dict[str, Step] = {
    "event": Send(QUOTA),
    "raw": Raw(json.dumps(QUOTA, indent=2).encode() + b"\n"),
    "raw on one line": Raw(json.dumps(QUOTA).encode()),
    "in an array": Raw(json.dumps([QUOTA]).encode()),
    "event in an array": Raw(b"data: " + json.dumps([QUOTA]).encode() + b"\n\n"),
    "named": Raw(b"event: error\ndata: " + json.dumps(QUOTA).encode() + b"\n\n"),
    "named and bare": Raw(b"event: error\ndata: " + json.dumps(QUOTA["error"]).encode() + b"\n\n"),
    "without the last line end": Raw(b"data: " + json.dumps(QUOTA).encode()),
}


@pytest.mark.parametrize("form", MIDWAY)
async def test_an_error_in_mid_stream_is_told_in_whatever_form_it_comes(
    provider: Provider, fake: FakeGemini, form: str
) -> None:
    fake.play("midway", text("Half", output=2), MIDWAY[form])

    said, error = await read_to_fault(provider, "midway")

    assert said == "Half"
    assert (type(error), error.retry_after_s) == (RateLimited, 3.5)


@pytest.mark.parametrize("form", [{"error": "busy"}, {"error": {"message": "busy"}}, {"error": {"message": None}}])
async def test_an_error_without_a_code_is_one(provider: Provider, fake: FakeGemini, form: Any) -> None:
    fake.play("midway", text("Half"), Send(form))

    said, error = await read_to_fault(provider, "midway")

    assert said == "Half"
    assert error.title


async def test_an_error_that_is_null_is_none(provider: Provider, fake: FakeGemini) -> None:
    fake.play("nulls", Send({"error": None}), text("Hello", finish="STOP"))

    assert text_of(await read(provider, asking("nulls"))) == "Hello"


async def test_what_was_used_until_an_error_is_told_before_it(provider: Provider) -> None:
    chunks: list[Chunk] = []

    async def take() -> None:
        async for chunk in provider.stream(asking("safety")):
            chunks.append(chunk)

    with pytest.raises(ContentBlocked):
        await take()
    assert isinstance(chunks[-1], UsageChunk)
    assert (chunks[-1].usage.output_tokens, chunks[-1].usage.thought_tokens) == (5, 8)
    assert chunks[-1].usage.cost_micro_usd == round(7 * 0.30 + 13 * 2.50)


async def test_a_finish_reason_of_the_future_is_no_good_end(provider: Provider) -> None:
    _, error = await read_to_fault(provider, "unknown-finish")

    assert error.title == "Gemini stopped without saying why"


async def test_what_gemini_says_beside_its_finish_reason_is_told(provider: Provider) -> None:
    _, error = await read_to_fault(provider, "malformed-call")

    assert error.title == "Gemini tried to call a function and got it wrong"
    assert error.hint.startswith("Gemini says: Malformed: print(1).")


@pytest.mark.parametrize("model", ["empty-stop", "empty-nothing", "only-thoughts"])
async def test_an_answer_without_a_word_ends_without_one(provider: Provider, model: str) -> None:
    """The core makes a fault of it, for every provider: see `generations.run`."""
    assert text_of(await read(provider, asking(model))) == ""


async def test_a_call_of_a_function_is_no_answer(provider: Provider) -> None:
    _, error = await read_to_fault(provider, "function-call")

    assert (type(error), error.title) == (EmptyAnswer, "The model called a function instead of answering")


@pytest.mark.parametrize("model", ["no-quota", "err-429-day"])
async def test_a_quota_that_waiting_does_not_help_has_no_wait(provider: Provider, model: str) -> None:
    _, error = await read_to_fault(provider, model)

    assert error.retry_after_s is None
    assert "choose another model" in error.hint


async def test_a_web_page_in_the_place_of_gemini_is_told(provider: Provider, fake: FakeGemini) -> None:
    fake.listed = b"<html>Please sign in to the hotel network</html>"

    _, asked = await read_to_fault(provider, "html")
    with pytest.raises(ProviderUnavailable) as listed:
        await provider.list_models()

    assert asked.title == listed.value.title == "What answered is not Gemini"


LINE_ENDS = {"CRLF": b"\r\n", "LF": b"\n", "CR": b"\r"}


@pytest.mark.parametrize("end", LINE_ENDS)
async def test_events_are_read_as_the_standard_has_them(provider: Provider, fake: FakeGemini, end: str) -> None:
    """Every field, a byte order mark, comments, data in several lines, and what gateways add at the end."""
    line_end = LINE_ENDS[end]
    first = b'\xef\xbb\xbf: hello\nevent: message\nid: 1\nretry: 3000\ndata:{"candidates": [{"content":\n'
    first += b'data: {"parts": [{"text": "Hello "}]}}]}\n\n'
    last = b"event: ping\ndata: {}\n\nid\n\n: bye\n\ndata: [DONE]\n\n"
    fake.play(
        "standard",
        Raw(first.replace(b"\n", line_end)),
        event(text("world", finish="STOP").body, end=line_end),
        Raw(last.replace(b"\n", line_end)),
    )

    assert text_of(await read(provider, asking("standard"))) == "Hello world"


async def test_a_null_is_a_field_that_is_not_there(provider: Provider, fake: FakeGemini) -> None:
    nothing = {"content": None, "finishReason": None, "finishMessage": None, "groundingMetadata": None}
    fake.play(
        "nulls",
        Send({"candidates": None, "promptFeedback": None, "usageMetadata": None, "modelVersion": None}),
        Send({"candidates": [None, nothing], "promptFeedback": {"blockReason": None}}),
        candidate(**nothing | {"content": {"parts": None}, "groundingMetadata": {"groundingChunks": None}}),
        candidate(content={"parts": [None, {"text": None, "thoughtSignature": "QUJD", "inlineData": None}]}),
        candidate(content={"parts": [{"inlineData": {"mimeType": None, "data": None}, "thought": None}]}),
        candidate(groundingMetadata={"groundingChunks": [None, {"web": None}, {"web": {"uri": None, "title": None}}]}),
        Raw(b"data: null\n\n"),
        text("Hello", finish="STOP"),
        Send({"usageMetadata": {"promptTokenCount": None, "candidatesTokenCount": 3}}),
    )

    chunks = await read(provider, asking("nulls"))

    assert chunks[:-1] == [TextChunk("Hello")]
    usage = end_of(chunks).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (0, 3)


async def test_a_large_picture_comes_in_one_event(provider: Provider, fake: FakeGemini) -> None:
    data = random.Random(7).randbytes(5 << 20)
    fake.play("large", picture(data), text("done", finish="STOP"))

    chunks = await read(provider, asking("large"))

    assert chunks[0] == ImageChunk("image/png", data)


@pytest.mark.parametrize(("head", "end"), [("", ""), ("data: ", "\n"), (": ", "")])
async def test_an_event_without_end_is_left(provider: Provider, fake: FakeGemini, head: str, end: str) -> None:
    fake.play("endless", text("Half"), Drip(f"{head}{'x' * (1 << 20)}{end}".encode(), 0.001))

    said, error = await read_to_fault(provider, "endless")

    assert said == "Half"
    assert error.title == "Gemini sent more than 32 MB at once"
    await asyncio.wait_for(fake.left(), 5)


async def test_a_list_of_models_without_end_is_left(provider: Provider, fake: FakeGemini) -> None:
    fake.listed = b'{"models": [' + b" " * (9 << 20)

    with pytest.raises(ProviderError) as caught:
        await provider.list_models()

    assert caught.value.title == "Gemini sent more than 8 MB at once"


async def test_the_body_of_a_refusal_is_read_so_far_only(provider: Provider, fake: FakeGemini) -> None:
    fake.play("refused", Refuse(503, b'{"error": {"message": "' + b"x" * (9 << 20)))

    _, error = await read_to_fault(provider, "refused")

    assert (type(error), error.title) == (ProviderUnavailable, "Gemini is overloaded right now")


async def test_a_comment_in_the_stream_is_passed_over(provider: Provider) -> None:
    assert text_of(await read(provider, asking("keepalive"))).endswith("Hello world!")


@pytest.mark.parametrize("model", ["cut-first", "empty"])
async def test_a_connection_closed_without_an_answer_is_told(provider: Provider, model: str) -> None:
    said, error = await read_to_fault(provider, model)

    assert said == ""
    assert type(error) is ProviderUnavailable
    assert error.title == "Gemini closed the connection without an answer"


@pytest.mark.parametrize("model", ["silent", "silent-mid"])
async def test_a_silent_server_is_left_after_the_timeout(driver: Driver, fake: FakeGemini, model: str) -> None:
    provider = driver.make(fake.url, 0.2)

    _, error = await read_to_fault(provider, model)

    assert type(error) is ProviderUnavailable
    assert error.title == "Gemini was silent for 0.2 s"
    await asyncio.wait_for(fake.left(), 1)
    await provider.close()


@pytest.mark.parametrize("model", ["drip", "drip-comments", "drip-events"])
async def test_bytes_that_make_no_answer_do_not_keep_one_waiting(driver: Driver, fake: FakeGemini, model: str) -> None:
    provider = driver.make(fake.url, 0.3)

    said, error = await read_to_fault(provider, model)

    assert said == ("" if model == "drip" else "Hello world")
    assert error.title == "Gemini was silent for 0.3 s"
    await asyncio.wait_for(fake.left(), 1)
    await provider.close()


async def test_a_list_of_models_that_drips_is_left(driver: Driver, fake: FakeGemini) -> None:
    fake.drips = True
    provider = driver.make(fake.url, 0.3)

    with pytest.raises(ProviderUnavailable) as caught:
        await provider.list_models()

    assert caught.value.title == "Gemini did not answer within 0.3 s"
    await asyncio.wait_for(fake.left(), 1)
    await provider.close()


async def test_a_redirect_is_told_and_the_key_does_not_go_along(provider: Provider, fake: FakeGemini) -> None:
    async with FakeGemini() as elsewhere:
        fake.redirect = elsewhere.url

        _, asked = await read_to_fault(provider, "gemini-2.5-flash")
        with pytest.raises(ProviderUnavailable) as listed:
            await provider.list_models()

        assert elsewhere.requests == []
        for error in (asked, listed.value):
            assert error.title == "That address is not a Gemini API"
            assert elsewhere.url in error.hint
            assert "GOOGLE_GEMINI_BASE_URL" in error.hint


async def test_a_refused_connection_says_what_to_check(driver: Driver) -> None:
    async with FakeGemini() as gone:
        url = gone.url
    provider = driver.make(url, READ_TIMEOUT_S)

    _, error = await read_to_fault(provider, "gemini-2.5-flash")

    assert type(error) is ProviderUnavailable
    assert error.title == "Gemini cannot be reached: the connection was refused"
    assert "HTTPS_PROXY" in error.hint
    await provider.close()


async def test_a_name_that_is_not_found_is_told(driver: Driver) -> None:
    provider = driver.make("http://no-such-host.invalid:80", READ_TIMEOUT_S)

    _, error = await read_to_fault(provider, "gemini-2.5-flash")

    assert type(error) is ProviderUnavailable
    assert error.title == "Gemini cannot be reached: its name was not found"
    await provider.close()


async def test_a_place_that_is_not_served_names_the_ways_around(provider: Provider) -> None:
    _, error = await read_to_fault(provider, "location")

    for name in ("HTTPS_PROXY", "ALL_PROXY", "GOOGLE_GEMINI_BASE_URL"):
        assert name in error.hint


async def test_a_model_that_is_not_there_is_named(provider: Provider) -> None:
    _, error = await read_to_fault(provider, "err-404")

    assert "err-404" in error.hint


async def test_a_servers_own_words_are_cut_to_one_line(provider: Provider) -> None:
    _, error = await read_to_fault(provider, "err-hostile")

    assert "\n" not in error.hint
    assert len(error.hint) < 330


# ---- proxies ----------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment without any proxy setting."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_used(
    driver: Driver, fake: FakeGemini, environment: pytest.MonkeyPatch, name: str
) -> None:
    environment.setenv(name, fake.url)
    provider = driver.make("http://gemini.invalid:80", READ_TIMEOUT_S)

    chunks = await read(provider, asking("gemini-2.5-flash"))

    assert text_of(chunks) == "You said: Hello there"
    assert fake.requests[0].path.startswith("http://gemini.invalid")
    await provider.close()


async def test_a_proxy_that_does_not_answer_is_told(driver: Driver, environment: pytest.MonkeyPatch) -> None:
    async with FakeGemini() as gone:
        environment.setenv("HTTP_PROXY", gone.url)
    provider = driver.make("http://gemini.invalid:80", READ_TIMEOUT_S)

    _, error = await read_to_fault(provider, "gemini-2.5-flash")

    assert type(error) is ProviderUnavailable
    assert error.title.startswith("Gemini cannot be reached")
    await provider.close()


async def test_a_setting_of_certificates_that_cannot_work_is_named(
    driver: Driver, fake: FakeGemini, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SSL_CERT_FILE", "/nowhere.pem")
    provider = driver.make(fake.url, READ_TIMEOUT_S)
    for call in (read(provider, asking("gemini-2.5-flash")), provider.list_models()):
        with pytest.raises(ConfigError, match="SSL_CERT_FILE names /nowhere"):
            await call
    await provider.close()
    environment.setenv("SSL_CERT_FILE", "")
    provider = driver.make(fake.url, READ_TIMEOUT_S)
    assert text_of(await read(provider, asking("gemini-2.5-flash"))) == "You said: Hello there"
    await provider.close()


@pytest.mark.parametrize(
    ("value", "words"), [("socks5://user:secret@p:9", r"\[socks\]"), ("gopher://secret", "http://host")]
)
async def test_a_proxy_setting_that_cannot_work_says_what_would(
    driver: Driver, environment: pytest.MonkeyPatch, value: str, words: str
) -> None:
    for package in ("socksio", "socks"):
        environment.setitem(sys.modules, package, None)  # as without the extra
    environment.setattr(network, "find_spec", lambda name: None)
    environment.setenv("ALL_PROXY", value)
    provider = driver.make("http://gemini.invalid", READ_TIMEOUT_S)

    with pytest.raises(ConfigError, match=words) as caught:
        await read(provider, asking("gemini-2.5-flash"))

    assert caught.value.title == "The proxy that is set cannot be used"
    assert "secret" not in caught.value.hint


async def test_a_proxy_that_cannot_work_and_is_not_needed_does_no_harm(
    driver: Driver, fake: FakeGemini, environment: pytest.MonkeyPatch
) -> None:
    environment.setitem(sys.modules, "socksio", None)
    for name, value in {"http_proxy": fake.url, "https_proxy": fake.url, "all_proxy": "socks5://127.0.0.1:9"}.items():
        environment.setenv(name, value)
    provider = driver.make("http://gemini.invalid:80", READ_TIMEOUT_S)

    assert text_of(await read(provider, asking("gemini-2.5-flash"))) == "You said: Hello there"
    await provider.close()


# ---- models -----------------------------------------------------------------------------------------------------


async def test_all_pages_of_models_are_read_and_only_those_that_answer_kept(
    driver: Driver, provider: Provider, fake: FakeGemini
) -> None:
    models = await provider.list_models()

    assert len(fake.requests) == 3
    assert [model.id for model in models] == [
        "gemini-2.5-pro",
        "gemini-2.5-flash",
        "gemini-2.5-flash-image",
        "gemma-3-27b-it",
    ]
    pro, _, painter, gemma = models
    assert (pro.name, pro.provider, pro.input_token_limit) == ("Gemini 2.5 Pro", "gemini", 1048576)
    assert pro.thinks is driver.knows_thoughts
    assert (pro.takes_images, pro.makes_images) == (True, False)
    assert (pro.input_usd_per_million, pro.output_usd_per_million) == (1.25, 10.0)
    assert painter.makes_images
    assert not gemma.takes_images


async def test_listing_models_with_a_wrong_key_is_told(driver: Driver) -> None:
    async with FakeGemini(key="another") as fake:
        provider = driver.make(fake.url, READ_TIMEOUT_S)
        with pytest.raises(KeyRejected):
            await provider.list_models()
        await provider.close()


async def test_listing_models_at_an_address_that_is_no_gemini_api_is_told(driver: Driver, fake: FakeGemini) -> None:
    provider = driver.make(f"{fake.url}/elsewhere", READ_TIMEOUT_S)

    with pytest.raises(ProviderUnavailable) as caught:
        await provider.list_models()

    assert caught.value.title == "That address is not a Gemini API"
    await provider.close()


async def test_preloading_in_threads_beside_the_first_question_is_harmless(
    provider: Provider, fake: FakeGemini
) -> None:
    preloads = [asyncio.to_thread(provider.preload) for _ in range(3)]

    answer = asyncio.create_task(read(provider, asking("gemini-2.5-flash")))
    await asyncio.gather(*preloads)

    assert text_of(await answer) == "You said: Hello there"


def test_the_stand_in_plays_every_fault_the_suite_names() -> None:
    played = {*fake_gemini.BEHAVIOURS}
    assert {"mid-cut", "blocked", "safety", "silent", "silent-mid", "location", "key-invalid"} <= played
