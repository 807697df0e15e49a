"""A provider that replays what a test wrote: chunks, delays and faults, all at once or step by step."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from argus_core.domain import ModelInfo, Usage
from argus_core.providers.base import Chunk, EndChunk, Prompt, TextChunk

SCRIPTED_MODEL = ModelInfo(
    id="scripted-1", name="Scripted", provider="scripted", input_token_limit=8192, takes_images=True
)


@dataclass(frozen=True, slots=True)
class Delay:
    """A step of a script: wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Stop:
    """A step of a script: the stream ends here; without an `EndChunk` before it the answer is cut off."""


Step = Chunk | Delay | Stop | Exception
"""What a script is made of: an exception is raised where it stands."""


@dataclass(slots=True)
class Call:
    """One call of `stream`, as the provider saw it."""

    prompt: Prompt
    closed: bool = False
    """The generator is finished: at its end, by a fault, closed early or cancelled."""
    ended: bool = False
    """The script was replayed to its end; False when it was left before."""


def saying(text: str, *, delay_s: float = 0.0) -> list[Step]:
    """Return a script that says `text` word by word, waits `delay_s` before each, and ends well."""
    words = text.split(" ")
    pieces = [word if i == len(words) - 1 else f"{word} " for i, word in enumerate(words)]
    steps: list[Step] = []
    for n, piece in enumerate(pieces, start=1):
        steps += [Delay(delay_s)] if delay_s else []
        steps.append(TextChunk(piece, output_tokens=n))
    return [*steps, EndChunk(Usage(input_tokens=1, output_tokens=len(pieces), cost_micro_usd=0))]


class ScriptedProvider:
    """Replays `script` on each call; with several scripts, one per call, the last again and again.

    Without a script it is fed by the test: `feed(TextChunk("a"))` goes to the first call, `feed(…, call=1)` to the
    second, before or after it is made; an `EndChunk`, an exception or `Stop()` ends that call.
    """

    name = "scripted"

    def __init__(self, *scripts: Sequence[Step], models: Sequence[ModelInfo] = (SCRIPTED_MODEL,)) -> None:
        self.calls: list[Call] = []
        self.preloads = 0
        self.closed = False
        self._scripts = scripts
        self._models = list(models)
        self._fed: defaultdict[int, asyncio.Queue[Step]] = defaultdict(asyncio.Queue)
        self._called = asyncio.Event()

    @property
    def prompts(self) -> list[Prompt]:
        """What was asked, call by call."""
        return [call.prompt for call in self.calls]

    def feed(self, *steps: Step, call: int = 0) -> None:
        """Let the call number `call`, counted from 0, take these steps next."""
        for step in steps:
            self._fed[call].put_nowait(step)

    async def wait_for_call(self, number: int = 0) -> Call:
        """Return the call number `number`, counted from 0, as soon as it is made."""
        while len(self.calls) <= number:
            self._called.clear()
            await self._called.wait()
        return self.calls[number]

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """Yield the chunks of the script; see `Provider.stream`."""
        number, call = len(self.calls), Call(prompt)
        self.calls.append(call)
        self._called.set()
        steps = self._steps(number)
        try:
            async for step in steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, Delay):
                    await asyncio.sleep(step.seconds)
                elif not isinstance(step, Stop):
                    yield step
            call.ended = True
        finally:
            call.closed = True
            await steps.aclose()

    async def _steps(self, number: int) -> AsyncGenerator[Step, None]:
        if self._scripts:
            for step in self._scripts[min(number, len(self._scripts) - 1)]:
                yield step
            return
        while True:
            step = await self._fed[number].get()
            yield step
            if isinstance(step, EndChunk | Stop):
                return

    async def list_models(self) -> list[ModelInfo]:
        """Return the models given to the constructor."""
        return list(self._models)

    def preload(self) -> None:
        """Count the call; there is nothing to load."""
        self.preloads += 1

    async def close(self) -> None:
        """Remember that it was closed."""
        self.closed = True
