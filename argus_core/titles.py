"""Names conversations: at once by the first words of the question, later by the model that answered."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol
from weakref import WeakValueDictionary

from argus_core.domain import Conversation, Generation, Usage
from argus_core.errors import ArgusError
from argus_core.ids import new_id, utc_now
from argus_core.providers.base import EndChunk, Prompt, PromptMessage, Provider, TextChunk
from argus_core.storage.base import ConversationChange, Storage
from argus_core.tasks import Background
from argus_core.text.clean import clean_line

Resolve = Callable[[str], tuple[Provider, str]]
"""From a model to who answers for it and its id."""

MAX_WORDS_CHARS = 48
MAX_TITLE_CHARS = 60
_LOOKED_AT = 20_000
MAX_TITLE_TOKENS = 200
LONGEST_S = 30.0
"""A model that takes longer names nothing."""
AT_ONCE = 8
MOST_WAITING = 100
MOST_OF_USER = 3
"""So many titles of one user wait, the one that is being asked for too; for more the first words stay."""
_EXCERPT = 600
_ASK = (
    "Write a concise title for the conversation below: two to five words, in the language of the question, "
    "without quotes, without a full stop, nothing else.\n\nQuestion: {question}\n\nAnswer: {answer}"
)


NO_WORDS = "Picture"
"""The title when a question is a picture only."""


def title_from_words(question: str) -> str:
    """Return the first words of a question as a title: one line, cut at a word where that is possible."""
    question = question[:_LOOKED_AT]  # of two million letters the first ones name it
    without_code = re.sub(r"```.*?(```|\Z)", " ", question, flags=re.S)
    line = clean_line(without_code) or clean_line(question).replace("```", "")
    line = re.sub(r"^[#>*\-\s]+", "", line).strip()
    if len(line) <= MAX_WORDS_CHARS:
        return line or NO_WORDS
    head, _, _ = line[: MAX_WORDS_CHARS + 1].rpartition(" ")
    return (head or line[:MAX_WORDS_CHARS]).rstrip(",;:.-،؛ ") + "…"


def title_from_model(answer: str) -> str:
    """Return what a model said as a title; empty when it did not give one."""
    first = next((line for line in answer[:_LOOKED_AT].splitlines() if line.strip()), "")
    title = clean_line(first).strip().strip("\"'«»“”*#` ").rstrip(".").strip()
    title = re.sub(r"^(title|عنوان)\s*:\s*", "", title, flags=re.I)
    return title if 0 < len(title) <= MAX_TITLE_CHARS else ""


class Purse(Protocol):
    """Pays for titles: `limits.Limits`."""

    async def admit_aside(self, generation: Generation, provider: str, text: str, longest: int) -> None:
        """Set aside what a title takes, or raise an `ArgusError`."""

    async def settle(
        self, generation: Generation, usage: Usage | None, text: str, *, pictures: int = 0, requests: int = 1
    ) -> None:
        """Charge it."""

    async def release(self, generation: Generation) -> None:
        """Take back what was set aside."""


@dataclass(slots=True)
class _Said:
    """What a model has said so far."""

    text: str = ""
    usage: Usage | None = None
    is_whole: bool = False
    is_refused: bool = False
    """The provider answered with an error before it said anything."""


async def _listen(provider: Provider, model: str, text: str, said: _Said) -> None:
    """Ask a model for a title; one that fails gives none."""
    prompt = Prompt(
        model=model, messages=(PromptMessage("user", (text,)),), max_output_tokens=MAX_TITLE_TOKENS, thoughts=False
    )
    try:
        async with asyncio.timeout(LONGEST_S), aclosing(provider.stream(prompt)) as stream:
            async for chunk in stream:
                if isinstance(chunk, TextChunk):
                    said.text += chunk.text
                elif isinstance(chunk, EndChunk):
                    said.usage, said.is_whole = chunk.usage, True
    except TimeoutError:
        return
    except ArgusError:
        said.is_refused = not said.text


class Titles:
    """Names the conversations of this process's users in the background: no answer waits for it.

    Args:
        storage: Where they are.
        resolve: Finds who answers for a model.
        purse: Pays for what a model is asked.
        model: Who names them; None for the model that answered.
    """

    def __init__(self, storage: Storage, resolve: Resolve, purse: Purse, model: str | None = None) -> None:
        self._storage = storage
        self._resolve = resolve
        self._purse = purse
        self._model = model
        self._naming: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By conversation."""
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By user: nobody's titles wait for those of another."""
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._waiting: Counter[str] = Counter()
        """Titles by user that a model is asked for, or will be."""
        self._by_words = Background()
        self._by_model = Background()

    def asked(self, conversation: Conversation, question: str) -> None:
        """Name a conversation without a title by the first words of its question."""
        if not conversation.title:
            self._by_words.start(self._name(conversation, title_from_words(question), ("",)), "title by words")

    def completed(self, generation: Generation, answer: str) -> None:
        """Let the model name a conversation after its first answer."""
        self._by_model.start(self._ask(generation, answer[:_EXCERPT]), "title by model")

    async def close(self) -> None:
        """Finish naming by words; a model is not waited for, the first words stay."""
        await self._by_model.close()
        await self._by_words.join()

    async def _ask(self, generation: Generation, answer: str) -> None:
        try:
            path = await self._storage.list_path(generation.user_id, generation.message_id, 3)
            provider, model = self._resolve(self._model or generation.model)
            if len(path) != 2 or provider.name == "local":
                return  # not the first answer; or a small model, which answers slowly and names badly
            aside = replace(generation, id=new_id(), model=model, created_at=utc_now())
            await self._in_turn(aside, provider, path[0].text, answer)
        except ArgusError:
            return  # a title is a courtesy

    async def _in_turn(self, aside: Generation, provider: Provider, question: str, answer: str) -> None:
        """Ask when it is this user's turn and not too many are asked for; a queue that is full takes no more."""
        user_id = aside.user_id
        if self._waiting[user_id] >= MOST_OF_USER or self._waiting.total() >= MOST_WAITING:
            return
        self._waiting[user_id] += 1
        try:
            async with self._asking.setdefault(user_id, asyncio.Lock()), self._at_once:
                conversation = await self._storage.get_conversation(user_id, aside.conversation_id)
                replaced = ("", title_from_words(question))
                if not conversation.title_by_user and conversation.title in replaced:
                    text = _ASK.format(question=question[:_EXCERPT], answer=answer)
                    await self._name(conversation, await self._title(aside, provider, text), replaced)
        finally:
            self._waiting -= Counter([user_id])  # users without any are left out

    async def _title(self, aside: Generation, provider: Provider, text: str) -> str:
        """Return what the model says, charged to the user; empty when it gives no title."""
        await self._purse.admit_aside(aside, provider.name, text, MAX_TITLE_TOKENS)
        said = _Said()
        try:
            await _listen(provider, aside.model, text, said)
        finally:
            if said.is_refused:
                await self._purse.release(aside)
            else:
                await self._purse.settle(aside, said.usage, said.text, requests=0)
        return title_from_model(said.text) if said.is_whole else ""

    async def _name(self, conversation: Conversation, title: str, replaced: tuple[str, ...]) -> None:
        """Set the title if it is still one of `replaced`, so that nobody's choice is lost."""
        if not title:
            return
        try:
            async with self._naming.setdefault(conversation.id, asyncio.Lock()):
                now = await self._storage.get_conversation(conversation.user_id, conversation.id)
                if not now.title_by_user and now.title in replaced:
                    change = ConversationChange(title=title)
                    await self._storage.update_conversation(conversation.user_id, conversation.id, change)
        except ArgusError:
            return  # as above
