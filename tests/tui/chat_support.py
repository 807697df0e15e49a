"""The real program over a real store, answered by a provider of the test, with a person at the keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets._toast import Toast

from argus_core.attachments import open_attachment
from argus_core.client.local import LocalClient, Services
from argus_core.credentials import Credentials
from argus_core.domain import Conversation, Generation, Message, ModelInfo, TextPart, Turn
from argus_core.errors import KeyRejected
from argus_core.ids import new_id
from argus_core.models import Providers
from argus_core.providers.base import EndChunk, TextChunk
from argus_core.providers.scripted import SCRIPTED_MODEL, ScriptedProvider
from argus_core.settings import Secret
from argus_core.storage.base import Ending
from argus_tui.app import ArgusApp
from argus_tui.options import AppOptions
from argus_tui.screens.chat import ChatScreen
from argus_tui.widgets.key_card import KeyField
from tests.support.clients import MODEL, USER_ID, client_of, open_services

WIDE, SMALL = (120, 40), (80, 24)
AT = datetime(2026, 11, 20, 14, 2, tzinfo=UTC)
OTHER_MODEL = replace(SCRIPTED_MODEL, id="scripted-2", name="Scripted Two")
GOOD_KEY = "AIzaGoodKeyOfATest"
_PATIENCE_S = 15.0
"""After this a condition is taken for one that never comes; nothing waits so long when all is well."""


class PickyProvider(ScriptedProvider):
    """Lists its models only for `GOOD_KEY`."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    async def list_models(self) -> list[ModelInfo]:
        if self._key != GOOD_KEY:
            raise KeyRejected("Copy it again from aistudio.google.com/apikey.")
        return await super().list_models()


class Person:
    """Who sits at the program: presses keys, reads the screen, waits for what should come."""

    def __init__(self, app: ArgusApp, pilot: Pilot[int]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def chat(self) -> ChatScreen:
        chat = self.app.chat
        assert chat is not None, "the main screen is not there"
        return chat

    def screen(self) -> str:
        """What is on the screen, line by line."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    def said(self) -> str:
        """What the program says in passing, all of it."""
        return "\n".join(f"{note.title} {note.message}" for note in self.app._notifications)

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until the condition holds."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not condition():
                    await self.pilot.pause(0.002)
        except TimeoutError:
            raise AssertionError(f"never came: {what}\n{self.screen()}\n{self.said()}") from None

    async def sees(self, *words: str) -> None:
        """Wait until all the words are on the screen."""
        await self.until(lambda: all(word in self.screen() for word in words), f"{words} on the screen")

    async def sees_no(self, *words: str) -> None:
        """Wait until none of the words is on the screen."""
        await self.until(lambda: not any(word in self.screen() for word in words), f"{words} off the screen")

    async def hears(self, words: str) -> None:
        """Wait until the program says this in passing."""
        await self.until(lambda: words in self.said(), f"{words!r} said")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def send(self, text: str) -> None:
        """Put the text into the composer and press enter."""
        prompt = self.chat.composer._prompt
        await self.until(lambda: prompt.has_focus or not prompt.focus(), "the focus in the composer")
        self.chat.composer.draft = text
        await self.pilot.pause()
        await self.pilot.press("enter")

    async def ask(self, text: str) -> str:
        """Send a question and wait for its answer to be begun; return the generation."""
        before = self.chat.talk.last
        await self.send(text)
        await self.until(lambda: self.chat.talk.last is not before, f"an answer to {text!r} begun")
        last = self.chat.talk.last
        assert last is not None
        assert last.generation_id is not None
        await self.until(lambda: self.chat.talk.generation_id or _ended(self.chat), "the answer watched")
        return last.generation_id

    async def answered(self) -> Message:
        """Wait until no answer is written here; return the last message."""
        await self.until(lambda: self.chat.talk.progress is None and _ended(self.chat), "the end of the answer")
        await self.pilot.pause()
        last = self.chat.talk.last
        assert last is not None
        return last

    async def opens(self, conversation_id: str) -> None:
        """Open a conversation as the sidebar does, and wait for it."""
        self.chat.open_soon(conversation_id)
        await self.until(lambda: self.chat.talk.conversation_id == conversation_id, "the conversation open")
        await self.pilot.pause()

    async def starts_new(self) -> None:
        await self.press("ctrl+n")
        await self.until(lambda: self.chat.talk.conversation is None, "a new conversation")

    @property
    def is_waiting(self) -> bool:
        """A question is sent later by itself in the open conversation."""
        return self.chat.later.waiting(self.chat.talk.conversation_id) is not None

    @property
    def draft(self) -> str:
        return self.chat.composer.draft

    def toasts(self) -> int:
        return len(self.app.screen.query(Toast))


def _ended(chat: ChatScreen) -> bool:
    return chat.talk.last is not None and chat.talk.last.status != "running"


@dataclass(slots=True)
class Store:
    """One store and who answers in it; programs and clients open on it, several at a time."""

    folder: Path
    provider: ScriptedProvider
    key: str | None = "a-key"
    local: ScriptedProvider | None = None

    @asynccontextmanager
    async def services(self) -> AsyncGenerator[Services, None]:
        async with open_services(self.folder, self.provider) as services:
            yield replace(services, providers=self._providers())

    @asynccontextmanager
    async def client(self) -> AsyncGenerator[LocalClient, None]:
        """A client of its own on the store, as another program has it."""
        async with self.services() as services:
            yield await client_of(services)

    @asynccontextmanager
    async def program(
        self, *, size: tuple[int, int] = WIDE, theme: str | None = None, images: bool = True
    ) -> AsyncGenerator[Person, None]:
        """Run the program until the block ends; wait first until it is usable."""
        app = self.app(theme=theme, images=images)
        try:
            async with app.run_test(size=size) as pilot:
                person = Person(app, pilot)
                await person.until(lambda: any(one.group == "changes" for one in app.workers), "the program ready")
                if self.key is None and self.local is None:
                    await person.until(lambda: isinstance(app.focused, KeyField), "the key card with the focus")
                yield person
        finally:
            await app.close_client()

    def app(self, *, theme: str | None = None, images: bool = True) -> ArgusApp:
        options = AppOptions(
            theme=theme, images=images, attach_root=self.folder / "pictures", read_attachment=open_attachment
        )
        return ArgusApp(self.client, options)

    def _providers(self) -> Providers:
        return Providers(
            gemini=lambda key: self.provider if key.value == self.key else PickyProvider(key.value),
            key=Secret(self.key) if self.key else None,
            local=self.local,
            local_model_id="offline-1" if self.local else None,
            credentials=Credentials(self.folder / "config", use_keyring=False),
            gemini_model=MODEL,
        )


async def talk_of(
    services: Services, title: str, said: Sequence[tuple[str, str]], *, at: datetime = AT, pinned: bool = False
) -> Conversation:
    """Store a conversation of questions and answers, without asking anyone."""
    storage = services.storage
    await client_of(services)
    conversation = await storage.create_conversation(
        Conversation(
            id=new_id(), user_id=USER_ID, title=title, title_by_user=True, created_at=at, updated_at=at, pinned=pinned
        )
    )
    parent_id = None
    for question, answer in said:
        turn = _turn(conversation.id, parent_id, question, at)
        await storage.start_turn(turn)
        await storage.finish_generation(
            turn.generation.id,
            Ending(status="completed", parts=(TextPart(answer),), usage=None, problem=None, ended_at=at),
        )
        parent_id = turn.reply.id
    return conversation


def _turn(conversation_id: str, parent_id: str | None, question: str, at: datetime) -> Turn:
    asked = Message(
        id=new_id(),
        conversation_id=conversation_id,
        parent_id=parent_id,
        seq=0,
        role="user",
        parts=(TextPart(question),),
        status="completed",
        created_at=at,
        client_msg_id=new_id(),
    )
    reply_id, generation_id = new_id(), new_id()
    reply = replace(
        asked,
        id=reply_id,
        parent_id=asked.id,
        role="assistant",
        parts=(),
        status="running",
        client_msg_id=None,
        generation_id=generation_id,
        model=MODEL,
    )
    generation = Generation(
        id=generation_id,
        conversation_id=conversation_id,
        user_id=USER_ID,
        message_id=reply_id,
        model=MODEL,
        status="running",
        created_at=at,
        owner="seed",
        lease_until=at + timedelta(days=3650),
    )
    return Turn(question=asked, reply=reply, generation=generation)


def text(*pieces: str) -> list[TextChunk]:
    """Return chunks of an answer that goes on."""
    return [TextChunk(piece) for piece in pieces]


END = EndChunk()
