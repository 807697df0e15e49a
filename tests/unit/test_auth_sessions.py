"""Sessions: refreshed once by many, ended by reuse, over when they are idle or old (facts §7: S4, S5, S6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argus_core.auth import sessions as sessions_module
from argus_core.auth.service import Auth, Origin
from argus_core.auth.sessions import Sessions
from argus_core.auth.tokens import Generation, Tokens
from argus_core.domain import SignedIn
from argus_core.errors import NotAuthenticated, NotFound, TokenExpired
from tests.support.auth import HERE, KEY, OLDER_KEY, PASSWORD, Team, team_in


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[Team]:
    async with team_in(tmp_path) as made:
        yield made


def pair(signed_in: SignedIn) -> tuple[str, str, str]:
    return signed_in.access_token, signed_in.refresh_token, signed_in.device_token


async def test_s6_20_refreshes_at_once_rotate_once_and_get_one_pair(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    replicas = [team.replica() for _ in range(20)]
    results = await asyncio.gather(*(each.refresh(first.refresh_token, HERE) for each in replicas))
    assert len({pair(each) for each in results}) == 1
    stored = await team.storage.find_session(first.session_id)
    assert stored is not None
    assert stored.generation == 1
    assert pair(results[0])[:2] != pair(first)[:2]
    for each in results:
        assert (await team.auth.identify(each.access_token)).session_id == first.session_id


async def test_s6_a_lost_answer_is_had_again_for_10_s(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    second = await team.auth.refresh(first.refresh_token, HERE)
    team.clock.go(seconds=10)
    again = await team.replica().refresh(first.refresh_token, HERE)
    assert pair(again) == pair(second)
    assert (second.expires_in_s, again.expires_in_s) == (600, 590)
    third = await team.auth.refresh(again.refresh_token, HERE)
    assert await team.auth.identify(third.access_token)


async def test_s6_reuse_after_that_ends_the_session(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    second = await team.auth.refresh(first.refresh_token, HERE)
    await team.auth.identify(second.access_token)
    team.clock.go(seconds=10.001)
    with pytest.raises(NotAuthenticated):
        await team.auth.refresh(first.refresh_token, HERE)
    with pytest.raises(NotAuthenticated):
        await team.auth.identify(second.access_token)
    with pytest.raises(NotAuthenticated):
        await team.auth.refresh(second.refresh_token, HERE)  # the newest is dead too


async def test_s6_only_the_immediate_predecessor_is_forgiven(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    second = await team.auth.refresh(first.refresh_token, HERE)
    third = await team.auth.refresh(second.refresh_token, HERE)
    with pytest.raises(NotAuthenticated):
        await team.auth.refresh(first.refresh_token, HERE)
    assert not await team.auth.find_alive([third.session_id])


async def test_s6_a_generation_that_was_never_given_out_ends_it_too(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    with pytest.raises(NotAuthenticated):
        await team.auth.refresh(team.tokens.refresh(Generation(first.session_id, 7)), HERE)
    assert not await team.auth.find_alive([first.session_id])


async def test_s6_what_is_not_genuine_ends_nothing(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    second = await team.auth.refresh(first.refresh_token, HERE)
    team.clock.go(minutes=1)
    session_id, number, mac = first.refresh_token.split(".")
    stranger = Tokens([OLDER_KEY]).refresh(Generation(session_id, 0))
    for nonsense in (f"{session_id}.{number}.{mac[:-1]}x", f"{session_id}.00.{mac}", stranger, "", "x.y.z"):
        with pytest.raises(NotAuthenticated):
            await team.auth.refresh(nonsense, HERE)
    assert await team.auth.find_alive([second.session_id])


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0, 4, 7, 60])), max_size=12))
@settings(deadline=None, max_examples=20)
def test_s6_any_order_of_old_and_new_tokens(steps: list[tuple[int, int]]) -> None:
    """A model of one session: how far back a token may be, and how long after the last rotation."""
    with TemporaryDirectory() as folder:
        asyncio.run(follow_model(Path(folder), steps))


async def follow_model(folder: Path, steps: list[tuple[int, int]]) -> None:
    async with team_in(folder) as team:
        await team.add()
        given_out, since_s, alive = [await team.sign_in()], 10**6, True
        for wanted_back, wait_s in steps:
            team.clock.go(seconds=wait_s)
            since_s += wait_s
            back = min(wanted_back, len(given_out) - 1)
            refreshing = team.auth.refresh(given_out[-1 - back].refresh_token, HERE)
            alive = alive and (back == 0 or (back == 1 and since_s <= 10))
            if not alive:
                with pytest.raises(NotAuthenticated):
                    await refreshing
                continue
            got = await refreshing
            if back == 0:
                given_out.append(got)
                since_s = 0
            assert pair(got) == pair(given_out[-1])
        assert bool(await team.replica().find_alive([given_out[0].session_id])) == alive


async def test_s4_signing_in_makes_a_new_session_each_time(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    second = await team.sign_in()
    assert second.session_id != first.session_id
    stored = await team.session(second.session_id)
    assert (stored.client, stored.address, stored.user_id) == ("argus on laptop", "192.0.2.7", second.user.id)


async def test_one_session_too_many_ends_the_one_not_seen_for_longest(team: Team) -> None:
    user_id = await team.add()
    team.auth = Auth(team.storage, team.passwords, team.tokens, signup="open", most_sessions=3, clock=team.clock)
    signed_in = []
    for _ in range(3):
        signed_in.append(await team.sign_in())
        team.clock.go(minutes=1)
    await team.auth.refresh(signed_in[0].refresh_token, HERE)  # seen last
    for _ in range(2):
        signed_in.append(await team.sign_in())
        team.clock.go(minutes=1)
    alive = await team.auth.find_alive([each.session_id for each in signed_in])
    assert alive == {signed_in[number].session_id for number in (0, 3, 4)}
    assert len(await team.auth.sessions(user_id, "")) == 3
    with pytest.raises(NotAuthenticated):
        await team.auth.identify(signed_in[1].access_token)


async def test_s4_what_a_client_calls_itself_is_cleaned_and_cut(team: Team) -> None:
    await team.add()
    signed_in = await team.sign_in(replace(HERE, client="\x1b[31mevil\n" + "x" * 100))
    client = (await team.session(signed_in.session_id)).client
    assert client.startswith("evil xxx")
    assert len(client) == 80


async def test_s4_over_after_30_days_without_a_refresh(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    team.clock.go(days=30)
    second = await team.auth.refresh(first.refresh_token, HERE)
    team.clock.go(days=30, seconds=1)
    with pytest.raises(NotAuthenticated):
        await team.auth.refresh(second.refresh_token, HERE)
    fresh = team.tokens.access(second.user.id, Generation(second.session_id, 1), team.clock.now)
    with pytest.raises(NotAuthenticated) as refused:
        await team.auth.identify(fresh)
    assert type(refused.value) is NotAuthenticated
    assert await team.auth.sessions(first.user.id, first.session_id) == []


async def test_s4_over_after_90_days_however_busy(team: Team) -> None:
    await team.add()
    signed_in = await team.sign_in()
    for _ in range(6):
        team.clock.go(days=15)
        signed_in = await team.auth.refresh(signed_in.refresh_token, HERE)
    assert await team.auth.identify(signed_in.access_token)
    team.clock.go(seconds=1)
    with pytest.raises(NotAuthenticated):
        await team.auth.refresh(signed_in.refresh_token, HERE)
    with pytest.raises(NotAuthenticated):
        await team.replica().identify(signed_in.access_token)


async def test_an_access_token_is_good_for_ten_minutes(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    team.clock.go(minutes=11)
    with pytest.raises(TokenExpired):
        await team.auth.identify(first.access_token)
    assert await team.auth.refresh(first.refresh_token, HERE)


async def test_a_token_of_a_user_counts_only_with_their_session(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    crossed = team.tokens.access("somebody else", Generation(first.session_id, 0), team.clock.now)
    with pytest.raises(NotAuthenticated):
        await team.auth.identify(crossed)


async def test_s5_a_user_lists_and_ends_their_sessions(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    team.clock.go(seconds=60)
    second = await team.sign_in()
    listed = await team.auth.sessions(first.user.id, first.session_id)
    assert [(each.id, each.current) for each in listed] == [(second.session_id, False), (first.session_id, True)]
    await team.auth.end_session(first.user.id, second.session_id)
    await team.auth.end_session(first.user.id, second.session_id)  # repeated
    assert not await team.auth.find_alive([second.session_id])
    assert await team.auth.find_alive([first.session_id])


async def test_s5_nobody_ends_the_session_of_another(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    await team.add("omid@example.org")
    other = await team.sign_in(email="omid@example.org")
    for session_id in (first.session_id, "nonsense"):
        with pytest.raises(NotFound, match="No such session"):
            await team.auth.end_session(other.user.id, session_id)
    await team.auth.sign_out(other.user.id, first.session_id)
    assert await team.auth.find_alive([first.session_id])


async def test_s3_signing_out_counts_at_once_here(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    others = [await team.sign_in() for _ in range(3)]
    for each in (first, *others):
        await team.auth.identify(each.access_token)
    await team.auth.sign_out(first.user.id, first.session_id)
    with pytest.raises(NotAuthenticated):
        await team.auth.identify(first.access_token)
    assert await team.auth.end_other_sessions(first.user.id, others[0].session_id) == 2
    assert await team.auth.find_alive([each.session_id for each in others]) == {others[0].session_id}
    await team.auth.sign_out(first.user.id, others[0].session_id, everywhere=True)
    assert not await team.auth.find_alive([others[0].session_id])


class Ticks:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def cached_sessions(team: Team) -> tuple[Sessions, Ticks]:
    ticks = Ticks()
    return Sessions(team.storage, team.tokens, clock=team.clock, ticks=ticks), ticks


async def test_s3_another_process_sees_it_within_a_second(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    other, ticks = cached_sessions(team)
    assert await other.find(first.session_id)
    await team.auth.sign_out(first.user.id, first.session_id)
    reads = team.watched.count("find_session")
    assert await other.find(first.session_id)
    assert team.watched.count("find_session") == reads  # not asked again within the second
    ticks.now += 1.001
    assert await other.find(first.session_id) is None
    assert await other.find(first.session_id) is None
    assert team.watched.count("find_session") == reads + 1  # that it is over is remembered too


async def test_s3_a_read_that_was_on_its_way_is_not_kept_after_a_sign_out(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    sessions, _ = cached_sessions(team)
    reading = asyncio.ensure_future(sessions.find(first.session_id))
    await asyncio.sleep(0)
    sessions.forget(first.user.id)
    await reading
    reads = team.watched.count("find_session")
    await sessions.find(first.session_id)
    assert team.watched.count("find_session") == reads + 1


async def test_the_cache_does_not_grow_without_end(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions_module, "CACHE_SIZE", 3)
    await team.add()
    first = await team.sign_in()
    sessions, _ = cached_sessions(team)
    for session_id in (first.session_id, "b", "c", "d"):
        await sessions.find(session_id)
    reads = team.watched.count("find_session")
    await sessions.find("d")
    assert team.watched.count("find_session") == reads
    await sessions.find(first.session_id)  # pushed out
    assert team.watched.count("find_session") == reads + 1


async def test_keys_are_replaced_under_a_running_session(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    both = Tokens([OLDER_KEY, KEY], clock=team.clock)
    replaced = team.replica(both)
    assert await replaced.identify(first.access_token)
    second = await replaced.refresh(first.refresh_token, HERE)
    again = await team.auth.refresh(first.refresh_token, HERE)  # a replica that has only the old key yet
    only_new = team.replica(Tokens([OLDER_KEY], clock=team.clock))
    assert await only_new.identify(second.access_token)
    assert await replaced.identify(again.access_token)
    third = await only_new.refresh(second.refresh_token, HERE)
    assert (await only_new.sign_in("sara@example.org", PASSWORD, Origin(device_token=third.device_token))).user


async def test_nothing_secret_shows_in_repr(team: Team) -> None:
    await team.add()
    first = await team.sign_in()
    shown = repr(first) + repr(Origin(address="192.0.2.7", device_token=first.device_token))
    for secret in pair(first):
        assert secret not in shown
