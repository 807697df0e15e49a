"""From stored messages to what a provider is sent."""

from __future__ import annotations

from dataclasses import replace

from argus_core.domain import Attachment, AttachmentPart, Message, SourcePart, TextPart, ThoughtPart
from argus_core.generations.prompt import GO_ON, MAX_MESSAGES, Prompts, history, prompt_messages
from argus_core.providers.base import Prompt, PromptImage, PromptMessage
from tests.support.memory import MemoryStorage
from tests.support.turns import USER, a_message, a_turn

PICTURE = Attachment(id="a1", name="roof.png", media_type="image/png", size_bytes=3, digest="0" * 64)
BLANK = Prompt(model="scripted-1", messages=(), system="Be brief.")


class OneBlob:
    async def put(self, data: bytes) -> str:
        return "0" * 64

    async def get(self, digest: str) -> bytes:
        return b"png"

    async def remove(self, digest: str, idle_s: float) -> bool:
        return False

    async def close(self) -> None:
        pass


async def test_thoughts_and_sources_and_pictures_of_the_model_are_not_sent() -> None:
    answer = (
        ThoughtPart("hm", 1.0),
        TextPart("Yes."),
        AttachmentPart(PICTURE),
        SourcePart("Title", "https://example.org"),
    )
    sent = await prompt_messages([a_message(role="assistant", parts=answer)], OneBlob())

    assert sent == (PromptMessage("assistant", ("Yes.",)),)


async def test_pictures_of_the_user_go_along_in_their_order() -> None:
    sent = await prompt_messages([a_message(parts=(AttachmentPart(PICTURE), TextPart("What is it?")))], OneBlob())

    assert sent == (PromptMessage("user", (PromptImage("image/png", b"png"), "What is it?")),)


async def test_an_empty_answer_is_left_out_and_its_questions_joined() -> None:
    path = [a_message("1", "One?"), a_message("2", "", role="assistant"), a_message("3", "Two?")]

    assert await prompt_messages(path, OneBlob()) == (PromptMessage("user", ("One?", "Two?")),)


def chain(memory: MemoryStorage, length: int) -> list[Message]:
    """Store that many messages and return the last one."""
    parent: str | None = None
    for number in range(length):
        message = a_message(str(number), f"text {number}", parent_id=parent)
        memory.messages[message.id] = message
        parent = message.id
    return [memory.messages[parent]] if parent else []


async def test_history_is_the_path_oldest_first() -> None:
    memory = MemoryStorage()
    near = chain(memory, 600)

    found = await history(memory.as_storage(), USER, near)
    assert [message.id for message in found] == [str(number) for number in range(600)]


async def test_history_has_a_limit() -> None:
    memory = MemoryStorage()
    near = chain(memory, MAX_MESSAGES + 600)

    found = await history(memory.as_storage(), USER, near)
    assert len(found) == MAX_MESSAGES
    assert found[-1] == near[-1]


async def test_a_first_question_is_sent_without_asking_the_storage() -> None:
    memory = MemoryStorage()
    memory.away = True

    filled = await Prompts(memory.as_storage(), OneBlob()).fill(BLANK, a_turn(question="Why?"), [])
    assert filled == replace(BLANK, messages=(PromptMessage("user", ("Why?",)),))


async def test_what_is_gone_on_from_is_sent_with_the_wish_to_go_on() -> None:
    memory = MemoryStorage()
    turn = a_turn()
    question: Message = a_message("q", "Why?")
    again = replace(turn, question=None, reply=replace(turn.reply, parent_id="q"))

    filled = await Prompts(memory.as_storage(), OneBlob()).fill(BLANK, again, [question], "Because")
    assert filled.messages == (
        PromptMessage("user", ("Why?",)),
        PromptMessage("assistant", ("Because",)),
        PromptMessage("user", (GO_ON,)),
    )
