"""Gemini's answers as they come over the wire: server-sent events with JSON in them.

The SDK could read them too, but validates each one field by field (380 of 440 µs of a chunk's way through the driver),
and gives up at a comment line and at an error without a code.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Any

from argus_core.providers.answer import Answer
from argus_core.providers.base import Chunk

Json = dict[str, Any]


async def objects(data: AsyncIterable[bytes]) -> AsyncIterator[Json]:
    """Yield the JSON object of each event; what is no event is one object in the end, as Google sends some errors.

    Lines end at LF or CRLF only: U+2028 and its like may stand in a text.

    Raises:
        ValueError: It is not JSON.
    """
    rest = b""
    event: list[bytes] = []
    other: list[bytes] = []
    async for piece in data:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                event.append(line[5:])
            elif line.rstrip(b"\r"):
                other.append(line)
            elif event:
                yield json.loads(b"\n".join(event))
                event = []
    if rest.startswith(b"data:"):
        event.append(rest[5:])
    else:
        other.append(rest)
    if event:
        yield json.loads(b"\n".join(event))
    if plain := b"\n".join(line for line in other if not line.startswith(b":")).strip():
        yield json.loads(plain)


def chunks(response: Json, answer: Answer) -> Iterator[Chunk]:
    """Yield what one response brings, and note in `answer` what decides the end.

    Raises:
        ValueError, TypeError, AttributeError, LookupError: It has not the shape of a response.
    """
    _note(response, answer)
    for candidate in response.get("candidates", ())[:1]:
        for part in candidate.get("content", {}).get("parts", ()):
            if "text" in part:
                yield from answer.text(_text(part["text"]), thought=bool(part.get("thought")))
            elif blob := part.get("inlineData"):
                yield from answer.data(_text(blob["mimeType"]), base64.b64decode(blob["data"]))
        for page in candidate.get("groundingMetadata", {}).get("groundingChunks", ()):
            if web := page.get("web"):
                yield from answer.source(_text(web.get("title", "")), _text(web.get("uri", "")))
        reason = candidate.get("finishReason")
        if reason and reason != "FINISH_REASON_UNSPECIFIED":
            answer.finish = str(reason)


def _note(response: Json, answer: Answer) -> None:
    """Take the counts, the answering model, and whether the prompt was blocked."""
    answer.model_version = _text(response.get("modelVersion", answer.model_version))
    if usage := response.get("usageMetadata"):
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
    if reason := response.get("promptFeedback", {}).get("blockReason"):
        answer.block = str(reason)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError("not a text")


def _count(usage: Json, name: str) -> int:
    value = usage.get(name)
    return value if isinstance(value, int) and value > 0 else 0
