"""The list beside the transcript: paged, filtered, and true to what changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from argus_core.client.local import Services
from argus_core.domain import Conversation, ConversationRow
from argus_core.ids import new_id
from argus_core.providers.scripted import ScriptedProvider
from argus_tui.screens.conversation_list import worth_a_row
from tests.support.clients import USER_ID, client_of
from tests.tui.chat_support import AT, Store, talk_of


async def _many(services: Services, count: int) -> list[Conversation]:
    """Conversations without messages, newest first."""
    await client_of(services)
    made = []
    for number in range(count):
        at = AT - timedelta(minutes=number)
        made.append(
            await services.storage.create_conversation(
                Conversation(id=new_id(), user_id=USER_ID, title=f"Number {number}", created_at=at, updated_at=at)
            )
        )
    return made


async def test_pages_come_as_they_are_reached_and_each_row_once(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        made = await _many(services, 120)
    async with store.program() as person:
        conversations = person.chat.conversations
        assert len(conversations.rows) == 50
        person.chat.sidebar.focus_list()
        await person.press("end")
        await person.until(lambda: len(conversations.rows) > 50, "the second page")
        while len(conversations.rows) < 120:
            have = len(conversations.rows)
            await person.press("end")
            await person.until(lambda have=have: len(conversations.rows) > have, "a page more")  # type: ignore[misc]
        assert [row.id for row in conversations.rows] == [one.id for one in made]
        await person.opens(made[119].id)
        assert await conversations.neighbour(made[119].id, 1) is None
        assert await conversations.neighbour(made[0].id, -1) is None


async def test_next_goes_on_past_what_is_loaded(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        made = await _many(services, 60)
    async with store.program() as person:
        assert await person.chat.conversations.neighbour(made[49].id, 1) == made[50].id


async def test_filter_shows_only_what_holds_the_words(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        for title in ("Trip to Shiraz", "Trip to Oslo", "Tax"):
            await talk_of(services, title, [("Ask", "Say")])
    async with store.program() as person:
        person.chat.sidebar.focus_list()
        await person.press("slash", *"trip")
        await person.until(lambda: len(person.chat.conversations.rows) == 2, "two rows")
        await person.sees("Shiraz", "Oslo")
        await person.sees_no("Tax")
        async with store.client() as other:
            made = await other.conversations.create(title="Another tax")
            await other.conversations.rename(made.id, "Yet another tax")
            found = await other.conversations.list(title_words="trip oslo")
            await other.conversations.rename(found.items[0].id, "Trip to Bergen")
        await person.sees("Bergen")
        assert "Yet another tax" not in person.screen()
        await person.press("escape")
        await person.until(lambda: len(person.chat.conversations.rows) == 4, "all rows again")


async def test_changes_are_followed(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        older = await talk_of(services, "Older", [("Ask", "Say")], at=AT - timedelta(days=1))
        newer = await talk_of(services, "Newer", [("Ask", "Say")])
    async with store.program() as person, store.client() as other:

        def titles() -> list[str]:
            return [row.title for row in person.chat.conversations.rows]

        assert titles() == ["Newer", "Older"]
        await other.conversations.pin(older.id, True)
        await person.until(lambda: titles() == ["Older", "Newer"], "the pinned one first")
        await other.conversations.delete(newer.id)
        await person.until(lambda: titles() == ["Older"], "the deleted one gone")
        await other.conversations.create()
        await other.conversations.restore(newer.id)
        await person.until(lambda: titles() == ["Older", "Newer"], "it is back, and the empty one is not shown")
        assert titles() == [row.title for row in person.chat.sidebar.rows]


def test_conversation_that_nobody_would_miss_has_no_row() -> None:
    empty = ConversationRow(id="c", user_id="u", title="", created_at=AT, updated_at=AT)
    assert not worth_a_row(empty)
    assert worth_a_row(replace(empty, title="Named"))
    assert worth_a_row(replace(empty, is_prepared=True))
    assert worth_a_row(replace(empty, head_id="m"))
    assert not worth_a_row(replace(empty, head_id="m", deleted_at=AT))
