"""Signing up: open, by invite, closed; codes that are used once, and never lost half-way (facts §7: A2, A6)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from argus_core.auth.invites import digest_code, new_code
from argus_core.domain import SignedIn, SignUpPolicy
from argus_core.errors import (
    BadCredentials,
    Conflict,
    InvalidInput,
    LimitReached,
    NotAuthenticated,
    PermissionDenied,
    StorageUnavailable,
)
from tests.support.auth import EMAIL, HERE, PASSWORD, Team, team_in


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[Team]:
    async with team_in(tmp_path) as made:
        yield made


async def sign_up(
    team: Team, email: str = EMAIL, password: str = PASSWORD, *, code: str = "", name: str = "Sara"
) -> SignedIn:
    return await team.auth.sign_up(name, email, password, HERE, invite=code)


async def test_open_lets_everybody_in_as_a_member(team: Team) -> None:
    signed_in = await sign_up(team, " Sara@Example.org")
    assert (signed_in.user.email, signed_in.user.name, signed_in.user.role) == (EMAIL, "Sara", "member")
    assert (await team.auth.identify(signed_in.access_token)).user == signed_in.user
    assert await team.sign_in()


async def test_a_taken_email_is_told_only_after_the_same_work(team: Team) -> None:
    await sign_up(team)
    for email, error in ((EMAIL, Conflict), ("omid@example.org", None)):
        hashed = team.passwords.hashed
        if error is None:
            await sign_up(team, email)
        else:
            with pytest.raises(error, match="already has an account"):
                await sign_up(team, email, "another good one")
        assert team.passwords.hashed == hashed + 1
    with pytest.raises(BadCredentials):
        await team.sign_in(password="another good one")


async def test_of_many_who_take_one_email_at_once_one_gets_it(team: Team) -> None:
    results = await asyncio.gather(*(sign_up(team) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, SignedIn) for each in results) == 1
    assert sum(isinstance(each, Conflict) for each in results) == 7
    assert len(await team.users()) == 1


@pytest.mark.parametrize("password", ["short", "x" * 300, "password1", EMAIL, "sara ahmadi"])
async def test_a2_a_bad_password_is_refused_before_hashing(team: Team, password: str) -> None:
    with pytest.raises(InvalidInput):
        await sign_up(team, password=password, name="Sara Ahmadi")
    assert team.passwords.worked == 0
    assert await team.users() == ()


async def test_a5_sign_ups_count_for_the_address(team: Team) -> None:
    for n in range(20):
        await sign_up(team, f"user{n}@example.org")
    worked = team.passwords.worked
    with pytest.raises(LimitReached):
        await sign_up(team)
    with pytest.raises(LimitReached):
        await team.sign_in(email="user1@example.org")
    assert team.passwords.worked == worked


@pytest.mark.parametrize("policy", ["invite", "closed"])
async def test_a6_without_a_code_nobody_comes(team: Team, policy: SignUpPolicy) -> None:
    team.auth.signup = policy
    with pytest.raises(PermissionDenied, match="Ask an admin"):
        await sign_up(team)
    assert team.passwords.worked == 0


@pytest.mark.parametrize("policy", ["invite", "open"])
async def test_a6_an_invite_lets_one_in_once(team: Team, policy: SignUpPolicy) -> None:
    team.auth.signup = policy
    new = await team.admin.create_invite(role="admin")
    assert (await sign_up(team, code=new.code)).user.role == "admin"
    with pytest.raises(PermissionDenied, match="not valid"):
        await sign_up(team, "omid@example.org", code=new.code)
    used = (await team.admin.invites())[0]
    assert used.used_by in {user.id for user in await team.users()}


async def test_a6_an_invite_makes_no_account_where_sign_up_is_closed(team: Team) -> None:
    team.auth.signup = "closed"
    new = await team.admin.create_invite()
    with pytest.raises(PermissionDenied):
        await sign_up(team, code=new.code)
    assert await team.users() == ()


async def test_a6_an_invite_expires_after_seven_days(team: Team) -> None:
    team.auth.signup = "invite"
    new, other = await team.admin.create_invite(), await team.admin.create_invite()
    team.clock.go(days=7, seconds=-1)
    assert await sign_up(team, code=new.code)
    team.clock.go(seconds=1)
    with pytest.raises(PermissionDenied):
        await sign_up(team, "omid@example.org", code=other.code)


async def test_a6_an_invite_for_one_email_is_for_nobody_else(team: Team) -> None:
    team.auth.signup = "invite"
    new = await team.admin.create_invite(email="Sara@Example.org")
    with pytest.raises(PermissionDenied):
        await sign_up(team, "omid@example.org", code=new.code)
    assert await sign_up(team, code=new.code)


async def test_a6_wrong_and_deleted_codes_are_refused_before_hashing(team: Team) -> None:
    team.auth.signup = "invite"
    new = await team.admin.create_invite()
    await team.admin.delete_invite(new.invite.id)
    for code in (new.code, new_code(), "x", "گربه", "\ud800"):
        with pytest.raises(PermissionDenied):
            await sign_up(team, code=code)
    assert team.passwords.worked == 0


def test_a6_codes_are_long_stored_as_digests_and_forgiving() -> None:
    code = new_code()
    assert re.fullmatch(r"([a-z2-7]{4}-){7}[a-z2-7]{4}", code)  # 32 letters of 5 bits
    assert len({new_code() for _ in range(100)}) == 100
    assert digest_code(code) == digest_code(f"  {code.replace('-', ' ').upper()}\n")
    assert digest_code(code) != digest_code(code[:-1] + "9")
    assert re.fullmatch("[0-9a-f]{64}", digest_code(code))


async def test_a6_one_code_used_by_many_at_once_makes_one_account(team: Team) -> None:
    team.auth.signup = "invite"
    new = await team.admin.create_invite()
    tries = [sign_up(team, f"user{n}@example.org", code=new.code) for n in range(8)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, SignedIn) for each in results) == 1
    assert {type(each) for each in results} <= {SignedIn, PermissionDenied, Conflict}
    assert len(await team.users()) == 1


@pytest.mark.parametrize("step", ["find_invite", "find_login", "use_invite", "create_login", "create_session"])
async def test_a6_a_store_that_fails_half_way_blocks_no_retry(team: Team, step: str) -> None:
    team.auth.signup = "invite"
    new = await team.admin.create_invite(role="admin", email=EMAIL)
    team.watched.fail_at = step
    with pytest.raises(StorageUnavailable):
        await sign_up(team, code=new.code)
    if step == "create_session":  # the account is there: one signs in to it
        signed_in = await team.sign_in()
    else:
        signed_in = await sign_up(team, code=new.code)
    assert signed_in.user.role == "admin"
    assert len(await team.users()) == 1
    with pytest.raises(PermissionDenied):
        await sign_up(team, code=new.code)


async def test_a6_many_who_retry_after_that_still_make_one_account(team: Team) -> None:
    team.auth.signup = "invite"
    new = await team.admin.create_invite()
    team.watched.fail_at = "create_login"
    with pytest.raises(StorageUnavailable):
        await sign_up(team, code=new.code)
    tries = [sign_up(team, f"user{n}@example.org", code=new.code) for n in range(8)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, SignedIn) for each in results) == 1
    assert len(await team.users()) == 1


async def test_a_taken_email_uses_up_no_invite(team: Team) -> None:
    team.auth.signup = "invite"
    await team.add()
    new = await team.admin.create_invite()
    with pytest.raises(Conflict):
        await sign_up(team, code=new.code)
    assert await sign_up(team, "omid@example.org", code=new.code)


@pytest.mark.parametrize("policy", ["open", "invite", "closed"])
async def test_a6_a_reset_code_sets_the_password_once(team: Team, policy: SignUpPolicy) -> None:
    team.auth.signup = policy
    user_id = await team.add()
    before = await team.sign_in()
    new = await team.admin.reset(user_id)
    assert not await team.auth.find_alive([before.session_id])
    slipped_in = await team.sign_in()
    signed_in = await sign_up(team, password="snow on the hills", code=new.code, name="")
    assert (signed_in.user.id, signed_in.user.name) == (user_id, "Sara")
    assert await team.auth.identify(signed_in.access_token)
    assert not await team.auth.find_alive([slipped_in.session_id])
    with pytest.raises(NotAuthenticated):
        await team.auth.refresh(slipped_in.refresh_token, HERE)
    with pytest.raises(PermissionDenied):
        await sign_up(team, password="wind in the reeds", code=new.code)
    with pytest.raises(BadCredentials):
        await team.sign_in()
    assert await team.sign_in(password="snow on the hills")


async def test_a6_a_reset_code_is_for_its_owner_alone(team: Team) -> None:
    user_id = await team.add()
    new = await team.admin.reset(user_id)
    with pytest.raises(PermissionDenied):
        await sign_up(team, "omid@example.org", "snow on the hills", code=new.code)
    with pytest.raises(InvalidInput):
        await sign_up(team, password=EMAIL, code=new.code)  # does not use the code up
    assert await sign_up(team, password="snow on the hills", code=new.code)


async def test_a6_a_reset_code_opens_no_account_that_was_shut(team: Team) -> None:
    user_id = await team.add()
    new = await team.admin.reset(user_id)
    await team.admin.set_disabled(user_id, True)
    with pytest.raises(PermissionDenied):
        await sign_up(team, password="snow on the hills", code=new.code)


async def test_a6_a_newer_reset_code_voids_the_older(team: Team) -> None:
    team.auth.signup = "closed"
    user_id = await team.add(password="")
    older, newer = await team.admin.reset(user_id), await team.admin.reset(user_id)
    with pytest.raises(PermissionDenied):
        await sign_up(team, password="snow on the hills", code=older.code)
    assert (await sign_up(team, password="snow on the hills", code=newer.code)).user.id == user_id


async def test_a6_one_reset_code_used_by_many_at_once_sets_one_password(team: Team) -> None:
    team.auth.signup = "closed"
    new = await team.admin.reset(await team.add())
    words = [f"snow on {n} hills" for n in range(6)]
    results = await asyncio.gather(
        *(sign_up(team, password=each, code=new.code) for each in words), return_exceptions=True
    )
    assert [type(each) for each in results].count(PermissionDenied) == 5
    winner = next(word for word, each in zip(words, results, strict=True) if isinstance(each, SignedIn))
    team.clock.go(minutes=5)
    assert await team.sign_in(password=winner)
