"""Passwords: which are taken, how they are kept, and how many may wait (facts §7: A1, A2, A7)."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.auth.passwords import COST, MAX_WAITING, THREADS, Passwords
from argus_core.errors import InvalidInput, LimitReached

PERSIAN = "بارانیکهرویشیروانیمیباردصدایشازدورمیآیدومنبیدارماینجاتنهایمامشب"


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    made = Passwords(cost=4)
    yield made
    made.close()


async def test_a1_64_persian_letters_differ_in_the_last(passwords: Passwords) -> None:
    long = PERSIAN[:63].ljust(63, "ن")
    one, other = long + "ا", long + "ب"
    assert len(one) == 64
    assert len(one.encode()) > 72  # more than bcrypt takes
    passwords.check(one)
    stored = await passwords.hash(one)
    assert await passwords.verify(one, stored)
    assert not await passwords.verify(other, stored)


@pytest.mark.parametrize("password", ["x7" * 150, "1234567", "", "ﷺ" * 15])
def test_a1_too_short_or_too_long_is_said(password: str) -> None:
    with pytest.raises(InvalidInput, match="8 to 256 characters"):
        Passwords(4).check(password)


@pytest.mark.parametrize("password", ["aaaabbbb", "        ", "۱۲۳۴۵۶۷۸ب", "pa\x00ss-wo\x00rd", "گربه‌ی‌سیاه"])
async def test_a1_no_rule_about_which_characters(passwords: Passwords, password: str) -> None:
    passwords.check(password, "sara@example.org", "Sara")
    assert await passwords.verify(password, await passwords.hash(password))


async def test_a1_what_is_far_too_long_is_wrong_and_no_crash(passwords: Passwords) -> None:
    stored = await passwords.hash("rain on a tin roof")
    assert not await passwords.verify("x" * 100_000, stored)
    assert not await passwords.verify("\ud800", stored)


@pytest.mark.parametrize("password", ["password", "12345678", "TrustNo1", "iloveyou", "ｐａｓｓｗｏｒｄ"])
def test_a2_common_ones_are_refused(password: str) -> None:
    with pytest.raises(InvalidInput, match="most common"):
        Passwords(4).check(password)


def test_a2_all_of_the_3000_most_common_that_are_long_enough() -> None:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]

    passwords, common = Passwords(4), [each for each in FREQUENCY_LISTS["passwords"] if len(each) >= 8]
    for password in common[:3000]:
        with pytest.raises(InvalidInput):
            passwords.check(password)
    passwords.check(common[3000])


@pytest.mark.parametrize("password", ["Sara@Example.org", "sara-the-great", "SARA AHMADI"])
def test_a2_neither_the_email_nor_the_name(password: str) -> None:
    with pytest.raises(InvalidInput, match="not your name or email"):
        Passwords(4).check(password, "sara@example.org", "sara-the-great@example.org", "Sara Ahmadi")


def test_a7_what_is_stored_says_scheme_and_cost() -> None:
    passwords = Passwords()
    assert COST >= 12
    assert passwords.needs_rehash("argus1$2b$11$" + "x" * 53)
    assert not passwords.needs_rehash("argus1$2b$12$" + "x" * 53)
    assert not passwords.needs_rehash("argus1$2b$13$" + "x" * 53)
    for other in ("$2b$12$" + "x" * 53, "argus0$2b$12$" + "x" * 53, "argon2id$19$2$1", "", "argus1"):
        assert passwords.needs_rehash(other)


async def test_a7_a_hash_is_fresh_and_of_the_cost_that_was_set(passwords: Passwords) -> None:
    one, other = await passwords.hash("rain on a tin roof"), await passwords.hash("rain on a tin roof")
    assert one != other
    assert one.startswith("argus1$2b$04$")
    assert not passwords.needs_rehash(one)


async def test_keyboards_may_compose_letters_differently(passwords: Passwords) -> None:
    composed = "café au lait é"
    assert await passwords.verify(unicodedata.normalize("NFD", composed), await passwords.hash(composed))


async def test_without_a_stored_one_the_same_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: list[bytes] = []
    checkpw = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        costs.append(hashed[:7])
        return checkpw(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    passwords = Passwords(cost=5)
    stored = await passwords.hash("rain on a tin roof")
    for each in (stored, None, "argon2id$unknown", ""):
        assert not await passwords.verify("something else", each)
    assert costs == [b"$2b$05$"] * 4
    passwords.close()


async def test_the_queue_is_short_and_says_when_to_come_back(passwords: Passwords) -> None:
    tries = [asyncio.ensure_future(passwords.hash(f"password number {n}")) for n in range(THREADS + MAX_WAITING + 3)]
    done = await asyncio.gather(*tries, return_exceptions=True)
    refused = [each for each in done if isinstance(each, LimitReached)]
    assert len(refused) == 3
    assert refused[0].retry_after_s == 3
    assert await passwords.verify("password number 0", await passwords.hash("password number 0"))


async def test_who_gives_up_leaves_the_queue(passwords: Passwords) -> None:
    for _ in range(3):
        tries = [asyncio.ensure_future(passwords.hash("rain on a tin roof")) for _ in range(THREADS + MAX_WAITING)]
        await asyncio.sleep(0)
        for each in tries:
            each.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
    assert (await passwords.hash("rain on a tin roof")).startswith("argus1$")


@given(st.text(max_size=40), st.text(max_size=40))
def test_different_passwords_stay_different_before_bcrypt(one: str, other: str) -> None:
    from argus_core.auth.passwords import _pre_hash

    same = unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other)
    assert (_pre_hash(one) == _pre_hash(other)) == same
    assert len(_pre_hash(one)) == 44
