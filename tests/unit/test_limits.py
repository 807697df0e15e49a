"""What users may use: held before an answer begins, charged once when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from argus_core.domain import Generation, Message, Problem, RoleLimits, TextPart, Usage, User
from argus_core.errors import ConfigError, LimitReached
from argus_core.events import Failed, LoggedEvent
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
