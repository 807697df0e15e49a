"""Looking after users: accounts, roles, the last admin, sessions of others (facts §7: A6, S5)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from argus_core.domain import User
from argus_core.errors import BadCredentials, Conflict, InvalidInput, NotFound, PermissionDenied
from argus_core.ids import utc_now
from tests.support.auth import EMAIL, HERE, PASSWORD, Team, team_in


@pytest.fixture
async def team(tmp_path: Path) -> AsyncIterator[Team]:
    async with team_in(tmp_path) as made:
        yield made


async def test_a_user_without_a_password_cannot_sign_in_until_a_code_was_used(team: Team) -> None:
    team.auth.signup = "closed"
    user = await team.admin.create_user(" Sara@Example.org", " Sara \n", role="admin")
    assert (user.email, user.name, user.role) == (EMAIL, "Sara", "admin")
    for password in ("", PASSWORD):
        with pytest.raises(BadCredentials):
            await team.sign_in(password=password)
    code = (await team.admin.reset(user.id)).code
    signed_in = await team.auth.sign_up("", EMAIL, PASSWORD, HERE, invite=code)
    assert signed_in.user == user


async def test_what_cannot_be_used_makes_no_account(team: Team) -> None:
    await team.add()
    with pytest.raises(Conflict):
        await team.admin.create_user("SARA@example.org", "Other")
    for email, name, password in (("sara", "Sara", ""), ("a@b.c", " ", ""), ("a@b.c", "Sara", "short")):
        with pytest.raises(InvalidInput):
            await team.admin.create_user(email, name, password=password)
    assert [user.email for user in (await team.admin.users()).items] == [EMAIL]


async def test_the_user_of_one_machine_becomes_an_account_once(team: Team) -> None:
    await team.add("taken@example.org")
    local = await team.storage.ensure_user(User(id="0" * 32, name="pi", created_at=utc_now()))
    for email, name, password in (("sara", "Sara", ""), (EMAIL, " ", ""), (EMAIL, "Sara", "short")):
        with pytest.raises(InvalidInput):
            await team.admin.adopt(local.id, email, name, role="member", password=password)
    with pytest.raises(Conflict, match="has an account"):
        await team.admin.adopt(local.id, "Taken@example.org", "Sara", role="member")
    assert (await team.storage.get_login(local.id)).user == local
    adopted = await team.admin.adopt(local.id, "Sara@example.org", " Sara ", role="member", password=PASSWORD)
    assert (adopted.id, adopted.email, adopted.name, adopted.role) == (local.id, EMAIL, "Sara", "member")
    assert (await team.sign_in()).user == adopted
    for user_id, refusal in ((local.id, Conflict), ("nobody", NotFound)):
        with pytest.raises(refusal):
            await team.admin.adopt(user_id, "other@example.org", "Other", role="member")
    assert await team.storage.ensure_user(local) == adopted


async def test_the_last_admin_stays_one(team: Team) -> None:
    boss, member = await team.add("boss@example.org", role="admin"), await team.add()
    for refused in (team.admin.set_role(boss, "member"), team.admin.set_disabled(boss, True)):
        with pytest.raises(Conflict, match="last admin"):
            await refused
    assert (await team.admin.set_role(boss, "admin")).role == "admin"
    assert (await team.admin.set_role(member, "admin")).role == "admin"
    assert (await team.admin.set_disabled(boss, True)).disabled
    with pytest.raises(Conflict):
        await team.admin.set_role(member, "member")
    assert (await team.admin.set_role(boss, "member")).role == "member"  # shut: it is not the last one
    assert await team.storage.count_admins() == 1


async def test_two_admins_who_demote_each_other_leave_one(team: Team) -> None:
    one, other = await team.add("a@example.org", role="admin"), await team.add("b@example.org", role="admin")
    results = await asyncio.gather(
        team.auth.administration(one).set_role(other, "member"),
        team.auth.administration(other).set_disabled(one, True),
        return_exceptions=True,
    )
    assert any(isinstance(each, Conflict) for each in results)
    assert await team.storage.count_admins() >= 1


async def test_s5_an_admin_ends_the_sessions_of_anyone_at_once(team: Team) -> None:
    user_id = await team.add()
    first, second = await team.sign_in(), await team.sign_in()
    assert await team.auth.identify(first.access_token)
    assert await team.admin.end_sessions(user_id) == 2
    for each in (first, second):
        assert not await team.auth.find_alive([each.session_id])
    assert await team.admin.end_sessions(user_id) == 0


async def test_a_role_counts_at_once(team: Team) -> None:
    user_id = await team.add()
    signed_in = await team.sign_in()
    assert (await team.auth.identify(signed_in.access_token)).user.role == "member"
    await team.admin.set_role(user_id, "admin")
    assert (await team.auth.identify(signed_in.access_token)).user.role == "admin"


async def test_invites_say_who_made_them(team: Team) -> None:
    boss = await team.add("boss@example.org", role="admin")
    new = await team.auth.administration(boss).create_invite(email=" Omid@Example.org", role="admin")
    assert (new.invite.created_by, new.invite.email, new.invite.role) == (boss, "omid@example.org", "admin")
    assert list(await team.admin.invites()) == [new.invite]
    assert new.code not in repr(new)
    await team.admin.delete_invite(new.invite.id)
    await team.admin.delete_invite(new.invite.id)
    assert await team.admin.invites() == []


async def test_an_invite_for_somebody_who_has_an_account_is_refused(team: Team) -> None:
    await team.add()
    with pytest.raises(Conflict):
        await team.admin.create_invite(email=EMAIL)
    with pytest.raises(InvalidInput):
        await team.admin.create_invite(email="sara")


async def test_who_is_not_there_is_not_found(team: Team) -> None:
    for asked in (
        team.admin.set_role("nobody", "admin"),
        team.admin.set_disabled("nobody", True),
        team.admin.reset("nobody"),
        team.admin.end_sessions("nobody"),
    ):
        with pytest.raises(NotFound):
            await asked


async def test_another_code_makes_an_older_one_void_however_many_invites_came_between(team: Team) -> None:
    user_id = await team.add()
    before = (await team.admin.reset(user_id)).code
    team.clock.go(seconds=1)
    for _ in range(110):
        await team.admin.create_invite()
    await team.admin.reset(user_id)
    with pytest.raises(PermissionDenied):
        await team.auth.sign_up("", EMAIL, PASSWORD, HERE, invite=before)


async def test_the_user_of_one_machine_needs_no_reset(team: Team) -> None:
    local = User(id="local", name="me", created_at=team.clock.now)
    await team.watched.ensure_user(local)
    with pytest.raises(InvalidInput):
        await team.admin.reset("local")
