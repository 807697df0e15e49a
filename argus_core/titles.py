"""Names conversations: at once by the first words of the question, later by the model that answered."""

from __future__ import annotations

import re
from contextlib import aclosing

from argus_core.domain import Conversation
from argus_core.errors import ArgusError
from argus_core.providers.base import Prompt, PromptMessage, Provider, TextChunk
from argus_core.storage.base import ConversationChange, Storage
from argus_core.text.clean import clean_line

MAX_WORDS_CHARS = 48
MAX_TITLE_CHARS = 60
_EXCERPT = 600
_ASK = (
    "Write a concise title for the conversation below: two to five words, in the language of the question, "
    "without quotes, without a full stop, nothing else.\n\nQuestion: {question}\n\nAnswer: {answer}"
)


def title_from_words(question: str) -> str:
    """Return the first words of a question as a title: one line, cut at a word where that is possible."""
    line = clean_line(re.sub(r"```.*?(```|\Z)", " ", question, flags=re.S) or question)
    line = re.sub(r"\s+", " ", re.sub(r"^[#>*\-\s]+", "", line)).strip()
    if len(line) <= MAX_WORDS_CHARS:
        return line
    head, _, _ = line[: MAX_WORDS_CHARS + 1].rpartition(" ")
    return (head or line[:MAX_WORDS_CHARS]).rstrip(",;:.- ") + "…"


def title_from_model(answer: str) -> str:
    """Return what a model said as a title; empty when it did not give one."""
    first = next((line for line in answer.splitlines() if line.strip()), "")
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


async def set_title(storage: Storage, conversation: Conversation, title: str) -> None:
    """Give the conversation its automatic title, unless a person chose one meanwhile."""
    now = await storage.get_conversation(conversation.user_id, conversation.id)
    if title and not now.title_by_user:
        await storage.update_conversation(conversation.user_id, conversation.id, ConversationChange(title=title))
