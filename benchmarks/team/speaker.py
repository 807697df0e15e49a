"""A model inside the server: says as many tokens as the question asks for, at the pace it names."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator

from argus_core.domain import ModelInfo, Usage
from argus_core.errors import RequestRejected
from argus_core.providers.base import Chunk, EndChunk, Prompt, TextChunk

MODEL = "benchmark-1"
_WANTED = re.compile(r"say (\d+) at (\d+)")


def question(tokens: int, per_s: int = 0) -> str:
    """Return what to ask for that many tokens at that pace; 0 is as fast as they are taken."""
    return f"say {tokens} at {per_s}"


def spoken(tokens: int) -> str:
    """Return the whole answer of that many tokens: each says its place, so that nothing can be lost unseen."""
    return "".join(map(_word, range(tokens)))


def _word(place: int) -> str:
    return f"w{place:04d} "


class Speaker:
    """A `Provider` that costs next to nothing."""

    name = "gemini"

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """Say what the last message asks for, a token a chunk."""
        wanted = _WANTED.search("".join(part for part in prompt.messages[-1].parts if isinstance(part, str)))
        if wanted is None:
            raise RequestRejected("Ask as `question` does.")
        tokens, per_s = int(wanted[1]), int(wanted[2])
        began = time.monotonic()
        for place in range(tokens):
            if per_s and (wait_s := began + place / per_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            yield TextChunk(_word(place), output_tokens=place + 1)
        yield EndChunk(Usage(input_tokens=1, output_tokens=tokens, cost_micro_usd=0))

    async def list_models(self) -> list[ModelInfo]:
        """Return the one model."""
        return [ModelInfo(id=MODEL, name="Benchmark", provider="gemini", input_token_limit=1 << 20)]

    def preload(self) -> None:
        """Nothing is loaded."""

    async def close(self) -> None:
        """Nothing is open."""
