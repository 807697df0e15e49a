"""Buckets and presence of the file under a clock that the test turns: what the contract cannot wait for."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from argus_core.storage.accounts import Amounts, Caps, Rate, Taken
from argus_core.storage.sqlite import SqliteStorage
from tests.support.account_builders import TODAY, a_hold, a_presence
from tests.support.builders import ALICE, NOON, later


class Clock:
    """A clock that goes when it is told."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def _opened(folder: Path, clock: Clock) -> AsyncIterator[SqliteStorage]:
    storage = SqliteStorage(folder / "argus.db", clock=clock)
    await storage.open()
    try:
        yield storage
    finally:
        await storage.close()


async def test_a_bucket_fills_at_its_rate(tmp_path: Path) -> None:
    clock, rate = Clock(), Rate(burst=2, per_s=0.1)
    async with _opened(tmp_path, clock) as storage:
        for _ in range(2):
            await storage.take_from_bucket("k", rate)
        refused = Taken(allowed=False, left=0, wait_s=10, full_in_s=20)
        assert await storage.take_from_bucket("k", rate) == refused
        clock.now = later(9.999)
        assert (await storage.take_from_bucket("k", rate)).wait_s == 0.001
        clock.now = later(10)
        assert await storage.take_from_bucket("k", rate) == Taken(allowed=True, left=0, wait_s=10, full_in_s=20)
        clock.now = later(1000)
        assert await storage.take_from_bucket("k", rate, 2) == Taken(allowed=True, left=0, wait_s=10, full_in_s=20)


async def test_a_clock_that_is_put_back_shuts_nobody_out_for_long(tmp_path: Path) -> None:
    clock, rate = Clock(), Rate(burst=1, per_s=1)
    async with _opened(tmp_path, clock) as storage:
        await storage.take_from_bucket("k", rate)
        clock.now = NOON - timedelta(days=1)
        refused = await storage.take_from_bucket("k", rate)
        assert (refused.allowed, refused.wait_s) == (False, 1)


async def test_only_full_buckets_are_purged(tmp_path: Path) -> None:
    clock = Clock()
    async with _opened(tmp_path, clock) as storage:
        await storage.take_from_bucket("quick", Rate(burst=1, per_s=1))
        await storage.take_from_bucket("slow", Rate(burst=1, per_s=0.1))
        clock.now = later(5)
        await storage.reserve(a_hold("g"), Caps())
        await storage.settle(ALICE, TODAY, "g", Amounts(requests=1))
        assert await storage.purge_usage(TODAY + timedelta(days=1)) == 1
        clock.now = NOON
        assert (await storage.take_from_bucket("quick", Rate(burst=1, per_s=1))).allowed
        assert not (await storage.take_from_bucket("slow", Rate(burst=1, per_s=0.1))).allowed


async def test_who_was_not_noted_for_an_hour_is_forgotten(tmp_path: Path) -> None:
    clock = Clock()
    async with _opened(tmp_path, clock) as storage:
        await storage.note_presence([a_presence("gone", seen_at=NOON)])
        clock.now = later(3601)
        await storage.note_presence([a_presence("here", seen_at=clock.now)])
        assert [each.client_id for each in await storage.list_presence([ALICE], NOON)] == ["here"]


@settings(max_examples=30, deadline=None)
@given(
    burst=st.integers(1, 20),
    per_minute=st.integers(1, 2000),
    steps=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 4)), max_size=25),
)
def test_no_more_than_burst_and_rate_get_through(burst: int, per_minute: int, steps: list[tuple[int, int]]) -> None:
    """In any span of time no more is taken than the burst and what came in meanwhile, and what fits is allowed."""

    async def run(folder: Path) -> None:
        clock, rate = Clock(), Rate(burst=burst, per_s=per_minute / 60)
        taken: list[tuple[datetime, int]] = []
        async with _opened(folder, clock) as storage:
            for pause_ms, wanted in steps:
                clock.now += timedelta(milliseconds=pause_ms)
                before = await storage.take_from_bucket("k", rate, 0)
                cost = min(wanted, burst)
                after = await storage.take_from_bucket("k", rate, cost)
                if cost:
                    assert after.allowed is (cost <= before.left)
                    assert after.left == before.left - cost * after.allowed
                    taken += [(clock.now, cost)] if after.allowed else []
        for place, (first, _) in enumerate(taken):
            for until in range(place, len(taken)):
                span_s = (taken[until][0] - first).total_seconds()
                assert sum(cost for _, cost in taken[place : until + 1]) <= burst + span_s * rate.per_s + 0.01

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


@settings(max_examples=40, deadline=None)
@given(
    cap=st.integers(0, 30),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 12)), max_size=25),
)
def test_a_day_says_what_a_plain_model_says(cap: int, steps: list[tuple[bool, int, int]]) -> None:
    """Any story of holding and settling, told to the file and to two dictionaries."""

    async def run(folder: Path) -> None:
        used, held = 0, dict[str, int]()
        async with _opened(folder, Clock()) as storage:
            for reserves, number, tokens in steps:
                name = f"g{number}"
                if reserves:
                    fits = name in held or used + sum(held.values()) + tokens <= cap
                    assert await storage.reserve(a_hold(name, Amounts(tokens=tokens)), Caps(tokens=cap)) is fits
                    if fits:
                        held.setdefault(name, tokens)
                else:
                    assert await storage.settle(ALICE, TODAY, name, Amounts(tokens=tokens)) is (name in held)
                    used += tokens if name in held else 0
                    held.pop(name, None)
                day = await storage.get_day(ALICE, TODAY)
                assert (day.used.tokens, day.held.tokens) == (used, sum(held.values()))

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
