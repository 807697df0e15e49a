"""Guessing is held back, by account, by network and by client (facts §7: A5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.auth.throttle import Throttle, network_of
from argus_core.errors import LimitReached
from tests.support.account_memory import AccountMemory


async def tries_until_refused(throttle: Throttle, address: str = "192.0.2.7", email: str = "sara@example.org") -> int:
    for tried in range(100):
        try:
            await throttle.sign_in(address, email, None)
        except LimitReached:
            return tried
    return 100


async def test_a5_an_account_has_5_tries_and_then_one_in_30_s() -> None:
    memory = AccountMemory()
    throttle = Throttle(memory.as_storage())
    assert await tries_until_refused(throttle) == 5
    with pytest.raises(LimitReached) as refused:
        await throttle.sign_in("198.51.100.9", "sara@example.org", None)  # from anywhere
    assert refused.value.retry_after_s == 30
    memory.now_s += 30
    assert await tries_until_refused(throttle) == 1
    assert await tries_until_refused(throttle, email="omid@example.org") == 5


async def test_a5_a_network_has_20_tries_and_then_one_in_3_s() -> None:
    memory = AccountMemory()
    throttle = Throttle(memory.as_storage())
    for n in range(20):
        await throttle.sign_in("2001:db8:1:2::1", f"user{n}@example.org", None)
    with pytest.raises(LimitReached) as refused:
        await throttle.sign_up("2001:db8:1:2:ffff::9")  # the same customer
    assert refused.value.retry_after_s == 3
    await throttle.sign_up("2001:db8:1:3::1")
    memory.now_s += 3
    await throttle.sign_up("2001:db8:1:2::2")


async def test_a5_a_known_client_has_tries_of_its_own() -> None:
    throttle = Throttle(AccountMemory().as_storage())
    assert await tries_until_refused(throttle) == 5
    for _ in range(5):
        await throttle.sign_in("198.51.100.9", "sara@example.org", "laptop")
    with pytest.raises(LimitReached):
        await throttle.sign_in("198.51.100.9", "sara@example.org", "laptop")


async def test_the_old_password_can_be_tried_5_times() -> None:
    throttle = Throttle(AccountMemory().as_storage())
    for _ in range(5):
        await throttle.password_change("a session")
    with pytest.raises(LimitReached):
        await throttle.password_change("a session")
    await throttle.password_change("another")


async def test_no_bucket_names_an_email_or_an_address() -> None:
    memory = AccountMemory()
    await Throttle(memory.as_storage()).sign_in("192.0.2.7", "sara@example.org", None)
    assert len(memory.buckets) == 2
    assert not any("sara" in key or "192.0" in key for key in memory.buckets)


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
