"""Names conversations: at once by the first words of the question, later by the model that answered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing

from argus_core.domain import Conversation, Generation
from argus_core.errors import ArgusError
from argus_core.providers.base import Prompt, PromptMessage, Provider, TextChunk
from argus_core.storage.base import ConversationChange, Storage
from argus_core.tasks import Background
from argus_core.text.clean import clean_line

Resolve = Callable[[str], tuple[Provider, str]]
"""From a model to who answers for it and its id."""

MAX_WORDS_CHARS = 48
MAX_TITLE_CHARS = 60
_LOOKED_AT = 20_000
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


async def ask_title(provider: Provider, model: str, question: str, answer: str) -> str:
    """Ask a model for a title; empty when it gives none or fails."""
    text = _ASK.format(question=question[:_EXCERPT], answer=answer[:_EXCERPT])
    prompt = Prompt(model=model, messages=(PromptMessage("user", (text,)),), max_output_tokens=200, thoughts=False)
    said: list[str] = []
    try:
        async with aclosing(provider.stream(prompt)) as stream:
            async for chunk in stream:
                if isinstance(chunk, TextChunk):
                    said.append(chunk.text)
    except ArgusError:
        return ""  # a title is a courtesy: the first words stay
    return title_from_model("".join(said))


class Titles:
    """Names the conversations of this process's users in the background: no answer waits for it.

    Args:
        storage: Where they are.
        resolve: Finds who answers for a model.
        model: Who names them; None for the model that answered.
    """

    def __init__(self, storage: Storage, resolve: Resolve, model: str | None = None) -> None:
        self._storage = storage
        self._resolve = resolve
        self._model = model
        self._naming = asyncio.Lock()
        self._by_words = Background()
        self._by_model = Background()

    def asked(self, conversation: Conversation, question: str) -> None:
        """Name a conversation without a title by the first words of its question."""
        if not conversation.title:
            self._by_words.start(self._name(conversation, title_from_words(question), ("",)), "title by words")

    def completed(self, generation: Generation, answer: str) -> None:
        """Let the model name a conversation after its first answer."""
        self._by_model.start(self._ask(generation, answer), "title by model")

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
            conversation = await self._storage.get_conversation(generation.user_id, generation.conversation_id)
            replaced = ("", title_from_words(path[0].text))
            if not conversation.title_by_user and conversation.title in replaced:
                await self._name(conversation, await ask_title(provider, model, path[0].text, answer), replaced)
        except ArgusError:
            return  # a title is a courtesy

    async def _name(self, conversation: Conversation, title: str, replaced: tuple[str, ...]) -> None:
        """Set the title if it is still one of `replaced`, so that nobody's choice is lost."""
        if not title:
            return
        try:
            async with self._naming:
                now = await self._storage.get_conversation(conversation.user_id, conversation.id)
                if not now.title_by_user and now.title in replaced:
                    change = ConversationChange(title=title)
                    await self._storage.update_conversation(conversation.user_id, conversation.id, change)
        except ArgusError:
            return  # as above
