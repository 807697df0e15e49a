"""Every storage: opening, users, preferences, attachments, faults."""

from __future__ import annotations

import pytest

from argus_core.domain import User
from argus_core.errors import ArgusError, Conflict, InvalidInput, NotFound, StorageError, StorageUnavailable
from argus_core.storage.base import Keeping, Storage
from tests.support.builders import ALICE, BOB, NOON, a_conversation, a_turn, a_user, an_attachment, an_ending, logged
from tests.support.store_drivers import StoreDriver


async def test_what_was_written_is_there_after_reopening(store: StoreDriver, storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation(title="گفت‌وگو"))
    turn = await storage.start_turn(a_turn(conversation))
    await storage.finish_generation(turn.generation.id, an_ending("Good day."))
    before = await storage.get_conversation(ALICE, conversation.id)
    await storage.close()

    again = store.connect()
    await again.open()
    try:
        assert await again.get_conversation(ALICE, conversation.id) == before
        assert [message.text for message in await again.list_path(ALICE, turn.reply.id)] == ["Hello?", "Good day."]
    finally:
        await again.close()


async def test_closing_twice_is_harmless_and_a_closed_store_is_unavailable(storage: Storage) -> None:
    await storage.close()
    await storage.close()
    with pytest.raises(StorageUnavailable):
        await storage.count_conversations(ALICE)
    with pytest.raises(StorageUnavailable):
        await storage.create_conversation(a_conversation())


async def test_a_ruined_store_is_a_storage_error_with_a_hint(store: StoreDriver, storage: Storage) -> None:
    await storage.close()
    store.ruin()
    broken = store.connect()
    with pytest.raises(StorageError) as caught:
        await broken.open()
    assert caught.value.hint
    await broken.close()


async def test_a_user_is_made_once(storage: Storage) -> None:
    renamed = User(id=ALICE, name="Somebody else", created_at=NOON)
    assert await storage.ensure_user(renamed) == a_user(ALICE)
    assert await storage.get_user(ALICE) == a_user(ALICE)
    with pytest.raises(NotFound):
        await storage.get_user("nobody")


async def test_preferences_are_kept_per_user_and_forgotten(storage: Storage) -> None:
    name = "keys.$bind.a"
    assert await storage.get_preference(ALICE, name) is None
    await storage.set_preference(ALICE, name, "ctrl+k")
    await storage.set_preference(ALICE, name, "ctrl+j")
    await storage.set_preference(BOB, name, "")
    assert await storage.get_preference(ALICE, name) == "ctrl+j"
    assert await storage.get_preference(BOB, name) == ""
    await storage.set_preference(ALICE, name, None)
    await storage.set_preference(ALICE, name, None)
    assert await storage.get_preference(ALICE, name) is None


async def test_an_attachment_belongs_to_its_user(storage: Storage) -> None:
    attachment = an_attachment()
    assert await storage.create_attachment(ALICE, attachment) == attachment
    assert await storage.create_attachment(ALICE, attachment) == attachment
    assert await storage.get_attachment(ALICE, attachment.id) == attachment
    with pytest.raises(NotFound):
        await storage.get_attachment(BOB, attachment.id)
    with pytest.raises(Conflict):
        await storage.create_attachment(BOB, attachment)


async def test_what_a_user_has_attached_is_summed_up(storage: Storage) -> None:
    assert (await storage.keeping(ALICE)).picture_bytes == 0
    some = [an_attachment(), an_attachment()]
    for attachment in some:
        await storage.create_attachment(ALICE, attachment)
        await storage.create_attachment(ALICE, attachment)
    await storage.create_attachment(BOB, an_attachment())
    assert (await storage.keeping(ALICE)).picture_bytes == sum(each.size_bytes for each in some) > 0
    assert await storage.keeping("nobody") == Keeping()


async def test_values_of_another_user_look_like_values_that_do_not_exist(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    turn = await storage.start_turn(a_turn(conversation, "secret plan"))
    await storage.append_events(logged(turn.generation))

    async def refused(user_id: str, conversation_id: str, message_id: str, generation_id: str) -> list[tuple[str, str]]:
        """Try everything that takes an id; return what was said."""
        calls = (
            storage.get_conversation(user_id, conversation_id),
            storage.move_head(user_id, conversation_id, None, 1),
            storage.delete_conversation(user_id, conversation_id, NOON),
            storage.restore_conversation(user_id, conversation_id),
            storage.list_children(user_id, conversation_id, None),
            storage.get_message(user_id, message_id),
            storage.list_path(user_id, message_id),
            storage.get_generation(user_id, generation_id),
            storage.request_cancel(user_id, generation_id),
        )
        said = []
        for call in calls:
            with pytest.raises(NotFound) as caught:
                await call
            said.append((caught.value.title, caught.value.hint))
        return said

    there = await refused(BOB, conversation.id, turn.reply.id, turn.generation.id)
    nowhere = await refused(BOB, "none", "none", "none")
    assert there == nowhere
    assert await storage.list_prompts(BOB) == []
    assert await storage.search_messages(BOB, "secret") == []
    assert await storage.list_running(BOB) == []
    assert await storage.find_conversations(BOB, conversation.id) == []
    assert (await storage.list_conversations(BOB)).items == ()
    assert not (await storage.get_generation(ALICE, turn.generation.id)).cancel_requested


@pytest.mark.parametrize("limit", [0, -1, 501])
async def test_a_limit_out_of_bounds_is_refused(storage: Storage, limit: int) -> None:
    with pytest.raises(InvalidInput):
        await storage.list_conversations(ALICE, limit=limit)
    with pytest.raises(InvalidInput):
        await storage.list_path(ALICE, "any", limit)


async def test_text_that_no_store_can_hold_is_refused_in_our_words(storage: Storage) -> None:
    with pytest.raises(ArgusError):
        await storage.create_conversation(a_conversation(title="half a pair \ud83d"))
    assert await storage.count_conversations(ALICE) == 0


async def test_statistics_name_the_driver_and_count(storage: Storage) -> None:
    await storage.create_conversation(a_conversation())
    statistics = await storage.statistics()
    assert statistics["driver"]
    assert statistics["conversations"] == 1
    assert statistics["users"] == 2
