"""Every storage: whoever follows a user's conversations hears of each change, of any process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from argus_core.domain import ConversationRow
from argus_core.storage.base import ConversationChange, Storage
from tests.support.builders import ALICE, BOB, NOON, a_conversation, a_turn, an_ending, logged, row_of


async def _next(changes: AsyncIterator[ConversationRow]) -> ConversationRow:
    async with asyncio.timeout(5):
        return await anext(changes)


async def test_each_change_of_this_process_comes(storage: Storage) -> None:
    await storage.create_conversation(a_conversation("past"))
    changes = storage.changes(ALICE)
    made = await storage.create_conversation(a_conversation("new"))
    assert await _next(changes) == row_of(made)
    named = await storage.update_conversation(ALICE, "new", ConversationChange(title="Name"))
    assert await _next(changes) == row_of(named)
    turn = await storage.start_turn(a_turn(made))
    assert (await _next(changes)).running == 1
    await storage.append_events(logged(turn.generation))
    await storage.finish_generation(turn.generation.id, an_ending())
    ended = await _next(changes)
    assert (ended.running, ended.unread) == (0, 1)
    await storage.delete_conversation(ALICE, "new", NOON)
    assert (await _next(changes)).deleted_at == NOON
    await storage.restore_conversation(ALICE, "new")
    assert (await _next(changes)).deleted_at is None


async def test_a_list_read_after_following_began_misses_nothing_of_another_process(
    storage: Storage, other_storage: Storage
) -> None:
    changes = storage.changes(ALICE)
    assert (await storage.list_conversations(ALICE)).items == ()
    made = await other_storage.create_conversation(a_conversation())
    assert await _next(changes) == row_of(made)
    turn = await other_storage.start_turn(a_turn(made))
    assert (await _next(changes)).head_id == turn.reply.id


async def test_another_users_changes_do_not_come(storage: Storage) -> None:
    changes = storage.changes(ALICE)
    await storage.create_conversation(a_conversation(user_id=BOB))
    mine = await storage.create_conversation(a_conversation())
    assert await _next(changes) == row_of(mine)


async def test_several_followers_each_hear_everything(storage: Storage) -> None:
    followers = [storage.changes(ALICE) for _ in range(3)]
    made = [await storage.create_conversation(a_conversation()) for _ in range(5)]
    for changes in followers:
        assert [await _next(changes) for _ in made] == [row_of(each) for each in made]


async def test_closing_the_storage_ends_the_iteration(storage: Storage) -> None:
    changes = storage.changes(ALICE)

    async def follow() -> list[ConversationRow]:
        return [change async for change in changes]

    following = asyncio.ensure_future(follow())
    made = await storage.create_conversation(a_conversation())
    await asyncio.sleep(0)
    await storage.close()
    async with asyncio.timeout(5):
        assert await following in ([], [row_of(made)])


async def test_a_cancelled_follower_leaves_the_others_alone(storage: Storage) -> None:
    leaving, staying = storage.changes(ALICE), storage.changes(ALICE)
    waiting = [asyncio.ensure_future(_next(leaving)), asyncio.ensure_future(_next(staying))]
    await storage.get_user(ALICE)
    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    made = await storage.create_conversation(a_conversation())
    assert await waiting[1] == row_of(made)
