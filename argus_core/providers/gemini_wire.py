"""Gemini's answers as they come over the wire: server-sent events with JSON in them.

Both SDKs could read them too, but validate each one field by field (380 of 440 µs of a chunk's way through
google-genai), and give up at a comment, at a field that is null, and at an error without a code.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterator
from typing import Any

from argus_core.providers import big_json, line_faults
from argus_core.providers.answer import Answer
from argus_core.providers.base import Chunk
from argus_core.sse import EventParser, ServerEvent, TooLong

Json = dict[str, Any]
MAX_EVENT_BYTES = 32 * 1024 * 1024
"""A picture comes whole in one event, in base64: 24 MB of it, more than `attachments.MAX_BYTES` keeps."""
_DONE = b"[DONE]"
"""What gateways made for another API end their streams with."""


async def objects(data: AsyncIterable[bytes]) -> AsyncGenerator[Json, None]:
    """Yield the JSON object of each event, and of what stands between events, as Google sends some errors.

    An event whose name is `error` comes as `{"error": …}`, whatever its data.

    Raises:
        ProviderError: An event is too large, or a web page came in the place of an answer.
        ValueError: An event is not JSON.
    """
    parser = EventParser(MAX_EVENT_BYTES)
    any_came = False
    try:
        async for piece in data:
            for event in parser.feed(piece):
                for found in await _read(event):
                    any_came = True
                    yield found
        for found in await _left_over(parser, any_came):
            yield found
    except (TooLong, big_json.TooLarge) as error:
        raise line_faults.too_large(
            MAX_EVENT_BYTES if isinstance(error, TooLong) else big_json.MAX_REST_BYTES
        ) from error


async def _read(event: ServerEvent) -> list[Json]:
    data = event.data.strip()
    if not data or data == _DONE:
        return []
    if event.name != "error":
        return _each(await big_json.loads(data))
    try:
        said = await big_json.loads(data)
    except ValueError:
        said = data.decode(errors="replace")
    return [said if isinstance(said, dict) and said.get("error") else {"error": said}]


async def _left_over(parser: EventParser, any_came: bool) -> list[Json]:
    """Return what stands in a last event without its end, or between events."""
    if data := parser.unfinished.strip():
        try:
            return await _read(ServerEvent("message", data))
        except ValueError:
            return []  # it was cut
    stray = parser.stray.strip()
    if stray.startswith((b"{", b"[")) and stray != _DONE:
        return _each(await big_json.loads(stray))
    if stray.startswith(b"<") and not any_came:
        raise line_faults.not_gemini()
    if stray and not any_came:
        raise ValueError("no events")
    return []


def _each(value: Any) -> list[Json]:
    """Return the objects of some JSON: itself, those of an array, or none for null."""
    found = value if isinstance(value, list) else [value]
    if not all(one is None or isinstance(one, dict) for one in found):
        raise ValueError("not an object")
    return [one for one in found if one]


def chunks(response: Json, answer: Answer) -> Iterator[Chunk]:
    """Yield what one response brings, and note in `answer` what decides the end. A null is a field that is not there.

    Raises:
        ValueError, TypeError, AttributeError, LookupError: It has not the shape of a response.
    """
    _note(response, answer)
    for candidate in _list(response, "candidates")[:1]:
        for part in _list(_object(candidate, "content"), "parts"):
            yield from _part(part, answer)
        for page in _list(_object(candidate, "groundingMetadata"), "groundingChunks"):
            web = _object(page, "web")
            yield from answer.source(_text(web, "title"), _text(web, "uri"))
        reason = _text(candidate, "finishReason")
        if reason and reason != "FINISH_REASON_UNSPECIFIED":
            answer.finish = reason
        answer.finish_message = _text(candidate, "finishMessage") or answer.finish_message


def _part(part: Json, answer: Answer) -> Iterator[Chunk]:
    yield from answer.text(_text(part, "text"), thought=part.get("thought") is True)
    if blob := _object(part, "inlineData"):
        data = blob.get("data") or ""
        if not isinstance(data, str | bytes):
            raise TypeError("not base64")
        yield from answer.data(_text(blob, "mimeType"), big_json.decoded(data))
    answer.called = answer.called or bool(_object(part, "functionCall"))


def _note(response: Json, answer: Answer) -> None:
    """Take the counts, the answering model, and whether the prompt was blocked."""
    answer.heard = True
    answer.model_version = _text(response, "modelVersion") or answer.model_version
    if usage := _object(response, "usageMetadata"):
        answer.count(
            input_tokens=_count(usage, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount"),
            output_tokens=_count(usage, "candidatesTokenCount"),
            thought_tokens=_count(usage, "thoughtsTokenCount"),
            cached=_count(usage, "cachedContentTokenCount"),
            pictures=sum(
                _count(each, "tokenCount")
                for each in usage.get("candidatesTokensDetails") or ()
                if each.get("modality") == "IMAGE"
            ),
        )
    reason = _text(_object(response, "promptFeedback"), "blockReason")
    if reason and reason != "BLOCK_REASON_UNSPECIFIED":
        answer.block = reason


def _object(of: Json, name: str) -> Json:
    value = of.get(name)
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise TypeError(f"`{name}` is no object")


def _list(of: Json, name: str) -> list[Json]:
    """Return a list of objects; those that are null are left out."""
    value = of.get(name)
    if value is None:
        return []
    if isinstance(value, list) and all(one is None or isinstance(one, dict) for one in value):
        return [one for one in value if one is not None]
    raise TypeError(f"`{name}` is no list of objects")


def _text(of: Json, name: str) -> str:
    value = of.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise TypeError(f"`{name}` is no text")


def _count(usage: Json, name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0
