"""Every storage: buckets, days and what is held of them, who is open now."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from argus_core.errors import InvalidInput
from argus_core.ids import utc_now
from argus_core.storage.accounts import AccountStorage, Amounts, Caps, DayUsage, Rate, Taken
from tests.support.account_builders import TODAY, a_hold, a_presence
from tests.support.builders import ALICE, BOB, later
from tests.support.store_drivers import StoreDriver

PER_HOUR = 1 / 3600
"""So slow that nothing comes in while a test runs."""
NO_CAPS = Caps()

# Buckets


async def _take(storage: AccountStorage, key: str, rate: Rate, times: int) -> list[Taken]:
    return [await storage.take_from_bucket(key, rate) for _ in range(times)]


async def test_a_bucket_gives_its_burst_and_then_says_how_long_to_wait(storage: AccountStorage) -> None:
    rate = Rate(burst=3, per_s=PER_HOUR)
    taken = await _take(storage, "k", rate, 5)
    assert [each.allowed for each in taken] == [True, True, True, False, False]
    assert [each.left for each in taken] == [2, 1, 0, 0, 0]
    assert [each.wait_s for each in taken[:2]] == [0, 0]
    assert all(0 < each.wait_s <= 3600 for each in taken[2:])
    assert [round(each.full_in_s / 3600, 1) for each in taken] == [1, 2, 3, 3, 3]


async def test_buckets_with_different_keys_know_nothing_of_each_other(storage: AccountStorage) -> None:
    rate = Rate(burst=1, per_s=PER_HOUR)
    for key in ("address:192.0.2.7", "address:2001:db8::/64", "$where", "sign-in.a"):
        assert [each.allowed for each in await _take(storage, key, rate, 2)] == [True, False]


async def test_looking_takes_nothing(storage: AccountStorage) -> None:
    rate = Rate(burst=2, per_s=PER_HOUR)
    whole = Taken(allowed=True, left=2, wait_s=0, full_in_s=0)
    assert await storage.take_from_bucket("k", rate, 0) == whole
    assert await storage.take_from_bucket("k", rate, 0) == whole
    await _take(storage, "k", rate, 2)
    empty = await storage.take_from_bucket("k", rate, 0)
    assert (empty.allowed, empty.left) == (False, 0)
    assert 0 < empty.wait_s <= 3600 < empty.full_in_s <= 7200


async def test_much_is_taken_at_once_or_not_at_all(storage: AccountStorage) -> None:
    rate = Rate(burst=5, per_s=PER_HOUR)
    assert (await storage.take_from_bucket("k", rate, 3)).left == 2
    refused = await storage.take_from_bucket("k", rate, 3)
    assert (refused.allowed, refused.left) == (False, 2)
    assert 0 < refused.wait_s <= 3600
    assert (await storage.take_from_bucket("k", rate, 2)).allowed


async def test_a_bucket_fills_up_again(storage: AccountStorage) -> None:
    rate = Rate(burst=2, per_s=50)
    await _take(storage, "k", rate, 2)
    async with asyncio.timeout(30):
        while not (await storage.take_from_bucket("k", rate, 2)).allowed:
            pass
        while (await storage.take_from_bucket("k", rate, 0)).full_in_s:
            pass
    assert (await storage.take_from_bucket("k", rate, 0)).left == 2


async def test_a_bucket_that_is_made_smaller_is_not_shut_for_long(storage: AccountStorage) -> None:
    await _take(storage, "k", Rate(burst=3, per_s=PER_HOUR), 3)
    refused = await storage.take_from_bucket("k", Rate(burst=1, per_s=1))
    assert not refused.allowed
    assert refused.wait_s <= 1


@pytest.mark.parametrize("per_s", [PER_HOUR, 7 / 3600, 0.0003])
async def test_many_at_once_get_exactly_the_burst(
    storage: AccountStorage, other_storage: AccountStorage, per_s: float
) -> None:
    rate = Rate(burst=17, per_s=per_s)
    taken = await asyncio.gather(
        *((storage, other_storage)[number % 2].take_from_bucket("k", rate) for number in range(50))
    )
    assert sum(each.allowed for each in taken) == 17
    assert sorted(each.left for each in taken if each.allowed) == list(range(17))


@pytest.mark.parametrize(
    ("burst", "per_s", "cost"), [(0, 1, 0), (1, 0, 1), (1, -1, 1), (1, float("nan"), 1), (2, 1, 3), (2, 1, -1)]
)
async def test_a_bucket_that_cannot_be_is_refused(storage: AccountStorage, burst: int, per_s: float, cost: int) -> None:
    with pytest.raises(InvalidInput):
        await storage.take_from_bucket("k", Rate(burst=burst, per_s=per_s), cost)


# Days


async def test_what_is_held_becomes_what_was_used(storage: AccountStorage) -> None:
    first, second = a_hold("g1"), a_hold("g2", Amounts(requests=1, tokens=50, micro_usd=0))
    assert await storage.get_day(ALICE, TODAY) == DayUsage()
    assert await storage.reserve(first, NO_CAPS)
    assert await storage.reserve(second, NO_CAPS)
    held = Amounts(requests=2, tokens=150, micro_usd=10)
    assert await storage.get_day(ALICE, TODAY) == DayUsage(held=held)
    used = Amounts(requests=1, tokens=3_000_000_000, micro_usd=7)
    assert await storage.settle(ALICE, TODAY, "g1", used)
    assert await storage.get_day(ALICE, TODAY) == DayUsage(used=used, held=second.amounts)
    assert await storage.get_day(BOB, TODAY) == DayUsage()
    assert await storage.get_day(ALICE, TODAY + timedelta(days=1)) == DayUsage()


async def test_nothing_is_charged_twice(storage: AccountStorage, other_storage: AccountStorage) -> None:
    await storage.reserve(a_hold("g"), NO_CAPS)
    used = Amounts(requests=1, tokens=5)
    done = await asyncio.gather(
        *((storage, other_storage)[number % 2].settle(ALICE, TODAY, "g", used) for number in range(10))
    )
    assert done.count(True) == 1
    assert await storage.get_day(ALICE, TODAY) == DayUsage(used=used)
    assert not await storage.settle(ALICE, TODAY, "never held", used)
    assert not await storage.settle("nobody", TODAY, "g", used)


async def test_what_is_used_is_charged_in_full_also_where_less_was_held(storage: AccountStorage) -> None:
    caps = Caps(requests=1, tokens=100, micro_usd=100)
    held, used = Amounts(requests=0, tokens=50, micro_usd=50), Amounts(requests=0, tokens=7000, micro_usd=9000)
    assert await storage.reserve(a_hold("title", held), caps)
    assert await storage.settle(ALICE, TODAY, "title", used)
    assert await storage.get_day(ALICE, TODAY) == DayUsage(used=used)
    assert not await storage.reserve(a_hold("next", Amounts(requests=1, tokens=1)), caps)


async def test_a_hold_of_another_is_left_alone(storage: AccountStorage) -> None:
    await storage.reserve(a_hold("g"), NO_CAPS)
    for user_id, day in ((BOB, TODAY), (ALICE, TODAY + timedelta(days=1))):
        assert not await storage.settle(user_id, day, "g", Amounts(requests=1))
    assert await storage.get_day(BOB, TODAY) == DayUsage()
    assert (await storage.get_day(ALICE, TODAY)).held == a_hold("g").amounts


async def test_a_generation_holds_once(storage: AccountStorage) -> None:
    caps = Caps(requests=1)
    assert await storage.reserve(a_hold("g"), caps)
    assert await storage.reserve(a_hold("g"), caps)
    assert (await storage.get_day(ALICE, TODAY)).held == a_hold("g").amounts
    assert not await storage.reserve(a_hold("another"), caps)


@pytest.mark.parametrize(
    ("caps", "fits"),
    [
        (Caps(requests=2, tokens=200, micro_usd=20), True),
        (Caps(requests=1), False),
        (Caps(tokens=199), False),
        (Caps(micro_usd=19), False),
        (Caps(requests=2, tokens=200, micro_usd=19), False),
        (NO_CAPS, True),
    ],
)
async def test_a_cap_counts_what_is_used_and_held(storage: AccountStorage, caps: Caps, fits: bool) -> None:
    first = a_hold("g1")
    await storage.reserve(first, NO_CAPS)
    assert await storage.reserve(a_hold("g2"), caps) is fits
    await storage.settle(ALICE, TODAY, "g2", Amounts())
    await storage.settle(ALICE, TODAY, "g1", first.amounts)
    assert await storage.reserve(a_hold("g3"), caps) is fits
    held = a_hold().amounts if fits else Amounts()
    assert await storage.get_day(ALICE, TODAY) == DayUsage(used=first.amounts, held=held)


async def test_the_first_of_a_day_is_held_to_the_caps_too(storage: AccountStorage) -> None:
    assert not await storage.reserve(a_hold(), Caps(tokens=99))
    assert not await storage.reserve(a_hold(), Caps(requests=0))
    assert await storage.get_day(ALICE, TODAY) == DayUsage()
    assert await storage.reserve(a_hold(), Caps(tokens=100))


async def test_many_at_once_never_pass_a_cap(storage: AccountStorage, other_storage: AccountStorage) -> None:
    async def ask(number: int) -> bool:
        store = (storage, other_storage)[number % 2]
        if not await store.reserve(a_hold(f"g{number}"), Caps(tokens=1000)):
            return False
        day = await store.get_day(ALICE, TODAY)
        assert day.used.tokens + day.held.tokens <= 1000
        return number % 3 > 0 or not await store.settle(ALICE, TODAY, f"g{number}", Amounts(requests=1, tokens=100))

    kept = sum(await asyncio.gather(*map(ask, range(40))))
    day = await storage.get_day(ALICE, TODAY)
    assert day.used.tokens + day.held.tokens == 1000
    assert day.held.tokens == kept * 100


async def test_old_holds_are_listed(storage: AccountStorage) -> None:
    yesterday = TODAY - timedelta(days=1)
    holds = [
        a_hold("c", created_at=later(3)),
        a_hold("a", created_at=later(1), day=yesterday),
        a_hold("b", created_at=later(2), user_id=BOB),
        a_hold("settled", created_at=later(0)),
    ]
    for hold in holds:
        await storage.reserve(hold, NO_CAPS)
    await storage.settle(ALICE, TODAY, "settled", Amounts())
    assert await storage.list_holds(later(9)) == [holds[1], holds[2], holds[0]]
    assert await storage.list_holds(later(3)) == [holds[1], holds[2]]
    assert await storage.list_holds(later(9), limit=1) == [holds[1]]
    assert await storage.list_holds(later(1)) == []
    with pytest.raises(InvalidInput):
        await storage.list_holds(later(9), limit=0)


async def test_old_days_go_but_not_those_that_hold_something(storage: AccountStorage) -> None:
    used = Amounts(requests=1)
    days = [TODAY - timedelta(days=back) for back in range(4)]
    for day in days:
        await storage.reserve(a_hold(f"{day}", day=day), NO_CAPS)
        await storage.settle(ALICE, day, f"{day}", used)
    await storage.reserve(a_hold("held", day=days[3]), NO_CAPS)
    assert await storage.purge_usage(days[1]) == 1
    assert [(await storage.get_day(ALICE, day)).used for day in days] == [used, used, Amounts(), used]
    assert (await storage.get_day(ALICE, days[3])).held == a_hold().amounts


async def test_a_bucket_in_use_is_not_purged(storage: AccountStorage) -> None:
    rate = Rate(burst=1, per_s=PER_HOUR)
    assert (await storage.take_from_bucket("k", rate)).allowed
    assert await storage.purge_usage(TODAY) == 0
    assert not (await storage.take_from_bucket("k", rate)).allowed


async def test_usage_is_there_after_reopening(store: StoreDriver, storage: AccountStorage) -> None:
    rate = Rate(burst=1, per_s=PER_HOUR)
    await storage.take_from_bucket("k", rate)
    await storage.reserve(a_hold("g1"), NO_CAPS)
    await storage.settle(ALICE, TODAY, "g1", Amounts(requests=1, tokens=70))
    await storage.reserve(a_hold("g2"), NO_CAPS)
    before = await storage.get_day(ALICE, TODAY)
    again = store.connect()
    await again.open()
    try:
        assert await again.get_day(ALICE, TODAY) == before
        assert not (await again.take_from_bucket("k", rate)).allowed
    finally:
        await again.close()


# Presence


async def test_who_is_open_is_told_of_the_users_asked_for(
    storage: AccountStorage, other_storage: AccountStorage
) -> None:
    now = utc_now()
    alices = [a_presence("c1", conversation_id="c", seen_at=now), a_presence("c2", seen_at=now)]
    bobs = a_presence("c3", user_id=BOB, seen_at=now)
    await storage.note_presence([*alices, bobs])
    seen = await other_storage.list_presence([ALICE], now)
    assert sorted(seen, key=lambda each: each.client_id) == alices
    assert len(await other_storage.list_presence({ALICE, BOB, "nobody"}, now)) == 3
    assert await other_storage.list_presence([], now) == []
    await storage.note_presence([])


async def test_what_a_client_shows_now_takes_the_place_of_what_it_showed(storage: AccountStorage) -> None:
    now = utc_now()
    first = a_presence("c1", conversation_id="one", seen_at=now)
    await storage.note_presence([first])
    second = replace(first, conversation_id=None, seen_at=now + timedelta(seconds=4))
    await storage.note_presence([second])
    assert await storage.list_presence([ALICE], now) == [second]
    assert await storage.list_presence([ALICE], now + timedelta(seconds=5)) == []


async def test_who_leaves_is_forgotten(storage: AccountStorage) -> None:
    now = utc_now()
    await storage.note_presence([a_presence(name, seen_at=now) for name in ("c1", "c2", "c3")])
    await storage.forget_presence(["c1", "c3", "never here"])
    await storage.forget_presence({"c1"})
    await storage.forget_presence([])
    assert [each.client_id for each in await storage.list_presence([ALICE], now)] == ["c2"]
