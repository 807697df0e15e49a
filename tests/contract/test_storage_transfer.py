"""Every pair of storages: all that is in one arrives in another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from argus_core.domain import TextPart, Turn
from argus_core.errors import Conflict, NotFound, StorageError
from argus_core.events import Completed, LoggedEvent, Started, TextDelta
from argus_core.storage.accounts import Amounts, Caps, Rate
from argus_core.storage.base import ConversationChange
from argus_core.storage.transfer import KINDS, Kind, PortableStorage, Record, copy_store
from tests.support.account_builders import TODAY, a_hold, a_login, a_presence, a_session, an_invite
from tests.support.builders import (
    ALICE,
    BOB,
    NOON,
    a_conversation,
    a_turn,
    a_user,
    an_answer,
    an_attachment,
    an_ending,
    later,
    logged,
)
from tests.support.mongod import LEFT_OPEN
from tests.support.store_drivers import DRIVERS, StoreDriver

PAIRS = (("sqlite", "sqlite"), ("sqlite", "mongo"), ("mongo", "sqlite"), ("mongo", "mongo-standalone"))


def _quiet(done: str, kind: Kind, count: int) -> None:
    """Take the progress and tell nobody."""


def _marks(pair: tuple[str, str]) -> list[pytest.MarkDecorator]:
    server = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]
    return server if any(DRIVERS[name].slow for name in pair) else []


@pytest.fixture(params=[pytest.param(pair, marks=_marks(pair), id=" to ".join(pair)) for pair in PAIRS])
def drivers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[StoreDriver]]:
    made = [DRIVERS[name](tmp_path / place) for name, place in zip(request.param, ("from", "to"), strict=True)]
    yield made
    for driver in made:
        driver.discard()


@pytest.fixture
async def stores(drivers: list[StoreDriver]) -> AsyncIterator[list[PortableStorage]]:
    opened = [driver.connect() for driver in drivers]
    for store in opened:
        await store.open()
    yield opened
    for store in opened:
        await store.close()


async def _fill(store: PortableStorage) -> list[Turn]:
    """Put something of everything into a store: ended, running, deleted, odd; return the turns of one conversation."""
    for user_id in (ALICE, BOB):
        await store.ensure_user(a_user(user_id))
        await store.set_preference(user_id, "keys.$bind.a", f"of {user_id}")
    await _fill_accounts(store)
    await store.create_attachment(ALICE, an_attachment("picture"))
    conversation = await store.create_conversation(a_conversation("c", title="Blue $a.b «کتاب»", pinned=True))
    first = await store.start_turn(a_turn(conversation, "half a pair \ud83d walnut", client_msg_id="sent once"))
    await store.append_events(logged(first.generation, Started("m"), TextDelta("متن \ud83d"), TextDelta("\udc4d")))
    await store.append_events(logged(first.generation, Completed(truncated=True), first=4))
    await store.finish_generation(first.generation.id, replace(an_ending("An almond.", at=later(5)), truncated=True))
    again = await store.start_turn(an_answer(conversation, first.reply.parent_id, at=later(9)))
    await store.append_events(logged(again.generation, Started("m")))
    gone = await store.create_conversation(a_conversation("gone", user_id=BOB))
    await store.start_turn(a_turn(gone, "deleted walnut", at=later(1)))
    await store.delete_conversation(BOB, gone.id, later(60))
    for number in range(450):
        await store.create_conversation(a_conversation(f"many{number}", user_id=BOB, at=later(number)))
    return [first, again]


async def _fill_accounts(store: PortableStorage) -> None:
    """Put in accounts and what belongs to them, and also what passes and is not moved."""
    await store.create_login(a_login("carol", "کارول@example.org", role="admin"))
    await store.create_login(a_login("dave", disabled=True))
    await store.create_session(a_session("s1", user_id="carol", seen_at=later(3)))
    await store.advance_session("s1", 0, later(4))
    await store.create_session(a_session("s2", user_id="carol"))
    await store.end_sessions("carol", later(5), only="s2")
    await store.create_invite(an_invite("i1"), "digest 1")
    await store.create_invite(replace(an_invite("i2"), email="e@example.org", created_by="carol"), "digest 2")
    await store.use_invite("i1", "dave", later(6))
    for generation_id in ("charged", "free", "held"):
        await store.reserve(a_hold(generation_id, user_id="carol"), Caps())
    await store.settle("carol", TODAY, "charged", Amounts(requests=1, tokens=3_000_000_000))
    await store.settle("carol", TODAY, "free", Amounts())
    await store.reserve(a_hold("only held", user_id="dave"), Caps())
    await store.note_presence([a_presence("open", seen_at=NOON)])
    await store.take_from_bucket("k", Rate(burst=1, per_s=1 / 3600))


async def _contents(store: PortableStorage) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind in KINDS:
        found[kind] = sorted([repr(record) async for batch in store.export(kind) for record in batch])
    return found


async def test_everything_arrives_and_is_counted(stores: list[PortableStorage]) -> None:
    source, target = stores
    await _fill(source)
    counts = await copy_store(source, target, _quiet)
    assert counts == {
        "users": 4,
        "preferences": 2,
        "sessions": 2,
        "invites": 2,
        "usage_days": 1,
        "conversations": 452,
        "messages": 5,
        "generations": 3,
        "events": 5,
        "attachments": 1,
    }
    assert await _contents(target) == await _contents(source)
    assert [hit.message.text for hit in await target.search_messages(ALICE, "walnut")] == ["half a pair \ud83d walnut"]
    assert [one.id for one in (await target.list_conversations(ALICE, title_words="blu")).items] == ["c"]


async def test_the_copy_goes_on_where_the_original_stopped(stores: list[PortableStorage]) -> None:
    source, target = stores
    first, again = await _fill(source)
    await copy_store(source, target, _quiet)

    conversation = await target.get_conversation(ALICE, "c")
    assert (conversation.running, conversation.unread, conversation.head_id) == (1, 1, again.reply.id)
    repeated = await target.start_turn(a_turn(conversation, client_msg_id="sent once"))
    assert repeated.generation.id == first.generation.id
    await target.append_events(logged(again.generation, TextDelta("more"), Completed(), first=2))
    assert len(await target.events_after(again.generation.id, 0)) == 3
    await target.finish_generation(again.generation.id, an_ending("more", at=later(20)))
    following = await target.start_turn(a_turn(conversation, parent_id=again.reply.id))
    assert following.reply.seq > again.reply.seq
    now = await target.get_conversation(ALICE, "c")
    assert (now.running, now.unread, now.rev, now.head_id) == (1, 2, conversation.rev + 1, following.reply.id)
    assert (await target.restore_conversation(BOB, "gone")).running == 1
    assert await target.purge_deleted(NOON + timedelta(days=1)) == 0
    with pytest.raises(NotFound):
        await target.get_conversation(BOB, "c")


async def test_who_was_signed_in_still_is_and_a_day_that_was_used_up_stays_so(stores: list[PortableStorage]) -> None:
    source, target = stores
    await _fill_accounts(source)
    await copy_store(source, target, _quiet)
    assert await target.find_login("کارول@example.org") == a_login("carol", "کارول@example.org", role="admin")
    assert await target.count_admins() == 1
    assert [session.id for session in await target.list_sessions("carol")] == ["s1"]
    assert await target.advance_session("s1", 1, later(9))
    assert await target.find_invite("digest 2") == await source.find_invite("digest 2")
    assert not await target.use_invite("i1", "carol", later(9))
    assert (await target.get_day("carol", TODAY)).used == Amounts(requests=1, tokens=3_000_000_000)
    assert await target.list_holds(later(60)) == []
    assert await target.list_presence([ALICE], NOON) == []
    assert (await target.take_from_bucket("k", Rate(burst=1, per_s=1 / 3600))).allowed
    assert not await target.reserve(a_hold("more", user_id="carol"), Caps(requests=1))


async def test_no_secret_shows_in_what_is_moved(stores: list[PortableStorage]) -> None:
    source, _ = stores
    await _fill_accounts(source)
    shown = str(await _contents(source))
    assert "carol" in shown
    assert "hash of" not in shown
    assert "digest 1" not in shown


async def test_a_target_with_anything_in_it_is_refused(stores: list[PortableStorage]) -> None:
    source, target = stores
    await _fill(source)
    await target.set_preference(BOB, "theme", "argus-day")
    with pytest.raises(Conflict) as caught:
        await copy_store(source, target, _quiet)
    assert "preferences" in caught.value.hint
    assert (await target.list_conversations(ALICE)).items == ()


async def test_what_arrives_changed_is_found_out(
    stores: list[PortableStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = stores
    await _fill(source)
    load = target.load

    async def lossy(kind: Kind, records: Sequence[Record]) -> None:
        """Change one letter of one event on the way."""
        await load(kind, [_spoilt(each) if isinstance(each, LoggedEvent) else each for each in records])

    monkeypatch.setattr(target, "load", lossy)
    with pytest.raises(StorageError) as caught:
        await copy_store(source, target, _quiet)
    assert "events" in caught.value.hint


def _spoilt(logged_event: LoggedEvent) -> LoggedEvent:
    return replace(logged_event, event=TextDelta("x")) if logged_event.n == 2 else logged_event


async def test_an_empty_store_can_be_copied(stores: list[PortableStorage]) -> None:
    source, target = stores
    assert set((await copy_store(source, target, _quiet)).values()) == {0}
    made = await target.create_conversation(a_conversation("c"))
    await target.update_conversation(ALICE, "c", ConversationChange(title="new"))
    turn = await target.start_turn(a_turn(made, parts=(TextPart("first"),)))
    assert turn.reply.seq > 0
