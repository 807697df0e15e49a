"""Guessing is held back, by account, by network and by client (facts §7: A5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.auth.throttle import Throttle, network_of
from argus_core.errors import BadCredentials, LimitReached
from tests.support.auth import HERE, Team, team_in


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[Team]:
    async with team_in(tmp_path) as made:
        yield made


async def tries_until_refused(throttle: Throttle, address: str = "192.0.2.7", email: str = "sara@example.org") -> int:
    for tried in range(100):
        try:
            await throttle.sign_in(address, email, None)
        except LimitReached:
            return tried
    return 100


async def test_a5_an_account_has_5_tries_and_then_one_in_30_s(team: Team) -> None:
    throttle = Throttle(team.storage)
    assert await tries_until_refused(throttle) == 5
    with pytest.raises(LimitReached) as refused:
        await throttle.sign_in("198.51.100.9", "sara@example.org", None)  # from anywhere
    assert refused.value.retry_after_s == 30
    team.clock.go(seconds=30)
    assert await tries_until_refused(throttle) == 1
    assert await tries_until_refused(throttle, email="omid@example.org") == 5


async def test_a5_a_network_has_20_tries_and_then_one_in_3_s(team: Team) -> None:
    throttle = Throttle(team.storage)
    for n in range(20):
        await throttle.sign_in("2001:db8:1:2::1", f"user{n}@example.org", None)
    with pytest.raises(LimitReached) as refused:
        await throttle.sign_up("2001:db8:1:2:ffff::9")  # the same customer
    assert refused.value.retry_after_s == 3
    await throttle.sign_up("2001:db8:1:3::1")
    team.clock.go(seconds=3)
    await throttle.sign_up("2001:db8:1:2::2")


async def test_a5_a_known_client_has_tries_of_its_own(team: Team) -> None:
    throttle = Throttle(team.storage)
    assert await tries_until_refused(throttle) == 5
    for _ in range(5):
        await throttle.sign_in("198.51.100.9", "sara@example.org", "laptop")
    with pytest.raises(LimitReached):
        await throttle.sign_in("198.51.100.9", "sara@example.org", "laptop")


async def test_sessions_are_begun_slowly_also_with_the_right_password(team: Team) -> None:
    user_id = await team.add()
    clients = [await team.sign_in() for _ in range(5)]
    known = [replace(HERE, device_token=client.device_token) for client in clients]
    for _ in range(5):
        await team.sign_in(known[0])
    worked = team.passwords.worked
    with pytest.raises(LimitReached, match=r"You are signing in too often\. Try again in 6 s\."):
        await team.sign_in(known[1])
    assert len(await team.storage.list_sessions(user_id)) == 10
    assert team.passwords.worked == worked + 1
    with pytest.raises(BadCredentials):
        await team.sign_in(known[2], password="a wrong one")
    team.clock.go(seconds=6)
    await team.sign_in(known[1])


async def test_the_old_password_can_be_tried_5_times(team: Team) -> None:
    throttle = Throttle(team.storage)
    for _ in range(5):
        await throttle.password_change("a session")
    with pytest.raises(LimitReached):
        await throttle.password_change("a session")
    await throttle.password_change("another")


async def test_no_bucket_names_an_email_or_an_address(team: Team) -> None:
    await Throttle(team.storage).sign_in("192.0.2.7", "sara@example.org", None)
    keys = [str(args[0]) for name, args in team.watched.calls if name == "take_from_bucket"]
    assert len(keys) == 2
    assert not any("sara" in key or "192.0" in key for key in keys)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_what_counts_as_one_place(address: str, network: str) -> None:
    assert network_of(address) == network


@given(st.ip_addresses(v=6))
def test_every_address_of_a_64_counts_as_one(address: object) -> None:
    start = network_of(str(address)).removesuffix("/64")
    assert network_of(start).removesuffix("/64") == start
