"""What users may use: held before an answer begins, charged once when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from argus_core.domain import Generation, Message, Problem, RoleLimits, TextPart, Usage, User
from argus_core.errors import ConfigError, LimitReached, NotFound, PermissionDenied
from argus_core.events import Cancelled, Event, Failed, LoggedEvent, TextDelta, ThoughtDelta
from argus_core.generations.fold import Folded
from argus_core.ids import new_id
from argus_core.limits import MAX_ANSWER_TOKENS, Limits, admin_limits, settle_with
from argus_core.storage.sqlite import SqliteStorage

NOW = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)
USER = User(id="a" * 32, name="Sara", created_at=NOW)
ADMIN = replace(USER, id="b" * 32, role="admin")
MEMBER = RoleLimits(role="member")


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    opened = SqliteStorage(tmp_path / "argus.db")
    await opened.open()
    yield opened
    await opened.close()


def limits(storage: SqliteStorage, member: RoleLimits = MEMBER, **more: object) -> Limits:
    return Limits(storage, {"member": member}, clock=lambda: NOW, **more)  # type: ignore[arg-type]


def a_generation(user: User = USER) -> Generation:
    return Generation(
        id=new_id(),
        conversation_id="c" * 32,
        user_id=user.id,
        message_id="d" * 32,
        model="m",
        status="running",
        created_at=NOW,
        owner="o",
        lease_until=NOW,
    )


def a_question(text: str) -> Message:
    return Message(
        id="q",
        conversation_id="c" * 32,
        parent_id=None,
        seq=1,
        role="user",
        parts=(TextPart(text),),
        status="completed",
        created_at=NOW,
    )


async def test_what_an_answer_took_is_charged_once(storage: SqliteStorage) -> None:
    counted, generation = limits(storage), a_generation()
    await counted.admit(USER, generation, "gemini", [a_question("Why?")])
    for _ in range(3):
        await counted.settle(generation, Usage(input_tokens=10, output_tokens=5, thought_tokens=2), "So.")
    allowance = await counted.allowance(USER)
    assert (allowance.requests, allowance.tokens, allowance.meters) == (1, 17, ())
    day = await storage.get_day(USER.id, NOW.date())
    assert day.held.tokens == day.held.requests == 0


async def test_an_answer_that_was_refused_before_a_word_came_is_charged_nothing(storage: SqliteStorage) -> None:
    counted, generation = limits(storage), a_generation()
    await counted.admit(USER, generation, "gemini", [a_question("Why?")])
    failed = LoggedEvent(generation.id, 1, "o", Failed(Problem(code="key_rejected", title="No")))
    await settle_with(counted)(generation, Folded().add([failed]))
    assert (await counted.allowance(USER)).requests == 0
    assert (await storage.get_day(USER.id, NOW.date())).held.requests == 0


async def test_a_stopped_answer_is_charged_by_estimate(storage: SqliteStorage) -> None:
    counted, generation = limits(storage), a_generation()
    await counted.admit(USER, generation, "gemini", [a_question("x" * 300)])
    await counted.settle(generation, None, "y" * 30)
    assert (await counted.allowance(USER)).tokens == 100 + 10


async def test_many_at_once_never_pass_a_limit_of_the_day(storage: SqliteStorage) -> None:
    counted = limits(storage, replace(MEMBER, requests_per_day=5))

    async def ask() -> bool:
        try:
            await counted.admit(USER, a_generation(), "gemini", [])
        except LimitReached as error:
            waits.append(error.retry_after_s)
            return False
        return True

    waits: list[float | None] = []
    assert sum(await asyncio.gather(*(ask() for _ in range(20)))) == 5
    assert waits == [3 * 3600] * 15  # until midnight UTC
    assert (await counted.allowance(USER)).meters[0].left == 0


async def test_too_often_in_a_minute_says_how_long_to_wait_and_counts_nothing(storage: SqliteStorage) -> None:
    counted = limits(storage, replace(MEMBER, requests_per_minute=2))
    for _ in range(2):
        await counted.admit(USER, a_generation(), "local", [])
    with pytest.raises(LimitReached) as refused:
        await counted.admit(USER, a_generation(), "local", [])
    assert refused.value.retry_after_s is not None
    assert 1 <= refused.value.retry_after_s <= 30
    assert (await counted.allowance(USER)).requests == 2


async def test_one_bucket_for_the_provider_of_all_users(storage: SqliteStorage) -> None:
    counted = limits(storage, provider_per_minute=1)
    await counted.admit(USER, a_generation(), "gemini", [])
    with pytest.raises(LimitReached):
        await counted.admit(ADMIN, a_generation(ADMIN), "gemini", [])
    assert await counted.admit(ADMIN, a_generation(ADMIN), "local", []) is None  # the offline model has no such limit


async def test_the_last_answer_of_a_day_is_asked_for_as_long_as_the_rest_allows(storage: SqliteStorage) -> None:
    counted = limits(storage, replace(MEMBER, tokens_per_day=MAX_ANSWER_TOKENS + 1000))
    first = a_generation()
    assert await counted.admit(USER, first, "gemini", []) == MAX_ANSWER_TOKENS
    await counted.settle(first, Usage(input_tokens=0, output_tokens=MAX_ANSWER_TOKENS), "")
    assert await counted.admit(USER, a_generation(), "gemini", [a_question("x" * 300)]) == 900
    with pytest.raises(LimitReached, match="You have reached today's token limit"):
        await counted.admit(USER, a_generation(), "gemini", [])


async def test_money_is_limited_by_what_the_answer_may_cost(storage: SqliteStorage) -> None:
    counted = limits(
        storage, replace(MEMBER, micro_usd_per_day=1000), price=lambda model, read, written: read + 2 * written
    )
    assert await counted.admit(USER, a_generation(), "gemini", [a_question("x" * 300)]) == 450
    with pytest.raises(LimitReached, match="You have reached today's spending limit"):
        await counted.admit(USER, a_generation(), "gemini", [])


async def test_a_share_that_is_released_is_there_again(storage: SqliteStorage) -> None:
    counted, generation = limits(storage, replace(MEMBER, requests_per_day=1)), a_generation()
    await counted.admit(USER, generation, "gemini", [])
    await counted.release(generation)
    await counted.admit(USER, a_generation(), "gemini", [])
    assert (await counted.allowance(USER)).requests == 1


async def test_what_a_crash_left_held_is_freed(storage: SqliteStorage) -> None:
    before = limits(storage)
    await before.admit(USER, a_generation(), "gemini", [])
    later = Limits(storage, clock=lambda: NOW + timedelta(hours=2))
    assert await later.free_stale(storage) == 1
    assert (await storage.get_day(USER.id, NOW.date())).held.requests == 0


async def test_a_network_has_a_bucket_of_its_own(storage: SqliteStorage) -> None:
    counted = limits(storage)
    await counted.take_for_address("192.0.2.1", 1)
    with pytest.raises(LimitReached):
        await counted.take_for_address("192.0.2.1", 1)
    await counted.take_for_address("192.0.2.2", 1)
    await counted.take_for_address("192.0.2.1", None)


def test_admins_have_the_limits_of_members_but_for_what_is_changed() -> None:
    member = replace(MEMBER, requests_per_minute=30, tokens_per_day=1000)
    changed = admin_limits(member, "requests_per_minute=0, usd_per_day=2.5")
    assert changed == RoleLimits(role="admin", tokens_per_day=1000, micro_usd_per_day=2_500_000)
    assert admin_limits(member, None) == replace(member, role="admin")


@pytest.mark.parametrize("text", ["nonsense", "requests_per_minute=many", "tokens=5", "usd_per_day=1e999"])
def test_limits_that_cannot_be_read_stop_the_start(text: str) -> None:
    with pytest.raises(ConfigError, match="ARGUS_ADMIN_LIMITS"):
        admin_limits(MEMBER, text)


async def test_an_answer_that_took_more_than_was_held_is_charged_in_full(storage: SqliteStorage) -> None:
    counted, generation = limits(storage, replace(MEMBER, tokens_per_day=1000)), a_generation()
    await counted.admit(USER, generation, "gemini", [])
    await counted.settle(generation, Usage(input_tokens=500, output_tokens=70_000), "")
    assert (await counted.allowance(USER)).tokens == 70_500
    with pytest.raises(LimitReached):
        await counted.admit(USER, a_generation(), "gemini", [])


@pytest.mark.parametrize("left_out", [None, Usage(), Usage(cost_micro_usd=0)])
async def test_a_provider_that_says_no_usage_gives_nothing_for_free(
    storage: SqliteStorage, left_out: Usage | None
) -> None:
    capped = replace(MEMBER, tokens_per_day=100_000, micro_usd_per_day=100_000)
    counted = limits(storage, capped, price=lambda model, read, written: read + 2 * written)
    generation = a_generation()
    await counted.admit(USER, generation, "gemini", [a_question("x" * 300)], "y" * 30)
    await counted.settle(generation, left_out, "z" * 60, pictures=1)
    used = await counted.allowance(USER)
    assert (used.tokens, used.cost_micro_usd) == (100 + 10 + 20 + 1290, 110 + 2 * 1310)


async def test_half_a_usage_is_made_whole(storage: SqliteStorage) -> None:
    capped = replace(MEMBER, micro_usd_per_day=100_000)
    counted = limits(storage, capped, price=lambda model, read, written: read + 2 * written)
    generation = a_generation()
    await counted.admit(USER, generation, "gemini", [a_question("x" * 300)])
    await counted.settle(generation, Usage(output_tokens=50, cost_micro_usd=100), "z")
    assert (await counted.allowance(USER)).cost_micro_usd == 100 + 2 * 50


async def test_what_the_provider_says_it_used_decides_the_price(storage: SqliteStorage) -> None:
    counted = limits(storage, replace(MEMBER, micro_usd_per_day=10**9), price=lambda model, read, written: 1)
    generation = a_generation()
    await counted.admit(USER, generation, "gemini", [])
    await counted.settle(generation, Usage(input_tokens=1, output_tokens=1, cost_micro_usd=7_000), "")
    assert (await counted.allowance(USER)).cost_micro_usd == 7_000


async def test_thinking_that_is_stopped_is_charged_too(storage: SqliteStorage) -> None:
    counted, generation = limits(storage), a_generation()
    await counted.admit(USER, generation, "gemini", [])
    log: list[Event] = [ThoughtDelta("t" * 30, 1.0), TextDelta("y" * 30), Cancelled()]
    folded = Folded().add(LoggedEvent(generation.id, n, "o", event) for n, event in enumerate(log, 1))
    await settle_with(counted)(generation, folded)
    assert (await counted.allowance(USER)).tokens == 10 + 10


async def test_a_model_without_a_price_is_refused_where_money_is_limited(storage: SqliteStorage) -> None:
    counted = limits(storage, replace(MEMBER, micro_usd_per_day=1000), price=lambda model, read, written: None)
    generation = a_generation()
    with pytest.raises(PermissionDenied, match="ask an admin to set ARGUS_UNPRICED_USD_PER_MILLION"):
        await counted.admit(USER, generation, "gemini", [])
    assert (await counted.allowance(USER)).requests == 0
    assert await counted.admit(ADMIN, a_generation(ADMIN), "gemini", []) is None  # admins have no such limit here


async def test_an_answer_is_never_longer_than_what_is_held_for_it(storage: SqliteStorage) -> None:
    for capped in (replace(MEMBER, tokens_per_day=10**6), replace(MEMBER, micro_usd_per_day=10**6)):
        counted = limits(storage, capped, price=lambda model, read, written: written)
        assert await counted.admit(USER, a_generation(), "gemini", []) == MAX_ANSWER_TOKENS
    assert await limits(storage, replace(MEMBER, requests_per_day=5)).admit(USER, a_generation(), "gemini", []) is None


async def test_who_asks_too_fast_takes_nothing_of_the_providers_bucket(storage: SqliteStorage) -> None:
    counted = limits(storage, replace(MEMBER, requests_per_minute=1), provider_per_minute=2)
    await counted.admit(USER, a_generation(), "gemini", [])
    for _ in range(3):
        with pytest.raises(LimitReached, match="You are asking too fast"):
            await counted.admit(USER, a_generation(), "gemini", [])
    await counted.admit(ADMIN, a_generation(ADMIN), "gemini", [])
    with pytest.raises(LimitReached, match="Gemini is very busy here"):
        await counted.admit(ADMIN, a_generation(ADMIN), "gemini", [])


async def test_a_title_is_no_question_but_costs(storage: SqliteStorage) -> None:
    await storage.ensure_user(USER)
    capped = replace(MEMBER, requests_per_day=1, tokens_per_day=1000, requests_per_minute=1)
    counted, aside = limits(storage, capped), a_generation()
    await counted.admit(USER, a_generation(), "local", [])
    with pytest.raises(LimitReached, match="token limit"):
        await counted.admit_aside(aside, "gemini", "x" * 300, 200)  # all is held
    with pytest.raises(NotFound):
        await counted.admit_aside(replace(aside, user_id="f" * 32), "gemini", "x", 200)


async def test_a_title_takes_from_the_bucket_of_the_provider(storage: SqliteStorage) -> None:
    await storage.ensure_user(USER)
    counted, aside = limits(storage, provider_per_minute=1), a_generation()
    await counted.admit_aside(aside, "gemini", "x" * 300, 200)
    await counted.settle(aside, None, "Tea", requests=0)
    used = await counted.allowance(USER)
    assert (used.requests, used.tokens) == (0, 100 + 1)
    with pytest.raises(LimitReached):
        await counted.admit_aside(a_generation(), "gemini", "x", 200)
    assert (await storage.get_day(USER.id, NOW.date())).held.tokens == 0
