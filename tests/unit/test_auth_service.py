"""Signing in and changing passwords: equal answers, throttled before hashing (facts §7: A3 to A5, A7)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from argus_core.auth import passwords as passwords_module
from argus_core.auth.service import Origin
from argus_core.domain import SignedIn
from argus_core.errors import ArgusError, BadCredentials, InvalidInput, LimitReached, NotAuthenticated
from tests.support.auth import EMAIL, HERE, PASSWORD, Team, team_in


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[Team]:
    async with team_in(tmp_path) as made:
        yield made


ELSEWHERE = Origin(address="198.51.100.9")


async def failure(doing: Awaitable[object]) -> ArgusError:
    with pytest.raises(ArgusError) as raised:
        await doing
    return raised.value


async def test_sign_in_gives_what_identifies(team: Team) -> None:
    user_id = await team.add()
    signed_in = await team.auth.sign_in("  SARA@example.org ", PASSWORD, HERE)
    identity = await team.auth.identify(signed_in.access_token)
    assert (identity.user.id, identity.session_id) == (user_id, signed_in.session_id)
    assert (signed_in.user.email, signed_in.expires_in_s) == (EMAIL, 600)


async def test_a4_unknown_wrong_shut_and_without_password_look_the_same(team: Team) -> None:
    await team.add()
    shut = await team.add("shut@example.org")
    await team.admin.set_disabled(shut, True)
    await team.add("new@example.org", password="")
    problems, work = [], []
    for email, password in [
        (EMAIL, "wrong password"),
        ("nobody@example.org", PASSWORD),
        ("shut@example.org", PASSWORD),
        ("shut@example.org", "wrong password"),
        ("new@example.org", PASSWORD),
        ("new@example.org", ""),
    ]:
        before = team.passwords.worked, len(team.watched.calls)
        error = await failure(team.auth.sign_in(email, password, HERE))
        work.append((team.passwords.worked - before[0], len(team.watched.calls) - before[1]))
        problems.append((type(error), error.problem()))
    assert set(problems) == {(BadCredentials, BadCredentials().problem())}
    assert set(work) == {(1, 3)}  # one password verified, one account looked for, two buckets
    assert team.passwords.verified[1] is None  # against nobody's hash, which costs the same


async def test_a5_the_6th_try_is_refused_before_any_hashing(team: Team) -> None:
    await team.add()
    for _ in range(5):
        await failure(team.sign_in(password="wrong password"))
    worked = team.passwords.worked
    error = await failure(team.sign_in())  # right, and too soon
    assert isinstance(error, LimitReached)
    assert error.retry_after_s == 30
    assert team.passwords.worked == worked
    team.clock.go(seconds=30)
    assert await team.sign_in()


async def test_a5_accounts_that_are_not_there_are_throttled_alike(team: Team) -> None:
    await team.add()
    answers = []
    for email in (EMAIL, "nobody@example.org"):
        for _ in range(5):
            await failure(team.sign_in(email=email, password="wrong password"))
        answers.append((await failure(team.sign_in(email=email, password="wrong password"))).problem())
    assert answers[0] == answers[1]


async def test_a5_a_known_client_gets_in_while_the_account_is_attacked(team: Team) -> None:
    await team.add()
    known = await team.sign_in()
    while not isinstance(await failure(team.sign_in(ELSEWHERE, password="wrong password")), LimitReached):
        pass
    with pytest.raises(LimitReached):
        await team.sign_in()  # without showing the device
    device = replace(HERE, device_token=known.device_token)
    again = await team.sign_in(device)
    assert again.device_token == known.device_token  # it stays the device it was
    for _ in range(4):
        await failure(team.sign_in(device, password="wrong password"))
    with pytest.raises(LimitReached):  # a thief of the client guesses no faster
        await team.sign_in(device)


async def test_a5_the_device_of_one_user_opens_no_bucket_of_another(team: Team) -> None:
    await team.add()
    await team.add("omid@example.org")
    omid = await team.sign_in(email="omid@example.org")
    while not isinstance(await failure(team.sign_in(ELSEWHERE, password="wrong password")), LimitReached):
        pass
    for foreign in (omid.device_token, omid.refresh_token, "a.b.c", "x" * 500):
        with pytest.raises(LimitReached):
            await team.sign_in(replace(HERE, device_token=foreign))


async def test_a_device_token_outlives_the_session(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    await team.auth.sign_out(first.user.id, first.session_id)
    assert team.tokens.find_device(first.device_token, first.user.id) is not None


async def test_a5_a_full_queue_is_told_and_is_no_wrong_password(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    await team.add()
    monkeypatch.setattr(passwords_module, "MAX_WAITING", -passwords_module.THREADS)
    for password in (PASSWORD, "wrong password"):
        error = await failure(team.sign_in(password=password))
        assert isinstance(error, LimitReached)
        assert error.retry_after_s == 3


async def test_a7_a_weaker_hash_waits_for_a_quieter_time(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = await team.add()
    await team.weaken(user_id)

    async def queue_fills() -> None:
        monkeypatch.setattr(passwords_module, "MAX_WAITING", -passwords_module.THREADS)

    team.passwords.after_verify = queue_fills
    assert await team.sign_in()
    assert "$04$" in await team.hash_of(user_id)


async def test_a7_a_weaker_hash_is_replaced_at_sign_in(team: Team) -> None:
    user_id = await team.add()
    await team.weaken(user_id)
    await failure(team.sign_in(password="wrong password"))
    assert "$04$" in await team.hash_of(user_id)
    first = await team.sign_in()
    stored = await team.hash_of(user_id)
    assert stored.startswith("argus1$2b$05$")
    await team.sign_in()
    assert await team.hash_of(user_id) == stored
    assert await team.auth.identify(first.access_token)


async def test_a7_two_at_once_with_a_weaker_hash_both_get_in(team: Team) -> None:
    user_id = await team.add()
    await team.weaken(user_id)
    for signed_in in await asyncio.gather(team.sign_in(), team.sign_in()):
        assert await team.auth.identify(signed_in.access_token)


async def test_a3_a_new_password_needs_the_old_one(team: Team) -> None:
    user_id = await team.add()
    first, other = await team.sign_in(), await team.sign_in()
    error = await failure(team.auth.change_password(user_id, first.session_id, "wrong password", "snow on the hills"))
    assert isinstance(error, BadCredentials)
    assert await team.auth.find_alive([other.session_id])
    await team.auth.change_password(user_id, first.session_id, PASSWORD, "snow on the hills")
    assert await team.auth.find_alive([first.session_id])
    assert not await team.auth.find_alive([other.session_id])
    assert isinstance(await failure(team.sign_in()), BadCredentials)
    assert await team.sign_in(password="snow on the hills")


@pytest.mark.parametrize("new", ["short", "x" * 300, "password", EMAIL, "iloveyou"])
async def test_a2_a_new_password_must_be_good(team: Team, new: str) -> None:
    user_id = await team.add()
    first = await team.sign_in()
    error = await failure(team.auth.change_password(user_id, first.session_id, PASSWORD, new))
    assert isinstance(error, InvalidInput)
    assert await team.sign_in()


async def test_a5_the_old_password_cannot_be_guessed_by_changing_it(team: Team) -> None:
    user_id = await team.add()
    first = await team.sign_in()
    for _ in range(5):
        await failure(team.auth.change_password(user_id, first.session_id, "wrong password", "snow on the hills"))
    worked = team.passwords.worked
    error = await failure(team.auth.change_password(user_id, first.session_id, PASSWORD, "snow on the hills"))
    assert isinstance(error, LimitReached)
    assert team.passwords.worked == worked


async def race(team: Team, change: Callable[[], Awaitable[object]]) -> None:
    """Let `change` happen while a sign-in has verified the password and not yet begun a session."""
    team.passwords.after_verify = change
    error = await failure(team.sign_in())
    assert isinstance(error, BadCredentials)
    user_id = (await team.users())[0].id
    assert await team.storage.list_sessions(user_id) == []


async def test_s3_a_password_changed_during_a_sign_in_lets_no_session_slip_through(team: Team) -> None:
    user_id = await team.add()

    async def change() -> None:
        await team.storage.set_password_hash(user_id, await team.passwords.hash("snow on the hills"))
        await team.auth.sign_out(user_id, "", everywhere=True)

    await race(team, change)


async def test_s3_an_account_shut_during_a_sign_in_lets_no_session_slip_through(team: Team) -> None:
    user_id = await team.add()
    await race(team, lambda: team.admin.set_disabled(user_id, True))


async def test_a_password_changed_while_the_old_one_is_hashed_anew_stays_changed(team: Team) -> None:
    user_id = await team.add()
    await team.weaken(user_id)
    fresh = await team.passwords.hash("snow on the hills")

    async def change() -> None:
        await team.storage.set_password_hash(user_id, fresh)

    team.passwords.after_verify = change
    assert isinstance(await failure(team.sign_in()), BadCredentials)
    assert await team.hash_of(user_id) == fresh


async def test_s3_shutting_an_account_ends_it_at_once(team: Team) -> None:
    user_id = await team.add()
    signed_in = await team.sign_in()
    await team.auth.identify(signed_in.access_token)
    await team.admin.set_disabled(user_id, True)
    assert isinstance(await failure(team.auth.identify(signed_in.access_token)), NotAuthenticated)
    assert isinstance(await failure(team.auth.refresh(signed_in.refresh_token, HERE)), NotAuthenticated)
    await team.admin.set_disabled(user_id, False)
    assert isinstance(await failure(team.auth.identify(signed_in.access_token)), NotAuthenticated)
    assert await team.sign_in()


async def test_what_is_no_email_is_said_so(team: Team) -> None:
    assert isinstance(await failure(team.sign_in(email="sara")), InvalidInput)


async def test_c2_the_log_says_ids_and_nothing_secret(team: Team, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    team.auth.signup = "invite"
    admin_id = await team.add("boss@example.org", role="admin")
    admin = team.auth.administration(admin_id)
    code = (await admin.create_invite(email=EMAIL)).code
    given_out: list[SignedIn] = [await team.auth.sign_up("Sara", EMAIL, PASSWORD, HERE, invite=code)]
    user_id = given_out[0].user.id
    given_out.append(await team.auth.refresh(given_out[0].refresh_token, HERE))
    team.clock.go(minutes=1)
    await failure(team.auth.refresh(given_out[0].refresh_token, HERE))
    for _ in range(6):
        await failure(team.sign_in(password="wrong password"))
    team.clock.go(minutes=10)
    given_out.append(await team.sign_in())
    await team.auth.change_password(user_id, given_out[-1].session_id, PASSWORD, "snow on the hills")
    reset = (await admin.reset(user_id)).code
    given_out.append(await team.auth.sign_up("", EMAIL, "wind in the reeds", HERE, invite=reset))
    await admin.set_role(user_id, "admin")
    await admin.set_disabled(user_id, True)

    events = [record.getMessage() for record in caplog.records if record.name.startswith("argus_core.auth")]
    for event in (
        "signed up", "signed in", "sign-in failed", "sign-in held back", "refresh token used twice", "password changed",
        "password reset", "invite made", "user created", "user changed", "sessions ended",
    ):  # fmt: skip
        assert event in events
    everything = " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert user_id in everything
    assert admin_id in everything
    secrets = [EMAIL, "boss@example.org", "Sara", PASSWORD, "wrong password", "snow on", "wind in", code, reset]
    secrets += [HERE.address, HERE.client, "$2b$"]
    secrets += [text for each in given_out for text in (each.access_token, each.refresh_token, each.device_token)]
    for secret in secrets:
        assert secret not in everything
