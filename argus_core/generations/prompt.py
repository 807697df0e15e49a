"""From stored messages to what a provider is sent."""

from __future__ import annotations

from dataclasses import replace

from argus_core.blobs.base import BlobStore
from argus_core.domain import AttachmentPart, Message, TextPart, Turn
from argus_core.providers.base import Prompt, PromptImage, PromptMessage
from argus_core.storage.base import Storage

MAX_MESSAGES = 1000
GO_ON = "Go on exactly where your last message stopped. Repeat none of it and say nothing about it."


class Prompts:
    """Fills prompts with the messages that lead to an answer."""

    def __init__(self, storage: Storage, blobs: BlobStore) -> None:
        self._storage = storage
        self._blobs = blobs

    async def fill(self, prompt: Prompt, turn: Turn, prefix: str = "") -> Prompt:
        """Return `prompt` with the messages before the reply of `turn`.

        Args:
            prompt: Everything but the messages.
            turn: Stored already.
            prefix: The text of the reply that is there already, to go on from.
        """
        path = await self._path(turn)
        sent = await prompt_messages(path, self._blobs)
        if prefix:
            sent = (*sent, PromptMessage("assistant", (prefix,)), PromptMessage("user", (GO_ON,)))
        return replace(prompt, messages=sent)

    async def _path(self, turn: Turn) -> list[Message]:
        if turn.question is None:
            return await history(self._storage, turn.generation.user_id, turn.reply.parent_id)
        return [*await history(self._storage, turn.generation.user_id, turn.question.parent_id), turn.question]


async def history(storage: Storage, user_id: str, leaf_id: str | None) -> list[Message]:
    """Return the messages that lead to `leaf_id`, oldest first, the last `MAX_MESSAGES` at most."""
    path: list[Message] = []
    while leaf_id and len(path) < MAX_MESSAGES:
        page = await storage.list_path(user_id, leaf_id, 250)
        path = page + path
        leaf_id = page[0].parent_id
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
