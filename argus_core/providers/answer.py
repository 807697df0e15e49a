"""What has come of one Gemini answer so far, and how it ended: shared by the drivers of both SDKs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from argus_core.domain import ModelInfo, SourcePart, Usage
from argus_core.errors import ProviderError
from argus_core.providers import endings, line_faults, prices
from argus_core.providers.base import Chunk, EndChunk, ImageChunk, SourceChunk, TextChunk, ThoughtChunk
from argus_core.providers.names import canonical
from argus_core.providers.wording import one_line

_IMAGE_TYPES = "image/"
_AT_THE_LIMIT = ("MAX_TOKENS", "CONTINUATION")


@dataclass(slots=True)
class Answer:
    """Turns what a driver reads into chunks, and remembers what decides the end."""

    usage: Usage | None = None
    cached_tokens: int = 0
    picture_tokens: int = 0
    """How many of the output tokens are pictures; 0 when it was not said."""
    model_version: str = ""
    """The model that really answered, when an alias was asked."""
    finish: str = ""
    """The finish reason; empty until it came."""
    finish_message: str = ""
    """What Gemini says beside the reason; empty when it says nothing."""
    block: str = ""
    """Why the prompt was not answered; empty when it was."""
    began: bool = False
    """A chunk was given out."""
    heard: bool = False
    """A response came, whatever was in it."""
    called: bool = False
    """The model called a function."""
    hide: str = field(default="", repr=False)
    """A secret that must not appear in an error."""
    _speaks: bool = False
    """A word or a picture of the answer was given out, not only its thinking."""
    _pictures: bool = False
    _urls: set[str] = field(default_factory=set)

    def count(
        self, *, input_tokens: int, output_tokens: int, thought_tokens: int, cached: int, pictures: int = 0
    ) -> None:
        """Take the newest counts; one that is 0, for the server did not tell it, keeps its last value."""
        last = self.usage or Usage()
        self.usage = Usage(
            input_tokens=input_tokens or last.input_tokens,
            output_tokens=output_tokens or last.output_tokens,
            thought_tokens=thought_tokens or last.thought_tokens,
        )
        self.cached_tokens = cached or self.cached_tokens
        self.picture_tokens = pictures or self.picture_tokens

    def text(self, text: str, *, thought: bool = False) -> list[Chunk]:
        """Return the chunk for a piece of text; none for an empty one."""
        if not text:
            return []
        self.began = True
        if thought:
            return [ThoughtChunk(text)]
        self._speaks = True
        return [TextChunk(text, self.usage.output_tokens if self.usage else 0)]

    def data(self, media_type: str, data: bytes) -> list[Chunk]:
        """Return the chunk for inline data; none for what is no picture."""
        if not data or not media_type.startswith(_IMAGE_TYPES):
            return []
        self.began = self._speaks = self._pictures = True
        return [ImageChunk(media_type, data)]

    def source(self, title: str, url: str) -> list[Chunk]:
        """Return the chunk for a page; none for one that was told before."""
        if not url or url in self._urls:
            return []
        self.began = True
        self._urls.add(url)
        return [SourceChunk(SourcePart(title=title or url, url=url))]

    async def end(self, model: str) -> EndChunk:
        """Return the last chunk, or raise the `ProviderError` that says why there is none."""
        if fault := self._fault():
            raise fault
        return EndChunk(await self.priced(model), truncated=self.finish in _AT_THE_LIMIT)

    def _fault(self) -> ProviderError | None:
        if self.block:
            return endings.blocked_prompt(self.block)
        if self.finish and self.finish != "STOP" and self.finish not in _AT_THE_LIMIT:
            return endings.stopped(self.finish, one_line(self.finish_message, hide=self.hide))
        if not self.finish and (self.began or not self.heard):
            return line_faults.broke_off(started=self.began)
        return endings.only_a_call() if self.called and not self._speaks else None

    async def priced(self, model: str) -> Usage | None:
        """Return the usage so far with its cost, loading the prices in a thread the first time."""
        if self.usage is None:
            return None
        cost = self._cost(model) if prices.loaded() else await asyncio.to_thread(self._cost, model)
        return replace(self.usage, cost_micro_usd=cost)

    def _cost(self, model: str) -> int | None:
        """Return what it cost at the model that answered, or else at the one that was asked."""
        usage = self.usage or Usage()
        pictures = self.picture_tokens or (usage.output_tokens if self._pictures else 0)  # rather too much
        for name in filter(None, (self.model_version, model)):
            cost = prices.cost_micro_usd(
                name,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens + usage.thought_tokens,
                cached_tokens=self.cached_tokens,
                picture_tokens=pictures,
            )
            if cost is not None:
                return cost
        return None


def model_info(
    name: str, *, display_name: str, description: str, input_limit: int, output_limit: int, thinks: bool
) -> ModelInfo:
    """Return what is known of a Gemini model; blocking at first, for it looks the prices up."""
    model_id = name.removeprefix("models/")
    input_price, output_price = prices.usd_per_million(model_id)
    return ModelInfo(
        id=model_id,
        name=display_name or model_id,
        provider="gemini",
        description=description,
        input_token_limit=input_limit,
        output_token_limit=output_limit,
        takes_images=model_id.startswith("gemini"),
        makes_images=makes_images(model_id),
        thinks=thinks,
        input_usd_per_million=input_price,
        output_usd_per_million=output_price,
    )


def makes_images(model: str) -> bool:
    """Return whether a model answers with pictures too; the API does not say it other than by the name."""
    return "image" in canonical(model)
