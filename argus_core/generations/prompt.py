"""From stored messages to what a provider is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from argus_core.blobs.base import BlobStore
from argus_core.domain import AttachmentPart, Message, TextPart, Turn
from argus_core.providers.base import Prompt, PromptImage, PromptMessage
from argus_core.storage.base import Storage

MAX_MESSAGES = 1000
MAX_CHARS = 8_000_000
"""More than any model reads; a conversation that holds more is not taken into memory for it."""
_PAGE = 250
GO_ON = "Go on exactly where your last message stopped. Repeat none of it and say nothing about it."


class Prompts:
    """Fills prompts with the messages that lead to an answer."""

    def __init__(self, storage: Storage, blobs: BlobStore) -> None:
        self._storage = storage
        self._blobs = blobs

    async def fill(self, prompt: Prompt, turn: Turn, near: Sequence[Message], prefix: str = "") -> Prompt:
        """Return `prompt` with the messages before the reply of `turn`.

        Args:
            prompt: Everything but the messages.
            turn: Stored already.
            near: The last messages before the question, or before the reply where there is none; any number of them.
            prefix: The text of the reply that is there already, to go on from.
        """
        path = await history(self._storage, turn.generation.user_id, near)
        if turn.question is not None:
            path.append(turn.question)
        sent = await prompt_messages(path, self._blobs)
        if prefix:
            sent = (*sent, PromptMessage("assistant", (prefix,)), PromptMessage("user", (GO_ON,)))
        return replace(prompt, messages=sent)


async def history(storage: Storage, user_id: str, near: Sequence[Message]) -> list[Message]:
    """Return the messages that end with those of `near`, oldest first, at most `MAX_MESSAGES` of some `MAX_CHARS`."""
    path = list(near)
    chars = sum(len(message.text) for message in path)
    while path and (parent_id := path[0].parent_id) and (room := MAX_MESSAGES - len(path)) > 0 and chars < MAX_CHARS:
        page = await storage.list_path(user_id, parent_id, min(_PAGE, room))
        chars += sum(len(message.text) for message in page)
        path = [*page, *path]
    return path


async def prompt_messages(messages: list[Message], blobs: BlobStore) -> tuple[PromptMessage, ...]:
    """Return what the provider is sent of `messages`: no thoughts, no empty answers, roles joined where one repeats."""
    sent: list[PromptMessage] = []
    for message in messages:
        parts = await _parts(message, blobs)
        if not parts:
            continue
        if sent and sent[-1].role == message.role:
            sent[-1] = PromptMessage(message.role, (*sent[-1].parts, *parts))
        else:
            sent.append(PromptMessage(message.role, parts))
    return tuple(sent)


async def _parts(message: Message, blobs: BlobStore) -> tuple[str | PromptImage, ...]:
    parts: list[str | PromptImage] = []
    for part in message.parts:
        if isinstance(part, TextPart) and part.text:
            parts.append(part.text)
        elif isinstance(part, AttachmentPart) and message.role == "user":
            data = await blobs.get(part.attachment.digest)
            parts.append(PromptImage(part.attachment.media_type, data))
    return tuple(parts)
