"""One generation while it runs: talks to the provider, turns chunks into events, can be stopped at once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from argus_core.domain import Attachment, Generation, Usage
from argus_core.errors import ArgusError, ProviderUnavailable
from argus_core.events import (
    AttachmentAdded,
    Completed,
    Event,
    Failed,
    Interrupted,
    SourceAdded,
    Terminator,
    TextDelta,
    ThoughtDelta,
)
from argus_core.generations.log import EventLog, LiveLog
from argus_core.generations.pace import Pace
from argus_core.generations.patience import patiently
from argus_core.providers import endings
from argus_core.providers.base import (
    Chunk,
    EndChunk,
    ImageChunk,
    Prompt,
    Provider,
    SourceChunk,
    TextChunk,
    ThoughtChunk,
    UsageChunk,
)

MAX_COUNT = 1 << 53
"""What a server counts is capped here: whatever it says, the log can be read again."""
_log = logging.getLogger(__name__)

KeepPicture = Callable[[str, str, bytes], Awaitable[Attachment]]
"""Keeps a picture for a user id under a name: `Attachments.add`."""


class Run:
    """A generation that this process runs.

    Args:
        generation: Stored already.
        provider: Who answers.
        prompt: Makes what it is asked; called again while the storage is away.
        log: Where the events go, and `live`, its part for this generation.
        live: See `log`.
        keep: Keeps pictures that the model makes.
        pace: That of all answers of this process.
    """

    def __init__(
        self,
        generation: Generation,
        provider: Provider,
        prompt: Callable[[], Awaitable[Prompt]],
        log: EventLog,
        live: LiveLog,
        keep: KeepPicture,
        pace: Pace,
    ) -> None:
        self.generation = generation
        self.live = live
        self._provider = provider
        self._prompt = prompt
        self._log = log
        self._keep = keep
        self._pace = pace
        self._stopped: Terminator | None = None
        self._usage: Usage | None = None
        self._thinking_since: float | None = None
        self._thought_s: float | None = None
        self._shown: set[type[Event]] = set()
        self._answer = asyncio.create_task(self._talk(), name=f"answer {generation.id}")

    def stop(self, why: Terminator) -> None:
        """Break off the talk with the provider; the first reason counts, and nothing happens after the end."""
        if self._stopped is None and not self._answer.done():
            self._stopped = why
            self._answer.cancel()

    async def terminator(self) -> Terminator:
        """Wait for the end and return it; a bug of ours is one too: no generation is left without."""
        await asyncio.wait([self._answer])
        if self._answer.cancelled():
            return self._stopped or Interrupted()
        bug = self._answer.exception()
        if bug is None:
            return self._answer.result()
        _log.error("a generation ended by a bug", exc_info=bug)
        problem = ArgusError("This is a bug in Argus; what had come is kept.", title="The answer broke off").problem()
        return Failed(problem, self._usage)

    async def _talk(self) -> Terminator:
        try:
            prompt = await patiently(self._prompt)
            async with aclosing(self._provider.stream(prompt)) as stream:
                async for chunk in stream:
                    if isinstance(chunk, EndChunk | UsageChunk):
                        self._usage = _capped(chunk.usage)
                    if isinstance(chunk, EndChunk):
                        return self._ended(truncated=chunk.truncated)
                    await self._take(chunk)
                    await self._pace.give_way()
        except ArgusError as error:
            return Failed(error.problem(), self._usage)
        cut = ProviderUnavailable("The answer broke off; /continue goes on from here.", title="The answer was cut off")
        return Failed(cut.problem(), self._usage)

    def _ended(self, *, truncated: bool) -> Terminator:
        """Return the end of an answer that ended well; one without a word is no answer."""
        if self._shown & {TextDelta, AttachmentAdded}:
            return Completed(self._usage, truncated)
        return Failed(endings.empty(truncated=truncated).problem(), self._usage)

    async def _take(self, chunk: Chunk) -> None:
        event = await self._event(chunk)
        if event is None:
            return
        if not isinstance(event, ThoughtDelta):
            await self._end_thinking()
        urgent = type(event) not in self._shown
        self._shown.add(type(event))
        await self._log.add(self.live, event, urgent=urgent)

    async def _event(self, chunk: Chunk) -> Event | None:
        match chunk:
            case TextChunk(text=text, output_tokens=tokens) if text:
                return TextDelta(text, _cap(tokens))
            case ThoughtChunk(text=text) if text:
                return ThoughtDelta(text, self._thinking_s())
            case SourceChunk(source=source):
                return SourceAdded(source)
            case ImageChunk(data=data):
                return AttachmentAdded(await self._keep(self.generation.user_id, "picture", data))
            case _:
                return None

    def _thinking_s(self) -> float:
        """Return the seconds from the first thought to now, or to the first word of the answer."""
        now = time.monotonic()
        if self._thinking_since is None:
            self._thinking_since = now
        return self._thought_s if self._thought_s is not None else round(now - self._thinking_since, 1)

    async def _end_thinking(self) -> None:
        """Note how long the model thought, now that the answer begins: a thought without words says it."""
        if self._thought_s is None and self._thinking_since is not None:
            self._thought_s = self._thinking_s()
            await self._log.add(self.live, ThoughtDelta("", self._thought_s))


def _cap(count: int) -> int:
    return max(0, min(count, MAX_COUNT))


def _capped(usage: Usage | None) -> Usage | None:
    if usage is None:
        return None
    cost = usage.cost_micro_usd
    return Usage(
        input_tokens=_cap(usage.input_tokens),
        output_tokens=_cap(usage.output_tokens),
        thought_tokens=_cap(usage.thought_tokens),
        cost_micro_usd=None if cost is None else _cap(cost),
    )
