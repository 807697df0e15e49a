"""What every provider promises. `tests/contract/test_provider_*.py` runs on each driver."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from argus_core.domain import ModelInfo, Role, SourcePart, Usage


@dataclass(frozen=True, slots=True)
class PromptImage:
    """A picture in a prompt, already decoded and encoded again by us."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """One message as a provider sees it: role `user` or `assistant`, texts and pictures in order."""

    role: Role
    parts: tuple[str | PromptImage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """All a provider needs for one answer."""

    model: str
    messages: tuple[PromptMessage, ...]
    """Oldest first; the last one is the user's, or the assistant's partial answer to go on from."""
    system: str = ""
    max_output_tokens: int | None = None
    thoughts: bool = True
    """Ask for the thinking to be sent along, where the model does think."""


@dataclass(frozen=True, slots=True)
class TextChunk:
    """Text of the answer."""

    text: str
    output_tokens: int = 0
    """Tokens so far, 0 when not said."""


@dataclass(frozen=True, slots=True)
class ThoughtChunk:
    """Text of the thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class ImageChunk:
    """A picture the model made: hostile bytes until decoded."""

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SourceChunk:
    """A page the answer is grounded on."""

    source: SourcePart


@dataclass(frozen=True, slots=True)
class UsageChunk:
    """What was used so far: the last chunk before an error that ends an answer, since it is charged all the same."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class EndChunk:
    """The last chunk of an answer that ended well; an answer without one was cut off.

    An answer that ends so without a word or a picture has failed all the same: `generations.run` says so.
    """

    usage: Usage | None = None
    truncated: bool = False
    """The model stopped at its length limit."""


Chunk = TextChunk | ThoughtChunk | ImageChunk | SourceChunk | UsageChunk | EndChunk


class Provider(Protocol):
    """A service that writes answers."""

    name: str
    """`gemini`, `local` or `scripted`."""

    def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """Yield the answer as it comes; the last chunk is an `EndChunk`.

        Closing the generator, or cancelling the task that awaits it, closes the provider's connection at once (within
        50 ms), also while it is silent.

        Raises:
            ProviderError: One of its subclasses, before or after some chunks; never an error of the driver.
            ConfigError: The certificates or the proxy that the environment names cannot be used.
        """

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that can answer, in the provider's order, or raise as `stream` does."""

    def preload(self) -> None:
        """Import and build what the first answer needs; blocking, called in a thread; repeating it is harmless."""

    async def close(self) -> None:
        """Let go of connections and memory; calling it twice is harmless."""
