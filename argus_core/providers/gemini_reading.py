"""Reading one answer of Gemini to its end: what both drivers do alike, whatever SDK sent the question."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Protocol

from argus_core.errors import ProviderError
from argus_core.providers import faults, line_faults
from argus_core.providers.answer import Answer
from argus_core.providers.base import Chunk, UsageChunk
from argus_core.providers.gemini_wire import Json, chunks, objects

ODDITIES = (ValueError, TypeError, AttributeError, LookupError, RuntimeError)
"""What is raised at answers nobody expected, by the SDKs too: an error without a code is a TypeError to one."""
LIST_LIMIT_S = 30.0
"""How long listing the models may take in all, unless a shorter silence is allowed."""
MAX_BODY_BYTES = 8 * 1024 * 1024
"""The most that is read of an answer to an ordinary call, or of a refusal."""


class Call(Protocol):
    """One question on its way: what a driver gives."""

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """Send the question and yield the bytes of the answer as they come.

        Raises:
            ProviderError: It was refused, or the connection failed.
        """


async def read_answer(call: Call, *, model: str, silence_s: float, hide: str) -> AsyncGenerator[Chunk, None]:
    """Yield the chunks of an answer; see `Provider.stream`.

    Each response has to come within `silence_s` of the one before. Bytes that make no response do not count, comments
    neither: whoever drips them, such as a gateway before a model that hangs, would be waited for without end.

    Args:
        call: The question.
        model: Who was asked.
        silence_s: Seconds.
        hide: A secret that must not appear in errors.
    """
    answer = Answer(hide=hide)
    try:
        async with aclosing(call.pieces()) as pieces, aclosing(objects(pieces)) as found:
            while (response := await _next(found, answer, silence_s)) is not None:
                for chunk in _chunks(response, answer, model):
                    yield chunk
        end = await answer.end(model)
    except ProviderError:
        if (used := await answer.priced(model)) is not None:
            yield UsageChunk(used)
        raise
    yield end


async def _next(found: AsyncIterator[Json], answer: Answer, silence_s: float) -> Json | None:
    """Return the next response, None at the end."""
    try:
        async with asyncio.timeout(silence_s):
            return await anext(found, None)
    except TimeoutError as error:
        fault: ProviderError = line_faults.silent(silence_s)
        cause: Exception = error
    except ProviderError as error:
        fault, cause = error, error
    except ODDITIES as error:
        fault, cause = line_faults.unreadable(), error
    if answer.finish:
        return None  # all had come
    raise fault from cause


def _chunks(response: Json, answer: Answer, model: str) -> list[Chunk]:
    """Return what one response brings."""
    if response.get("error"):
        raise faults.refused(faults.refusal(None, response), model=model, hide=answer.hide)
    try:
        return list(chunks(response, answer))
    except ODDITIES as error:
        raise line_faults.unreadable() from error
