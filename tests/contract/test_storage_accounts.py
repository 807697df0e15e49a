"""Every storage: who there is, who is signed in where, who may come in."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from argus_core.domain import User
from argus_core.errors import Conflict, InvalidInput, NotFound, StorageUnavailable
from argus_core.storage.accounts import AccountStorage, StoredSession, UserChange
from argus_core.storage.transfer import PortableStorage
from tests.support.account_builders import a_login, a_session, an_invite
from tests.support.builders import ALICE, BOB, NOON, a_user, later
from tests.support.store_drivers import StoreDriver

MANY = 20


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


# Accounts


async def test_an_account_is_found_by_its_email_and_by_its_id(storage: AccountStorage) -> None:
    carol = a_login("carol", "کارول@example.org", role="admin")
    assert await storage.create_login(carol) == carol.user
    assert await storage.find_login("کارول@example.org") == carol
    assert await storage.get_login("carol") == carol
    assert await storage.find_login("CAROL@example.org") is None
    with pytest.raises(NotFound):
        await storage.get_login("nobody")


async def test_every_way_to_a_user_tells_email_role_and_whether_they_are_shut_out(storage: PortableStorage) -> None:
    carol = a_login("carol", role="admin", disabled=True).user
    await storage.create_login(a_login("carol", role="admin", disabled=True))
    assert await storage.get_user("carol") == carol
    assert await storage.ensure_user(a_user("carol")) == carol
    dave = a_login("dave").user
    assert await storage.ensure_user(dave) == dave
    assert await storage.get_user("dave") == dave


async def test_a_password_hash_shows_nowhere(storage: AccountStorage) -> None:
    await storage.create_login(a_login("carol"))
    assert "hash of" not in repr(await storage.get_login("carol"))


async def test_an_email_and_an_id_are_taken_once(storage: PortableStorage) -> None:
    await storage.create_login(a_login("carol", "c@example.org"))
    with pytest.raises(Conflict):
        await storage.create_login(a_login("other", "c@example.org"))
    with pytest.raises(Conflict):
        await storage.create_login(a_login("carol", "d@example.org"))
    with pytest.raises(Conflict):
        await storage.ensure_user(a_login("another", "c@example.org").user)
    with pytest.raises(NotFound):
        await storage.get_user("other")


async def test_one_of_many_gets_an_email(storage: AccountStorage, other_storage: AccountStorage) -> None:
    async def sign_up(number: int) -> bool:
        try:
            await (storage, other_storage)[number % 2].create_login(a_login(f"user{number}", "one@example.org"))
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*map(sign_up, range(MANY)))) == 1


async def test_users_without_an_email_are_many_and_cannot_sign_in(storage: PortableStorage) -> None:
    assert await storage.find_login("") is None
    assert (await storage.list_users()).items == ()
    login = await storage.get_login(ALICE)
    assert (login.user, login.password_hash) == (a_user(ALICE), None)
    with pytest.raises(InvalidInput):
        await storage.create_login(a_login("nameless", ""))


async def test_a_password_is_set(storage: AccountStorage) -> None:
    await storage.create_login(a_login("carol"))
    await storage.set_password_hash("carol", "scheme$another")
    assert (await storage.get_login("carol")).password_hash == "scheme$another"
    with pytest.raises(NotFound):
        await storage.set_password_hash("nobody", "scheme$another")


async def test_fields_of_a_user_are_set_and_the_others_stay(storage: AccountStorage) -> None:
    carol = a_login("carol")
    await storage.create_login(carol)
    changed = await storage.update_user("carol", UserChange(role="admin"))
    assert changed == replace(carol.user, role="admin")
    changed = await storage.update_user("carol", UserChange(name="کارول", disabled=True))
    assert changed == replace(carol.user, role="admin", name="کارول", disabled=True)
    assert await storage.update_user("carol", UserChange(disabled=False)) == replace(changed, disabled=False)
    assert await storage.update_user("carol", UserChange()) == replace(changed, disabled=False)
    assert (await storage.get_login("carol")).password_hash == carol.password_hash
    for change in (UserChange(), UserChange(name="x")):
        with pytest.raises(NotFound):
            await storage.update_user("nobody", change)


async def test_an_email_can_be_given_later_unless_it_is_taken(storage: AccountStorage) -> None:
    carol = a_login("carol")
    await storage.create_login(carol)
    with pytest.raises(Conflict):
        await storage.update_user(ALICE, UserChange(email=carol.user.email, name="x"))
    assert (await storage.get_login(ALICE)).user.name != "x"
    changed = await storage.update_user(ALICE, UserChange(email="alice@example.org", role="admin"))
    found = await storage.find_login("alice@example.org")
    assert found is not None
    assert found.user == changed
    assert found.user.id == ALICE


async def test_users_come_in_pages_by_email(storage: AccountStorage) -> None:
    emails = ["a@example.org", "b@example.org", "ا@example.org", "z@example.org", "B@example.org"]
    for number, email in enumerate(emails):
        await storage.create_login(a_login(f"user{number}", email))
    found: list[User] = []
    cursor = None
    for _ in range(3):
        page = await storage.list_users(limit=2, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
    assert cursor is None
    assert [user.email for user in found] == sorted(emails)
    assert (await storage.list_users(limit=5)).next_cursor is None


async def test_a_cursor_holds_no_email_and_a_foreign_one_is_refused(storage: AccountStorage) -> None:
    for name in ("carol", "dave"):
        await storage.create_login(a_login(name))
    cursor = (await storage.list_users(limit=1)).next_cursor
    assert cursor is not None
    assert "@" not in cursor
    for foreign in ("nobody", "", ALICE):
        with pytest.raises(InvalidInput):
            await storage.list_users(cursor=foreign)
    for limit in (0, 501):
        with pytest.raises(InvalidInput):
            await storage.list_users(limit=limit)


async def test_only_admins_who_can_sign_in_are_counted(storage: AccountStorage) -> None:
    assert await storage.count_admins() == 0
    await storage.create_login(a_login("carol", role="admin"))
    await storage.create_login(a_login("dave", role="admin", disabled=True))
    await storage.create_login(a_login("erin"))
    assert await storage.count_admins() == 1
    await storage.update_user("erin", UserChange(role="admin"))
    await storage.update_user("carol", UserChange(disabled=True))
    await storage.update_user("dave", UserChange(disabled=False))
    assert await storage.count_admins() == 2


# Sessions


async def test_a_session_comes_back_as_it_is(storage: AccountStorage) -> None:
    stored = a_session("s")
    await storage.create_session(stored)
    assert await storage.find_session("s") == stored
    assert await storage.find_session("t") is None
    with pytest.raises(Conflict):
        await storage.create_session(stored)


async def test_a_session_that_is_the_current_one_of_somebody_is_not_stored_so(storage: AccountStorage) -> None:
    stored = a_session("s")
    await storage.create_session(replace(stored, session=replace(stored.session, current=True)))
    assert await storage.find_session("s") == stored


async def test_refreshing_raises_the_number_and_is_seen(storage: AccountStorage) -> None:
    stored = a_session("s")
    await storage.create_session(stored)
    assert await storage.advance_session("s", 0, later(60))
    assert not await storage.advance_session("s", 0, later(61))
    assert not await storage.advance_session("s", 2, later(61))
    assert not await storage.advance_session("unknown", 0, later(61))
    seen = replace(stored.session, seen_at=later(60))
    assert await storage.find_session("s") == StoredSession(session=seen, generation=1, refreshed_at=later(60))


async def test_one_of_many_refreshes(storage: AccountStorage, other_storage: AccountStorage) -> None:
    await storage.create_session(a_session("s"))
    done = await asyncio.gather(
        *((storage, other_storage)[number % 2].advance_session("s", 0, later(number)) for number in range(MANY))
    )
    assert done.count(True) == 1
    found = await other_storage.find_session("s")
    assert found is not None
    assert (found.generation, found.refreshed_at) == (1, later(done.index(True)))


async def test_sessions_are_listed_as_they_were_seen_and_only_the_users_own(storage: AccountStorage) -> None:
    for number, session_id in enumerate(("old", "new", "older")):
        await storage.create_session(a_session(session_id, seen_at=later((5, 9, 1)[number])))
    await storage.create_session(a_session("bobs", user_id=BOB))
    assert [session.id for session in await storage.list_sessions(ALICE)] == ["new", "old", "older"]
    assert [session.id for session in await storage.list_sessions(BOB)] == ["bobs"]
    assert await storage.list_sessions("nobody") == []


async def test_an_ended_session_is_told_from_one_that_is_open(storage: AccountStorage) -> None:
    for session_id in ("one", "two", "three"):
        await storage.create_session(a_session(session_id))
    await storage.create_session(a_session("bobs", user_id=BOB))
    assert await storage.end_sessions(ALICE, later(1), only="bobs") == 0
    assert await storage.end_sessions(ALICE, later(1), only="one") == 1
    assert await storage.end_sessions(ALICE, later(2), only="one") == 0
    assert not await storage.advance_session("one", 0, later(3))
    one = await storage.find_session("one")
    assert one is not None
    assert one.session.ended_at == later(1)
    assert await storage.end_sessions(ALICE, later(4), but="two") == 1
    assert [session.id for session in await storage.list_sessions(ALICE)] == ["two"]
    assert await storage.end_sessions(ALICE, later(5)) == 1
    assert await storage.list_sessions(ALICE) == []
    assert len(await storage.list_sessions(BOB)) == 1


async def test_open_sessions_are_found_among_many(storage: AccountStorage) -> None:
    for name, user_id in (("one", ALICE), ("two", ALICE), ("bobs", BOB)):
        await storage.create_session(a_session(name, user_id=user_id))
    await storage.end_sessions(ALICE, NOON, only="two")
    assert await storage.find_open_sessions(["one", "two", "bobs", "unknown", "odd\"'"]) == {"one", "bobs"}
    assert await storage.find_open_sessions([]) == set()


async def test_old_sessions_are_removed(storage: AccountStorage) -> None:
    await storage.create_session(a_session("unseen", seen_at=later(0)))
    await storage.create_session(a_session("ended", seen_at=later(50)))
    await storage.create_session(a_session("open", seen_at=later(50)))
    await storage.end_sessions(ALICE, later(9), only="ended")
    assert await storage.purge_sessions(later(0)) == 0
    assert await storage.purge_sessions(later(10)) == 2
    assert await storage.find_session("ended") is None
    assert [session.id for session in await storage.list_sessions(ALICE)] == ["open"]


# Invites


async def test_an_invite_is_found_by_the_digest_of_its_code(storage: AccountStorage) -> None:
    plain = an_invite("plain")
    full = replace(
        an_invite("full"), role="admin", email="c@example.org", user_id=BOB, created_by=ALICE, created_at=later(1)
    )
    for invite in (plain, full):
        await storage.create_invite(invite, _digest(invite.id))
        assert await storage.find_invite(_digest(invite.id)) == invite
    assert await storage.find_invite(_digest("another")) is None
    with pytest.raises(Conflict):
        await storage.create_invite(an_invite("third"), _digest("plain"))
    with pytest.raises(Conflict):
        await storage.create_invite(plain, _digest("third"))


async def test_an_invite_is_used_once_and_in_time(storage: AccountStorage) -> None:
    invite = an_invite("i")
    await storage.create_invite(invite, _digest("i"))
    assert not await storage.use_invite("i", ALICE, invite.expires_at)
    assert not await storage.use_invite("unknown", ALICE, NOON)
    assert await storage.find_invite(_digest("i")) == invite
    last_moment = invite.expires_at - timedelta(milliseconds=1)
    assert await storage.use_invite("i", ALICE, last_moment)
    assert not await storage.use_invite("i", ALICE, last_moment)
    assert await storage.find_invite(_digest("i")) == replace(invite, used_at=last_moment, used_by=ALICE)


async def test_one_of_many_uses_an_invite(storage: AccountStorage, other_storage: AccountStorage) -> None:
    await storage.create_invite(an_invite("i"), _digest("i"))
    done = await asyncio.gather(
        *((storage, other_storage)[number % 2].use_invite("i", f"user{number}", later(1)) for number in range(MANY))
    )
    assert done.count(True) == 1
    found = await storage.find_invite(_digest("i"))
    assert found is not None
    assert found.used_by == f"user{done.index(True)}"


async def test_the_newest_invites_are_listed(storage: AccountStorage) -> None:
    for number in range(3):
        await storage.create_invite(an_invite(f"i{number}", created_at=later(number)), _digest(f"i{number}"))
    await storage.use_invite("i2", ALICE, later(5))
    assert [invite.id for invite in await storage.list_invites()] == ["i2", "i1", "i0"]
    assert [invite.id for invite in await storage.list_invites(limit=1)] == ["i2"]
    with pytest.raises(InvalidInput):
        await storage.list_invites(limit=0)


async def test_an_invite_is_deleted(storage: AccountStorage) -> None:
    await storage.create_invite(an_invite("i"), _digest("i"))
    await storage.delete_invite("i")
    await storage.delete_invite("i")
    assert await storage.find_invite(_digest("i")) is None
    assert not await storage.use_invite("i", ALICE, NOON)


async def test_accounts_are_there_after_reopening(store: StoreDriver, storage: AccountStorage) -> None:
    await storage.create_login(a_login("carol"))
    await storage.create_session(a_session("s", user_id="carol"))
    await storage.advance_session("s", 0, later(1))
    await storage.create_invite(an_invite("i"), _digest("i"))
    session = await storage.find_session("s")
    again = store.connect()
    await again.open()
    try:
        assert await again.find_login("carol@example.org") == a_login("carol")
        assert await again.find_session("s") == session
        assert await again.find_invite(_digest("i")) == an_invite("i")
    finally:
        await again.close()


async def test_a_closed_store_has_no_accounts(storage: PortableStorage) -> None:
    await storage.close()
    with pytest.raises(StorageUnavailable):
        await storage.find_session("s")
    with pytest.raises(StorageUnavailable):
        await storage.create_login(a_login("carol"))
