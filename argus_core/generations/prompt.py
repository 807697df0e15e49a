"""From stored messages to what a provider is sent."""

from __future__ import annotations

from argus_core.blobs.base import BlobStore
from argus_core.domain import AttachmentPart, Message, TextPart
from argus_core.providers.base import PromptImage, PromptMessage
from argus_core.storage.base import Storage

MAX_MESSAGES = 1000
GO_ON = "Go on exactly where your last message stopped. Repeat none of it and say nothing about it."


async def history(storage: Storage, user_id: str, leaf_id: str) -> list[Message]:
    """Return the messages that lead to `leaf_id`, oldest first, the last `MAX_MESSAGES` at most."""
    path: list[Message] = []
    next_id: str | None = leaf_id
    while next_id and len(path) < MAX_MESSAGES:
        page = await storage.list_path(user_id, next_id, 250)
        path = page + path
        next_id = page[0].parent_id
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
