"""What requests may hold of a process, and how often strangers may ask."""

from __future__ import annotations

import asyncio

import pytest

from argus_core.errors import LimitReached
from argus_core.server import callers
from argus_core.server.callers import Callers
from argus_core.server.intake import OTHER_BYTES, most_bytes
from argus_core.server.room import Room, Turns


def test_one_takes_no_more_than_one_may_and_all_no_more_than_there_is() -> None:
    room = Room(100, 60)
    assert room.take("a", 60)
    assert not room.take("a", 1)
    assert not room.take("b", 41)
    assert room.take("b", 40)
    assert not room.take("c", 1)
    assert (room.is_crowded("a"), room.is_crowded("b"), room.is_crowded("c")) == (True, True, False)
    room.give_back("a", 60)
    assert room.take("c", 60)
    room.give_back("b", 40)
    room.give_back("c", 60)
    assert (room.held, dict(room._held)) == (0, {})


async def test_one_user_waits_for_their_own_turns_only() -> None:
    turns, go_on, inside = Turns(3, 2), asyncio.Event(), []

    async def work(user: str) -> None:
        async with turns.turn(user):
            inside.append(user)
            await go_on.wait()

    tasks = [asyncio.create_task(work(user)) for user in ("a", "a", "a", "a", "b", "b")]
    await asyncio.sleep(0)
    assert sorted(inside) == ["a", "a", "b"]
    go_on.set()
    await asyncio.gather(*tasks)
    assert len(inside) == 6


def test_a_network_asks_so_often_in_a_minute_and_no_more() -> None:
    now = 0.0
    counted = Callers(lambda: now)
    for _ in range(60):
        counted.count("a", 60)
    counted.count("b", 60)
    with pytest.raises(LimitReached) as refused:
        counted.count("a", 60)
    assert refused.value.retry_after_s == 1
    now = 1.0
    counted.count("a", 60)
    with pytest.raises(LimitReached):
        counted.count("a", 60)
    for _ in range(1000):
        counted.count("a", None)


def test_networks_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "MOST_NETWORKS", 10)
    now = 0.0
    counted = Callers(lambda: now)
    for number in range(100):
        counted.count(f"n{number}", 60)
        now += 0.5
    assert len(counted._full_at) <= 10


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/v1/conversations/abc/questions", 8_004_096),
        ("/api/v1/conversations/abc/draft", 2_004_096),
        ("/api/v1/conversations", 136_192),
        ("/api/v1/conversations/abc", 136_192),
        ("/api/v1/account/preferences/theme", 44_096),
        ("/api/v1/attachments", 20 << 20),
        ("/api/v1/auth/login", OTHER_BYTES),
        ("/api/v1/conversations/abc/questions/more", OTHER_BYTES),
        ("/draft", OTHER_BYTES),
    ],
)
def test_a_body_may_be_as_long_as_its_address_needs(path: str, most: int) -> None:
    assert most_bytes(path) == most
