from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.errors import ProviderError, ProviderUnavailable
from argus_core.providers.answer import Answer
from argus_core.providers.base import ImageChunk, TextChunk, ThoughtChunk
from argus_core.providers.gemini_wire import chunks, objects

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


async def sent(data: bytes, cuts: list[int]) -> list[Any]:
    """Return what is read when `data` comes in pieces."""

    async def pieces() -> AsyncIterator[bytes]:
        places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
        for start, end in pairwise(places):
            yield data[start:end]

    return [one async for one in objects(pieces())]


@given(
    st.lists(texts, min_size=1, max_size=6),
    st.lists(st.integers(0, 10_000), max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
async def test_events_are_read_alike_however_the_bytes_are_cut(said: list[str], cuts: list[int], end: str) -> None:
    events = [{"text": text} for text in said]
    data = "".join(f"data: {json.dumps(event, ensure_ascii=False)}{end}{end}" for event in events).encode()

    assert await sent(data, cuts) == events


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", []),
        (b'data:{"a":1}\n\n', [{"a": 1}]),
        (b'data: {"a":\ndata: 1}\n\n', [{"a": 1}]),
        (b'data: {"a":1}', [{"a": 1}]),
        (b'data: {"a":1}\n\ndata: {"b":', [{"a": 1}]),
        (b': keepalive\r\n\r\ndata: {"a":1}\r\n\r\n: bye', [{"a": 1}]),
        (b'data: {"a":1}\r\n\r\n{\n  "error": {"code": 500}\n}\n', [{"a": 1}, {"error": {"code": 500}}]),
        (b'data: {"a":1}\n\n[{\n"error": {"code": 500}\n}]', [{"a": 1}, {"error": {"code": 500}}]),
        (b'[{"a":1},\r\n{"a":2}]', [{"a": 1}, {"a": 2}]),
        (b'data: {"a":1}\n\ndata: [DONE]\n\n', [{"a": 1}]),
        (b'data: {"a":1}\n\n[DONE]\n', [{"a": 1}]),
        (b"data: null\n\ndata: {}\n\ndata:\n\n", []),
        (b"event: error\ndata: out of order\n\n", [{"error": "out of order"}]),
        (b'event: error\ndata: {"code": 500}\n\n', [{"error": {"code": 500}}]),
        (b'event: error\ndata: {"error": {"code": 500}}\n\n', [{"error": {"code": 500}}]),
        ('data: {"a":"x\u2028y\u0085z"}\r\n\r\n'.encode(), [{"a": "x\u2028y\u0085z"}]),
    ],
)
async def test_the_forms_that_events_take(data: bytes, found: list[Any]) -> None:
    assert await sent(data, []) == found
    assert await sent(data, list(range(len(data)))) == found


@pytest.mark.parametrize(
    "data",
    [
        b"data: {nope\r\n\r\n",
        b"log in to the wifi",
        b'data: "\xff"\n\n',
        b"data: 3\n\n",
        b"data: " + b"[" * 9999 + b"\n\n",
    ],
)
async def test_what_is_no_object_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        await sent(data, [])


async def test_a_web_page_is_told_apart() -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        await sent(b"\n <html>log in to the wifi</html>", [])
    assert caught.value.title == "What answered is not Gemini"


async def test_too_much_text_in_one_event_is_told() -> None:
    with pytest.raises(ProviderError) as caught:
        await sent(b'data: {"text": "' + b"x" * (3 << 20) + b'"}\n\n', [])
    assert caught.value.title == "Gemini sent more than 1 MB at once"


@pytest.mark.parametrize("piece_bytes", [100, 64 * 1024])
async def test_the_time_to_read_an_event_grows_with_its_size_alone(piece_bytes: int) -> None:
    async def seconds(size: int) -> float:
        event = b'data: {"data": "' + b"QUJD" * (size // 4) + b'"}\n\n'
        began = time.process_time()
        (found,) = await sent(event, list(range(0, len(event), piece_bytes)))
        assert len(found["data"]) >= size // 2
        return time.process_time() - began

    small = min([await seconds(1 << 20) for _ in range(3)])
    large = await seconds(8 << 20)

    assert large < 8 * small * 4 + 0.1


def response(*parts: Any, **candidate: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts)}, **candidate}]}


def test_parts_become_chunks_in_their_order() -> None:
    parts = [
        {"text": "hm", "thought": True},
        {"text": "a", "thoughtSignature": "AAEC"},
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        {"inlineData": {"mimeType": "audio/wav", "data": "aGk="}},
        {"executableCode": {"code": "1"}},
        {"text": ""},
    ]

    found = list(chunks(response(*parts), Answer()))

    assert found == [ThoughtChunk("hm"), TextChunk("a"), ImageChunk("image/png", b"hi")]


def test_counts_keep_their_last_value() -> None:
    answer = Answer()
    list(chunks({"usageMetadata": {"promptTokenCount": 9, "toolUsePromptTokenCount": 2}}, answer))
    list(chunks({"usageMetadata": {"candidatesTokenCount": 3, "thoughtsTokenCount": 4}}, answer))

    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.thought_tokens) == (11, 3, 4)


def test_no_reason_is_no_end() -> None:
    answer = Answer()
    list(chunks(response({"text": "a"}, finishReason="FINISH_REASON_UNSPECIFIED"), answer))

    assert answer.finish == ""


@pytest.mark.parametrize(
    "data",
    [
        [],
        "text",
        None,
        {"candidates": 3},
        {"candidates": ["x"]},
        {"candidates": [{"content": None}]},
        response("x"),
        response({"text": 3}),
        response({"inlineData": {}}),
        response({"inlineData": {"mimeType": "image/png", "data": "a"}}),
        {"usageMetadata": "x"},
        {"usageMetadata": {"promptTokenCount": "x"}},
        {"promptFeedback": []},
    ],
)
def test_any_other_shape_raises_what_the_driver_catches(data: Any) -> None:
    try:
        found = list(chunks(data, Answer()))
    except (ValueError, TypeError, AttributeError, LookupError):
        return
    assert all(isinstance(chunk, TextChunk) and isinstance(chunk.text, str) for chunk in found)
