"""Every storage: turns, the tree of messages, prompts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from argus_core.domain import AttachmentPart, Conversation, Message, SourcePart, TextPart, ThoughtPart, Turn
from argus_core.errors import ArgusError, Conflict, InvalidInput, NotFound
from argus_core.storage.base import Storage
from argus_core.storage.paging import PAGE_CHARS, READ_FOR_PROMPT
from tests.support.builders import (
    ALICE,
    BOB,
    NOON,
    a_conversation,
    a_turn,
    an_answer,
    an_attachment,
    an_ending,
    later,
)


async def _chain(storage: Storage, conversation: Conversation, turns: int) -> list[str]:
    """Start so many turns, each below the one before; return the ids of all messages from the first."""
    ids: list[str] = []
    for _ in range(turns):
        turn = await storage.start_turn(a_turn(conversation, parent_id=ids[-1] if ids else None))
        assert turn.question is not None
        ids += [turn.question.id, turn.reply.id]
    return ids


async def test_a_turn_is_stored_whole(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    wanted = a_turn(conversation, at=later(5), client_msg_id="sent.$1")
    stored = await storage.start_turn(wanted)
    assert stored.question is not None
    assert wanted.question is not None
    assert stored.question == replace(wanted.question, seq=stored.question.seq)
    assert stored.reply == replace(wanted.reply, seq=stored.reply.seq)
    assert stored.generation == wanted.generation
    assert 0 < stored.question.seq < stored.reply.seq
    assert await storage.list_path(ALICE, stored.reply.id) == [stored.question, stored.reply]
    assert await storage.get_message(ALICE, stored.question.id) == stored.question
    assert await storage.get_generation(ALICE, wanted.generation.id) == wanted.generation
    now = await storage.get_conversation(ALICE, conversation.id)
    assert (now.head_id, now.rev, now.updated_at) == (stored.reply.id, 1, later(5))


async def test_every_kind_of_part_comes_back(storage: Storage) -> None:
    parts = (
        TextPart('a "b" \\ \n\0 $set {"a.b": 1} نیم‌فاصله 🏳️‍🌈 \ud83d'),
        AttachmentPart(an_attachment()),
        ThoughtPart("hm", 1.25),
        SourcePart("A page", "https://example.org/?a=1&b"),
        TextPart(""),
    )
    conversation = await storage.create_conversation(a_conversation())
    turn = await storage.start_turn(a_turn(conversation, parts=parts))
    assert turn.question is not None
    assert (await storage.get_message(ALICE, turn.question.id)).parts == parts


async def test_twenty_sends_of_one_message_store_one_turn(storage: Storage, other_storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    sends = [a_turn(conversation, f"try {number}", client_msg_id="one") for number in range(20)]
    stored = await asyncio.gather(
        *((storage, other_storage)[number % 2].start_turn(turn) for number, turn in enumerate(sends))
    )
    assert all(turn == stored[0] for turn in stored)
    assert stored[0].generation.id in {turn.generation.id for turn in sends}
    assert len(await storage.list_children(ALICE, conversation.id, None)) == 1
    now = await storage.get_conversation(ALICE, conversation.id)
    assert (now.rev, now.running) == (1, 1)


async def test_the_same_client_msg_id_in_another_conversation_is_another_message(storage: Storage) -> None:
    one, two = [await storage.create_conversation(a_conversation()) for _ in range(2)]
    first = await storage.start_turn(a_turn(one, client_msg_id="k"))
    second = await storage.start_turn(a_turn(two, client_msg_id="k"))
    assert first.generation.id != second.generation.id


async def test_a_turn_without_question_is_repeated_by_its_generation(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    first = await storage.start_turn(a_turn(conversation))
    wanted = an_answer(conversation, first.reply.parent_id)
    stored = await storage.start_turn(wanted)
    assert stored.question is None
    assert await storage.start_turn(wanted) == stored
    with pytest.raises((Conflict, NotFound)):
        await storage.start_turn(
            replace(wanted, generation=replace(wanted.generation, user_id=BOB))  # somebody guessed the id
        )


async def test_concurrent_turns_get_rising_numbers(storage: Storage, other_storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    stored = await asyncio.gather(
        *((storage, other_storage)[number % 2].start_turn(a_turn(conversation)) for number in range(20))
    )
    numbers = [message.seq for turn in stored for message in (turn.question, turn.reply) if message is not None]
    assert len(set(numbers)) == 40
    children = await storage.list_children(ALICE, conversation.id, None)
    assert [child.seq for child in children] == sorted(child.seq for child in children)
    assert len(children) == 20


async def test_a_turn_needs_its_conversation_and_its_parent(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    elsewhere = await storage.create_conversation(a_conversation())
    stranger = await storage.start_turn(a_turn(elsewhere))
    refused: list[Turn] = [
        a_turn(a_conversation("none")),
        a_turn(replace(conversation, user_id=BOB)),
        a_turn(conversation, parent_id="none"),
        a_turn(conversation, parent_id=stranger.reply.id),
        an_answer(conversation, stranger.reply.id),
    ]
    for turn in refused:
        with pytest.raises(NotFound):
            await storage.start_turn(turn)
    await storage.delete_conversation(ALICE, conversation.id, NOON)
    with pytest.raises(NotFound):
        await storage.start_turn(a_turn(conversation))
    await storage.restore_conversation(ALICE, conversation.id)
    assert await storage.list_children(ALICE, conversation.id, None) == []
    assert (await storage.get_conversation(ALICE, conversation.id)).rev == 0


async def test_a_turn_whose_parts_do_not_belong_together_is_refused(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    turn = a_turn(conversation)
    for wrong in (
        replace(turn, reply=replace(turn.reply, parent_id=None)),
        replace(turn, generation=replace(turn.generation, message_id="other")),
        replace(turn, generation=replace(turn.generation, conversation_id="other")),
    ):
        with pytest.raises(InvalidInput):
            await storage.start_turn(wrong)


async def test_a_failed_turn_leaves_nothing_behind(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    first = await storage.start_turn(a_turn(conversation))
    clash = a_turn(conversation)
    clash = replace(
        clash,
        reply=replace(clash.reply, id=first.reply.id),
        generation=replace(clash.generation, message_id=first.reply.id),
    )
    with pytest.raises(Conflict):
        await storage.start_turn(clash)
    assert clash.question is not None
    with pytest.raises(NotFound):
        await storage.get_message(ALICE, clash.question.id)
    assert (await storage.get_conversation(ALICE, conversation.id)).rev == 1


async def test_a_path_is_read_in_pages_from_its_end(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    ids = await _chain(storage, conversation, 6)
    seen: list[Message] = []
    leaf: str | None = ids[-1]
    while leaf is not None:
        page = await storage.list_path(ALICE, leaf, 5)
        seen, leaf = page + seen, page[0].parent_id
    assert [message.id for message in seen] == ids


async def test_a_path_follows_one_branch(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    first = await storage.start_turn(a_turn(conversation, "one"))
    edited = await storage.start_turn(a_turn(conversation, "two"))
    again = await storage.start_turn(an_answer(conversation, first.reply.parent_id))
    assert first.question is not None
    assert edited.question is not None
    assert await storage.list_path(ALICE, again.reply.id) == [first.question, again.reply]
    assert await storage.list_children(ALICE, conversation.id, None) == [first.question, edited.question]
    assert await storage.list_children(ALICE, conversation.id, first.question.id) == [first.reply, again.reply]
    assert await storage.list_children(ALICE, conversation.id, again.reply.id) == []


@pytest.mark.slow
async def test_five_thousand_messages_are_paged_without_gaps(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    ids = await _chain(storage, conversation, 2500)
    seen: list[str] = []
    leaf: str | None = ids[-1]
    while leaf is not None:
        page = await storage.list_path(ALICE, leaf, 500)
        seen, leaf = [message.id for message in page] + seen, page[0].parent_id
    assert seen == ids


async def test_prompts_are_the_newest_texts_of_the_user(storage: Storage) -> None:
    one, two = [await storage.create_conversation(a_conversation()) for _ in range(2)]
    bobs = await storage.create_conversation(a_conversation(user_id=BOB))
    picture = (AttachmentPart(an_attachment()),)
    await storage.start_turn(a_turn(one, "first", at=later(1)))
    await storage.start_turn(a_turn(two, "again", at=later(2)))
    await storage.start_turn(a_turn(one, "again", at=later(3)))
    await storage.start_turn(a_turn(bobs, "not Alice's", at=later(4)))
    await storage.start_turn(a_turn(one, parts=picture, at=later(5)))
    await storage.start_turn(a_turn(two, "first", at=later(6)))
    await storage.start_turn(a_turn(two, "same time", at=later(6)))
    assert await storage.list_prompts(ALICE) == ["same time", "first", "again", "first"]
    assert await storage.list_prompts(ALICE, 2) == ["same time", "first"]


async def test_an_answer_at_its_length_limit_stays_marked(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    cut, whole = [await storage.start_turn(a_turn(conversation)) for _ in range(2)]

    await storage.finish_generation(cut.generation.id, replace(an_ending("As far as it"), truncated=True))
    await storage.finish_generation(whole.generation.id, an_ending("All of it."))

    assert (await storage.get_message(ALICE, cut.reply.id)).truncated
    assert not (await storage.get_message(ALICE, whole.reply.id)).truncated
    assert [message.truncated for message in await storage.list_path(ALICE, cut.reply.id)] == [False, True]


async def test_very_long_messages_come_a_few_at_a_time(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    texts, parent_id = [letter * (PAGE_CHARS * 2 // 5) for letter in "abcd"], None
    for number, text in enumerate(texts):
        turn = await storage.start_turn(a_turn(conversation, text, parent_id=parent_id, at=later(number)))
        parent_id = turn.reply.id
    said: list[str] = []
    pages, leaf = [], parent_id
    while leaf is not None:
        page = await storage.list_path(ALICE, leaf)
        pages.append(sum(bool(message.text) for message in page))
        said, leaf = [message.text for message in page if message.text] + said, page[0].parent_id
    assert said == texts
    assert pages == [3, 1]
    assert await storage.list_prompts(ALICE) == [texts[3], texts[2]]


async def test_of_very_many_versions_the_last_come(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    versions = [
        await storage.start_turn(a_turn(conversation, letter * (PAGE_CHARS * 2 // 5), at=later(number)))
        for number, letter in enumerate("abcd")
    ]
    assert await storage.list_children(ALICE, conversation.id, None) == [turn.question for turn in versions[1:]]


async def test_repeats_are_not_searched_for_other_prompts_for_ever(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    for number, text in enumerate(("old", *("again",) * READ_FOR_PROMPT)):
        await storage.start_turn(a_turn(conversation, text, at=later(number)))
    assert await storage.list_prompts(ALICE, 1) == ["again"]
    assert await storage.list_prompts(ALICE, 2) == ["again", "old"]
    await storage.start_turn(a_turn(conversation, "new", at=later(99)))
    await storage.start_turn(a_turn(conversation, "new", at=later(100)))
    assert await storage.list_prompts(ALICE, 1) == ["new"]


async def test_an_ending_is_written_into_the_message_once(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    turn = await storage.start_turn(a_turn(conversation))
    ending = an_ending("The answer.", status="cancelled", at=later(4))
    await storage.finish_generation(turn.generation.id, ending)
    await storage.finish_generation(turn.generation.id, an_ending("Another."))
    message = await storage.get_message(ALICE, turn.reply.id)
    assert (message.text, message.status, message.usage, message.duration_s) == (
        "The answer.",
        "cancelled",
        ending.usage,
        1.5,
    )
    generation = await storage.get_generation(ALICE, turn.generation.id)
    assert (generation.status, generation.ended_at) == ("cancelled", later(4))
    with pytest.raises(ArgusError):
        await storage.finish_generation("none", ending)
