"""Every storage: accounts whose emails were folded in another way before are found, and folded anew."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from argus_core.auth.logins import refold_emails
from argus_core.auth.service import Auth
from argus_core.errors import BadCredentials, Conflict, InvalidInput
from argus_core.storage.accounts import Login
from argus_core.storage.transfer import PortableStorage
from tests.support.auth import HERE, PASSWORD
from tests.support.builders import a_user
from tests.support.server import auth_over

CAROL, OMID = "c" * 32, "d" * 32


@pytest.fixture
async def auth(storage: PortableStorage) -> AsyncIterator[Auth]:
    made = auth_over(storage)
    yield made
    await made.close()


async def keep(storage: PortableStorage, auth: Auth, user_id: str, email: str) -> None:
    """Store an account as an older Argus did."""
    hashed = await auth.administration(None)._hashed(PASSWORD, "", "")
    await storage.create_login(Login(user=replace(a_user(user_id), email=email), password_hash=hashed))


async def emails_of(storage: PortableStorage) -> list[str]:
    return sorted(user.email for user in (await storage.list_users()).items)


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("strauß@example.org", "Strauß@Example.org"),
        ("sara@example.org.", "sara@example.org."),
        ("sara@xn--mnchen-3ya.de", "sara@xn--mnchen-3ya.de"),
        ("sa\u1160ra@example.org", "sa\u3164ra@example.org"),
        ("s\u0430ra@example.org", "s\u0430ra@example.org"),
    ],
)
async def test_who_signed_in_before_still_does(storage: PortableStorage, auth: Auth, stored: str, typed: str) -> None:
    await keep(storage, auth, CAROL, stored)

    before = await auth.sign_in(typed, PASSWORD, HERE)
    await refold_emails(storage)
    assert (await auth.sign_in(typed, PASSWORD, HERE)).user.id == before.user.id


async def test_emails_are_folded_anew_once(storage: PortableStorage, auth: Auth) -> None:
    await keep(storage, auth, CAROL, "strauß@example.org")
    await keep(storage, auth, OMID, "sara@example.org")

    assert await refold_emails(storage) == 1
    assert await emails_of(storage) == ["sara@example.org", "strauss@example.org"]
    assert await refold_emails(storage) == 0
    for typed in ("STRAUSS@example.org", "strauß@example.org"):
        assert (await auth.sign_in(typed, PASSWORD, HERE)).user.email == "strauss@example.org"


async def test_two_accounts_that_look_the_same_both_stay(
    storage: PortableStorage, auth: Auth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await keep(storage, auth, CAROL, "sara@example.org.")
    await keep(storage, auth, OMID, "sara@example.org")

    assert await refold_emails(storage) == 0
    assert "two accounts have emails that look the same" in caplog.text
    assert "sara" not in caplog.text
    assert (await auth.sign_in("sara@example.org.", PASSWORD, HERE)).user.id == CAROL
    assert (await auth.sign_in("sara@example.org", PASSWORD, HERE)).user.id == OMID


async def test_nobody_gets_an_account_that_looks_like_one_of_before(storage: PortableStorage, auth: Auth) -> None:
    await keep(storage, auth, CAROL, "strauß@example.org")
    admin = auth.administration(None)

    with pytest.raises(Conflict):
        await auth.sign_up("Ali", "STRAUß@example.org", PASSWORD, HERE)
    with pytest.raises(Conflict):
        await admin.create_user("strauß@example.org", "Ali")
    with pytest.raises(Conflict):
        await admin.create_invite(email="strauß@example.org")
    with pytest.raises(InvalidInput):
        await auth.sign_up("Ali", "stra\ufe0fuss@example.org", PASSWORD, HERE)


async def test_a_reset_of_an_account_of_before_works(storage: PortableStorage, auth: Auth) -> None:
    await keep(storage, auth, CAROL, "s\u0430ra@example.org")
    (user,) = (await storage.list_users()).items
    code = (await auth.administration(None).reset(user.id)).code

    await auth.sign_up("Sara", "s\u0430ra@example.org", "another long password", HERE, invite=code)
    with pytest.raises(BadCredentials):
        await auth.sign_in("s\u0430ra@example.org", PASSWORD, HERE)


async def test_every_email_costs_as_many_look_ups(storage: PortableStorage, auth: Auth) -> None:
    await keep(storage, auth, CAROL, "strauß@example.org")
    looked: list[str] = []
    find = storage.find_login

    async def counted(email: str) -> Login | None:
        looked.append(email)
        return await find(email)

    storage.find_login = counted  # type: ignore[method-assign]
    for name in ("strauß", "fuß"):
        with pytest.raises(BadCredentials):
            await auth.sign_in(f"{name}@example.org", "a wrong one", HERE)
    assert len(looked) == 4
