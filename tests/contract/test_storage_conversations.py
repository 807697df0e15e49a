"""Every storage: conversations, their order, pages, head, deletion."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argus_core.domain import Conversation, ConversationRow
from argus_core.errors import Conflict, InvalidInput, NotFound
from argus_core.ids import new_id
from argus_core.storage.base import ConversationChange, Storage
from tests.support.builders import ALICE, BOB, NOON, a_conversation, a_turn, an_answer, an_ending, later, logged, row_of


async def _all_pages(storage: Storage, user_id: str, limit: int, title_words: str = "") -> list[ConversationRow]:
    found: list[ConversationRow] = []
    cursor = None
    while True:
        page = await storage.list_conversations(user_id, limit=limit, cursor=cursor, title_words=title_words)
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_creating_twice_returns_the_first(storage: Storage) -> None:
    first = a_conversation("c", title="First")
    assert await storage.create_conversation(first) == first
    assert await storage.create_conversation(replace(first, title="Second")) == first
    with pytest.raises(Conflict):
        await storage.create_conversation(a_conversation("c", user_id=BOB))


async def test_every_field_comes_back(storage: Storage) -> None:
    odd = "dots . and $dollars { \"quotes\" } 'apostrophe' \0 نیم‌فاصله 👩‍💻"
    full = Conversation(
        id=new_id(),
        user_id=ALICE,
        title=odd,
        created_at=NOON,
        updated_at=later(0.001),
        model="a.b/$c",
        system=odd,
        head_id=None,
        rev=3,
        pinned=True,
        title_by_user=True,
        unread=2,
        is_prepared=True,
        draft=odd,
    )
    assert await storage.create_conversation(full) == full
    assert await storage.get_conversation(ALICE, full.id) == full


async def test_concurrent_creates_of_one_id_store_one(storage: Storage, other_storage: Storage) -> None:
    wanted = [a_conversation("same", title=str(number)) for number in range(10)]
    made = await asyncio.gather(
        *(storage.create_conversation(each) for each in wanted[::2]),
        *(other_storage.create_conversation(each) for each in wanted[1::2]),
    )
    assert len({each.title for each in made}) == 1
    assert await storage.count_conversations(ALICE) == 1


async def test_pinned_come_first_then_the_newest_then_by_id(storage: Storage) -> None:
    for name, seconds, pinned in (("b", 5, False), ("a", 5, False), ("c", 9, False), ("p", 1, True), ("q", 2, True)):
        await storage.create_conversation(a_conversation(name, at=later(seconds), pinned=pinned))
    assert [each.id for each in (await storage.list_conversations(ALICE)).items] == ["q", "p", "c", "a", "b"]


@given(
    places=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=12),
    limit=st.integers(1, 13),
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_pages_of_any_size_give_each_once_in_order(
    storage: Storage, places: list[tuple[bool, int]], limit: int
) -> None:
    user_id = new_id()
    made = [a_conversation(user_id=user_id, at=later(seconds), pinned=pinned) for pinned, seconds in places]
    await asyncio.gather(*(storage.create_conversation(each) for each in made))
    in_order = sorted(made, key=lambda each: (not each.pinned, -each.updated_at.timestamp(), each.id))
    assert await _all_pages(storage, user_id, limit) == [row_of(each) for each in in_order]


async def test_a_page_continues_after_its_last_one_was_deleted(storage: Storage) -> None:
    for number in range(4):
        await storage.create_conversation(a_conversation(f"c{number}", at=later(-number)))
    page = await storage.list_conversations(ALICE, limit=2)
    await storage.delete_conversation(ALICE, "c1", NOON)
    rest = await storage.list_conversations(ALICE, limit=2, cursor=page.next_cursor)
    assert [each.id for each in rest.items] == ["c2", "c3"]


@pytest.mark.parametrize("cursor", ["", "x", "1.2", "2.5.id", "0.99999999999999999999.id", "0.1.", "0.۵.id", "$where"])
async def test_a_cursor_of_somebody_else_is_refused(storage: Storage, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        await storage.list_conversations(ALICE, cursor=cursor)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", ["books", "plans", "cafe"]),
        ("blue", ["books"]),
        ("bl bo", ["books"]),
        ("lue", []),
        ("کتاب", ["books"]),
        ("كتابهاي", ["books"]),
        ("CAFÉ 12", ["cafe"]),
        ("cafe ۱۲", ["cafe"]),
        ("plans blue", []),
        ("%", ["books", "plans", "cafe"]),
        ("' OR 1=1", []),
    ],
)
async def test_titles_are_found_by_the_starts_of_their_words(storage: Storage, words: str, found: list[str]) -> None:
    titles = {"books": "Blue books کتاب‌های آبی", "plans": "plans_for-winter", "cafe": "Cafe\u0301 ۱۲"}
    for name, title in titles.items():
        await storage.create_conversation(a_conversation(name, title=""))
        await storage.update_conversation(ALICE, name, ConversationChange(title=title))
    ids = [each.id for each in await _all_pages(storage, ALICE, 2, words)]
    assert sorted(ids) == sorted(found)


async def test_find_by_the_beginning_of_the_id(storage: Storage) -> None:
    for name, seconds in (("abc1", 1), ("abc2", 3), ("abd", 2), ("a_c", 4)):
        await storage.create_conversation(a_conversation(name, at=later(seconds)))
    await storage.delete_conversation(ALICE, "abd", NOON)
    assert [each.id for each in await storage.find_conversations(ALICE, "abc")] == ["abc2", "abc1"]
    assert [each.id for each in await storage.find_conversations(ALICE, "abc", 1)] == ["abc2"]
    assert await storage.find_conversations(ALICE, "abd") == []
    assert [each.id for each in await storage.find_conversations(ALICE, "a_")] == ["a_c"]


async def test_a_change_sets_what_it_names_and_leaves_the_rest(storage: Storage) -> None:
    made = await storage.create_conversation(a_conversation(title="Before"))
    change = ConversationChange(title="After", title_by_user=True, model="m", pinned=True, draft="half a", unread=0)
    changed = await storage.update_conversation(ALICE, made.id, change)
    named = replace(made, title="After", title_by_user=True, model="m", pinned=True)
    assert changed == replace(named, draft="half a", unread=0, is_prepared=True)
    assert await storage.update_conversation(ALICE, made.id, ConversationChange()) == changed
    back = await storage.update_conversation(ALICE, made.id, ConversationChange(model="", system="Be brief."))
    assert (back.model, back.system, back.updated_at) == (None, "Be brief.", made.updated_at)
    with pytest.raises(NotFound):
        await storage.update_conversation(BOB, made.id, ConversationChange(title="stolen"))


async def test_the_head_moves_only_from_the_revision_that_was_seen(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    turn = await storage.start_turn(a_turn(conversation))
    now = await storage.get_conversation(ALICE, conversation.id)
    assert now.head_id == turn.reply.id
    moved = await storage.move_head(ALICE, conversation.id, None, now.rev)
    assert (moved.head_id, moved.rev) == (None, now.rev + 1)
    with pytest.raises(Conflict):
        await storage.move_head(ALICE, conversation.id, turn.reply.id, now.rev)
    back = await storage.move_head(ALICE, conversation.id, turn.reply.id, moved.rev)
    assert back.head_id == turn.reply.id


async def test_the_head_is_a_message_of_the_same_conversation(storage: Storage) -> None:
    one, two = [await storage.create_conversation(a_conversation()) for _ in range(2)]
    turn = await storage.start_turn(a_turn(one))
    with pytest.raises(NotFound):
        await storage.move_head(ALICE, two.id, turn.reply.id, 0)
    with pytest.raises(NotFound):
        await storage.move_head(ALICE, two.id, "none", 0)


async def test_of_many_that_move_the_head_at_once_one_wins(storage: Storage, other_storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    moves = [each.move_head(ALICE, conversation.id, None, 0) for each in (storage, other_storage) * 5]
    results = await asyncio.gather(*moves, return_exceptions=True)
    assert sum(isinstance(result, Conversation) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 9


async def test_lists_tell_that_there_are_long_texts_and_leave_them_out(storage: Storage) -> None:
    await storage.create_conversation(a_conversation("plain", title="roof", at=later(3)))
    await storage.create_conversation(replace(a_conversation("told", title="roof", at=later(2)), system="Be brief."))
    begun = await storage.create_conversation(a_conversation("begun", title="roof", at=later(1)))
    changes = storage.changes(ALICE)
    for draft, is_prepared in (("half a", True), ("", False), ("half", True)):
        changed = await storage.update_conversation(ALICE, "begun", ConversationChange(draft=draft))
        assert (changed.draft, changed.is_prepared) == (draft, is_prepared)
        assert await anext(changes) == row_of(changed)
    await storage.start_turn(a_turn(begun, "walnut", at=later(1)))

    page = await storage.list_conversations(ALICE, title_words="ro")
    (found,) = await storage.find_conversations(ALICE, "beg")
    (hit,) = await storage.search_messages(ALICE, "walnut")
    assert [(each.id, each.is_prepared) for each in page.items] == [("plain", False), ("told", True), ("begun", True)]
    assert all(type(each) is ConversationRow for each in (*page.items, found, hit.conversation))
    assert found == hit.conversation == page.items[-1]


async def test_a_deleted_conversation_takes_nothing_but_its_restoration(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation("gone", title="Before"))
    turn = await storage.start_turn(a_turn(conversation))
    await storage.finish_generation(turn.generation.id, an_ending())
    before = await storage.get_conversation(ALICE, "gone")
    await storage.delete_conversation(ALICE, "gone", later(60))
    for change in (
        ConversationChange(),
        ConversationChange(title="After"),
        ConversationChange(draft="half a"),
        ConversationChange(system="Be brief."),
        ConversationChange(pinned=True),
        ConversationChange(model="m"),
        ConversationChange(unread=0),
    ):
        with pytest.raises(NotFound):
            await storage.update_conversation(ALICE, "gone", change)
    with pytest.raises(NotFound):
        await storage.move_head(ALICE, "gone", None, before.rev)
    with pytest.raises(NotFound):
        await storage.start_turn(a_turn(conversation, parent_id=turn.reply.id))
    assert await storage.get_conversation(ALICE, "gone") == replace(before, deleted_at=later(60))
    assert await storage.restore_conversation(ALICE, "gone") == before


async def test_delete_and_restore_is_identical(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation(title="Keep me"))
    turn = await storage.start_turn(a_turn(conversation, "walnut"))
    await storage.finish_generation(turn.generation.id, an_ending())
    before = await storage.get_conversation(ALICE, conversation.id)
    path = await storage.list_path(ALICE, turn.reply.id)

    await storage.delete_conversation(ALICE, conversation.id, later(60))
    await storage.delete_conversation(ALICE, conversation.id, later(90))
    assert (await storage.get_conversation(ALICE, conversation.id)).deleted_at == later(60)
    assert (await storage.list_conversations(ALICE)).items == ()
    assert (await storage.list_conversations(ALICE, title_words="keep")).items == ()
    assert await storage.count_conversations(ALICE) == 0
    assert await storage.search_messages(ALICE, "walnut") == []
    assert await storage.list_prompts(ALICE) == []

    assert await storage.restore_conversation(ALICE, conversation.id) == before
    assert await storage.restore_conversation(ALICE, conversation.id) == before
    assert await storage.list_path(ALICE, turn.reply.id) == path
    assert len(await storage.search_messages(ALICE, "walnut")) == 1


async def test_purging_takes_all_of_it_and_nothing_else(storage: Storage) -> None:
    turns = []
    for name in ("old", "fresh", "kept"):
        conversation = await storage.create_conversation(a_conversation(name))
        turn = await storage.start_turn(a_turn(conversation, f"walnut in {name}"))
        await storage.append_events(logged(turn.generation))
        turns.append(turn)
    await storage.delete_conversation(ALICE, "old", later(0))
    await storage.delete_conversation(ALICE, "fresh", later(100))
    assert await storage.purge_deleted(later(50)) == 1
    assert await storage.purge_deleted(later(50)) == 0

    old, fresh, kept = turns
    for gone in (
        storage.get_conversation(ALICE, "old"),
        storage.get_message(ALICE, old.reply.id),
        storage.get_generation(ALICE, old.generation.id),
        storage.restore_conversation(ALICE, "old"),
    ):
        with pytest.raises(NotFound):
            await gone
    assert await storage.events_after(old.generation.id, 0) == []
    running = {generation.id for generation in await storage.list_running(ALICE)}
    assert running == {fresh.generation.id, kept.generation.id}
    await storage.restore_conversation(ALICE, "fresh")
    found = await storage.search_messages(ALICE, "walnut")
    assert sorted(hit.conversation.id for hit in found) == ["fresh", "kept"]


async def test_running_and_unread_follow_the_generations(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    first = await storage.start_turn(a_turn(conversation, at=later(1)))
    second = await storage.start_turn(an_answer(conversation, first.reply.parent_id, at=later(2)))
    now = await storage.get_conversation(ALICE, conversation.id)
    assert (now.running, now.unread, now.rev, now.updated_at) == (2, 0, 2, later(2))
    await storage.finish_generation(first.generation.id, an_ending(at=later(3)))
    await storage.finish_generation(first.generation.id, an_ending("other", at=later(9)))
    listed = (await storage.list_conversations(ALICE)).items[0]
    assert (listed.running, listed.unread, listed.updated_at) == (1, 1, later(3))
    await storage.finish_generation(second.generation.id, an_ending(at=later(2)))
    now = await storage.get_conversation(ALICE, conversation.id)
    assert (now.running, now.unread, now.updated_at) == (0, 2, later(3))
