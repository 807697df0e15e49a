"""`JarvisArgus`: the whole core behind one small object, for programs (docs/library.md)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from argus_core.errors import from_problem
from argus_core.events import Failed, TextDelta

if TYPE_CHECKING:
    from argus_core.client.base import ChatClient


class JarvisArgus:
    """A `ChatClient` with comfortable defaults: all its roles, and `ask` for the usual case.

    Example:
        async with JarvisArgus.open() as argus:
            async for delta in argus.ask("What is in this picture?", images=[Path("roof.jpg")]):
                print(delta, end="")
    """

    def __init__(self, client: ChatClient) -> None:
        self.account = client.account
        self.conversations = client.conversations
        self.messages = client.messages
        self.generations = client.generations
        self.attachments = client.attachments
        self.models = client.models
        self.search = client.search
        self.admin = client.admin
        self.place = client.place
        self.connections = client.connections
        self.diagnose = client.diagnose
        self.drain = client.drain
        self.close = client.close
        self.conversation_id: str | None = None
        """The conversation `ask` goes on in; None starts a new one."""

    @classmethod
    @asynccontextmanager
    async def open(cls, **settings: object) -> AsyncGenerator[JarvisArgus, None]:
        """Open Argus with the settings of the environment; keyword arguments are settings that win over it.

        An answer that still runs at the end of the block is ended as interrupted; `drain` waits for it.

        Raises:
            ConfigError: A setting cannot work.
            StorageError: The store cannot be opened.
        """
        from argus_core.bootstrap import open_client
        from argus_core.settings import load_settings, working_folder

        loaded = load_settings(settings, environ=os.environ, cwd=working_folder())
        async with open_client(loaded.settings) as client:
            yield cls(client)

    async def ask(self, text: str, *, images: Sequence[Path | bytes] = ()) -> AsyncGenerator[str, None]:
        """Ask in the current conversation and yield the answer's text as it comes.

        Leaving the loop early does not stop the answer: it goes on and is kept. One that somebody stops ends the loop.

        Args:
            text: The question.
            images: Pictures that go with it, as paths or bytes.

        Raises:
            AttachmentRejected: A picture cannot be taken.
            ProviderError: The model refused or broke off; what had come is kept.
        """
        attached = [await self._attach(image) for image in images]
        if self.conversation_id is None:
            self.conversation_id = (await self.conversations.create()).id
        turn = await self.generations.ask(self.conversation_id, text, attachment_ids=attached)
        async with aclosing(self.generations.events(turn.generation.id)) as stream:
            async for logged in stream:
                if isinstance(logged.event, TextDelta):
                    yield logged.event.text
                elif isinstance(logged.event, Failed):
                    raise from_problem(logged.event.problem)

    async def _attach(self, image: Path | bytes) -> str:
        if isinstance(image, bytes):
            name, data = "picture", image
        else:
            name, data = image.name, await asyncio.to_thread(image.read_bytes)
        return (await self.attachments.add(name, data)).id
