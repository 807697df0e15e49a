"""The overlays of an account: usage, sessions and password, administration, a code that is shown once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from argus_core.domain import Allowance, Kept, Meter
from argus_core.errors import StorageUnavailable
from argus_tui.screens.account import Account
from argus_tui.screens.admin import PAGE, Admin
from argus_tui.screens.admin_rows import UserRows
from argus_tui.screens.change_password import ChangePassword
from argus_tui.screens.confirm import Confirm
from argus_tui.screens.show_code import ShowCode
from argus_tui.screens.text_prompt import TextPrompt
from argus_tui.screens.usage import Usage
from argus_tui.widgets.form_field import FormField
from tests.tui.account_support import AT, CODE, PASSWORD, PLACE, SARA, USED, FakeAccount, FakeAdmin, people, sessions_of
from tests.tui.widget_support import Bare

pytestmark = pytest.mark.slow

SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40)])


class Seen:
    """An app with one overlay, and a person before it."""

    def __init__(self, app: Bare, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    def text(self) -> str:
        return "\n".join(self.app.shown())

    async def until(self, condition: Callable[[], object]) -> None:
        try:
            async with asyncio.timeout(10):
                while not condition():
                    await self.pilot.pause(0.002)
        except TimeoutError:
            raise AssertionError(self.text()) from None

    async def sees(self, *words: str) -> None:
        await self.until(lambda: all(word in self.text() for word in words))

    async def sees_no(self, *words: str) -> None:
        await self.until(lambda: not any(word in self.text() for word in words))

    async def at(self, screen: type[Screen[Any]]) -> None:
        await self.until(lambda: isinstance(self.app.screen, screen))
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)


@asynccontextmanager
async def shown(screen: Screen[Any], size: tuple[int, int] = (120, 40)) -> AsyncGenerator[Seen, None]:
    app = Bare()
    async with app.run_test(size=size) as pilot:
        app.push_screen(screen)
        await pilot.pause()
        yield Seen(app, pilot)


def sara() -> FakeAccount:
    return FakeAccount(SARA, used=USED, open_sessions=sessions_of(SARA))


def account_of(fake: FakeAccount) -> Account:
    return Account(fake, SARA, PLACE, now=lambda: AT)


# Usage


@SIZES
async def test_usage_says_what_was_used_and_what_is_left_of_each_limit(size: tuple[int, int]) -> None:
    fake = sara()
    async with shown(Usage(fake, USED), size) as seen:
        await seen.sees("questions", "12", "41,200", "$0.018")
        await seen.sees("24 of 30", "full again in 12 s", "359k of 400k", "full again in 10 h", "$0 of $2.00")
        fake.used = replace(USED, requests=13)
        await seen.press("f5")
        await seen.sees("13")


@SIZES
async def test_usage_says_what_is_kept(size: tuple[int, int]) -> None:
    kept = (
        Kept(name="conversations", used=1_200, limit=10_000),
        Kept(name="text_bytes", used=3 << 19, limit=512 << 20),
        Kept(name="picture_bytes", used=1024 << 20, limit=1024 << 20),
        Kept(name="sessions", used=2, limit=20),
    )
    async with shown(Usage(sara(), replace(USED, kept=kept)), size) as seen:
        await seen.sees("1,200 of 10,000", "1.5 of 512 MB", "1,024 of 1,024 MB", "signed-in clients", "2 of 20")
    async with shown(Usage(sara(), Allowance(kept=kept)), size) as seen:
        await seen.sees("Kept", "1,200 of 10,000")
        assert "Nothing is limited here." not in seen.text()


async def test_usage_without_limits_says_so() -> None:
    async with shown(Usage(sara(), Allowance())) as seen:
        await seen.sees("Nothing is limited here.", "$0")


async def test_full_meter_says_nothing_about_resetting() -> None:
    full = Meter(name="requests_per_day", limit=50, left=50, resets_in_s=100.0)
    async with shown(Usage(sara(), Allowance(meters=(full,)))) as seen:
        await seen.sees("50 of 50")
        assert "full again in" not in seen.text()


async def test_usage_that_cannot_be_asked_again_stays() -> None:
    fake = sara()
    async with shown(Usage(fake, USED)) as seen:
        fake.ended = True
        await seen.press("f5")
        await seen.until(lambda: seen.app._notifications)
        assert "41,200" in seen.text()


# Account


@SIZES
async def test_account_lists_where_one_is_signed_in(size: tuple[int, int]) -> None:
    async with shown(account_of(sara()), size) as seen:
        await seen.sees("sara", SARA.email, "admin", PLACE)
        await seen.sees("argus on desk", "this one", "argus on laptop", "2001:db8::12", "4 min ago", "3 d ago")


async def test_one_client_is_signed_out_and_not_the_one_in_use() -> None:
    fake = sara()
    async with shown(account_of(fake)) as seen:
        await seen.sees("argus on laptop")
        await seen.press("delete")
        await seen.sees("This is the one you use: /logout signs it out.")
        await seen.press("down", "delete")
        await seen.sees("argus on laptop is signed out.")
        assert [one.client for one in fake.open_sessions] == ["argus on desk", "argus on phone"]


async def test_all_others_are_signed_out_after_a_question() -> None:
    fake = sara()
    async with shown(account_of(fake)) as seen:
        await seen.press("x")
        await seen.at(Confirm)
        await seen.press("escape")
        await seen.at(Account)
        assert len(fake.open_sessions) == 3
        await seen.press("x")
        await seen.at(Confirm)
        await seen.press("y")
        await seen.sees("2 signed out.")
        assert [one.current for one in fake.open_sessions] == [True]


async def test_account_says_what_went_wrong() -> None:
    fake = sara()
    fake.ended = True
    async with shown(account_of(fake)) as seen:
        await seen.sees("! This session was ended. Sign in again.")


async def _fill(seen: Seen, *values: str) -> None:
    for field, value in zip(seen.app.screen.query(FormField), values, strict=True):
        field.value = value
    await seen.pilot.pause()
    list(seen.app.screen.query(FormField))[-1].focus()


async def test_password_is_changed_with_the_old_one() -> None:
    fake = sara()
    async with shown(account_of(fake)) as seen:
        await seen.press("p")
        await seen.at(ChangePassword)
        await _fill(seen, "wrong", "another password", "another password")
        await seen.press("enter")
        await seen.sees("not the password")
        await _fill(seen, PASSWORD, "another password", "another passwort")
        await seen.press("enter")
        await seen.sees("not the same")
        await _fill(seen, PASSWORD, "password1", "password1")
        await seen.press("enter")
        await seen.sees("not taken", "That password cannot be used. It is one of the most")
        await _fill(seen, PASSWORD, "another password", "another password")
        assert "another" not in seen.text()
        await seen.press("ctrl+r")
        await seen.sees("another password")
        await seen.press("enter")
        await seen.at(Account)
        await seen.sees("The password is changed, and every other client signed out.")
        assert len(fake.open_sessions) == 1


async def test_enter_goes_on_to_what_is_empty_and_short_ones_are_not_sent() -> None:
    async with shown(ChangePassword(sara())) as seen:
        await seen.press(*"old", "enter", *"short", "enter", *"short")
        assert seen.app.focused is list(seen.app.screen.query(FormField))[2]._input
        await seen.press("enter")
        await seen.sees("5 of at least 8")
        assert isinstance(seen.app.screen, ChangePassword)
        await seen.press("escape")
        await seen.until(lambda: not isinstance(seen.app.screen, ChangePassword))


# Administration


def admin_of(fake: FakeAdmin) -> Admin:
    return Admin(fake, SARA, now=lambda: AT)


@SIZES
async def test_admin_lists_users_and_acts_on_the_one_under_the_cursor(size: tuple[int, int]) -> None:
    fake = FakeAdmin(SARA)
    async with shown(admin_of(fake), size) as seen:
        await seen.sees("sara", SARA.email, "Person 2", "person002@example.org", "Users", "Invites", "Limits")
        await seen.press("down", "a")
        await seen.sees("Person 0 is an admin now.")
        assert fake.all_users[1].role == "admin"
        await seen.press("a", "d")
        await seen.sees("Person 0 is signed out and shut out.", "disabled")
        await seen.press("d")
        await seen.sees("Person 0 can sign in again.")
        await seen.sees_no("disabled")
        await seen.press("s")
        await seen.sees("Person 0 is signed out on 2 clients.")
        assert fake.acts[-1] == f"end {fake.all_users[1].id}"


async def test_last_admin_stays() -> None:
    fake = FakeAdmin(SARA)
    async with shown(admin_of(fake)) as seen:
        await seen.sees("Person 2")
        await seen.press("a")
        await seen.sees("! That is the last admin. Make another one first.")
        assert fake.all_users[0].role == "admin"


async def test_reset_asks_and_shows_its_code_once() -> None:
    fake = FakeAdmin(SARA)
    async with shown(admin_of(fake)) as seen:
        await seen.sees("Person 2")
        await seen.press("down", "r")
        await seen.at(Confirm)
        await seen.press("n")
        await seen.at(Admin)
        assert not any(act.startswith("reset") for act in fake.acts)
        await seen.press("r")
        await seen.at(Confirm)
        await seen.press("y")
        await seen.at(ShowCode)
        await seen.sees("A code for Person 0", CODE, "shown this once", "27 Nov 2026")
        await seen.press("ctrl+y")
        assert seen.app.clipboard == CODE
        await seen.sees("Copied.")
        await seen.press("escape")
        await seen.at(Admin)
        assert CODE not in seen.text()


async def test_thousands_of_users_come_page_by_page() -> None:
    fake = FakeAdmin(SARA, all_users=[SARA, *people(220)])
    async with shown(admin_of(fake)) as seen:
        rows = seen.app.screen.query_one(UserRows)
        await seen.until(lambda: len(rows.items) == PAGE)
        assert fake.acts == ["page 0"]
        while len(rows.items) < 221:
            have = len(rows.items)
            await seen.press("end")
            await seen.until(lambda have=have: len(rows.items) > have)  # type: ignore[misc]
        assert fake.acts == ["page 0", "page 50", "page 100", "page 150", "page 200"]
        assert len({user.id for user in rows.items}) == 221
        await seen.press("end")
        await seen.sees("person219@example.org")


async def test_invites_are_made_listed_and_taken_back() -> None:
    fake = FakeAdmin(SARA)
    async with shown(admin_of(fake)) as seen:
        await seen.press("tab")
        await seen.sees("There are no invites; n makes one.")
        await seen.press("n")
        await seen.at(TextPrompt)
        await seen.press(*"omid", "at", *"example.org", "enter")
        await seen.at(ShowCode)
        await seen.sees("An invite for omid@example.org", CODE)
        await seen.press("escape")
        await seen.press("N")
        await seen.at(TextPrompt)
        await seen.press("enter")
        await seen.at(ShowCode)
        await seen.sees("An invite for anybody")
        await seen.press("escape")
        await seen.at(Admin)
        assert [(one.role, one.email) for one in fake.all_invites] == [("admin", ""), ("member", "omid@example.org")]
        fake.all_invites.append(replace(fake.all_invites[0], id="old", expires_at=AT - timedelta(days=1)))
        fake.all_invites.append(replace(fake.all_invites[0], id="used", used_at=AT, user_id="someone"))
        await seen.press("tab", "tab", "tab")
        await seen.sees("for a new admin", "until 27 Nov 2026", "expired", "used 20 Nov 2026", "sets a password")
        await seen.press("delete")
        await seen.sees("Taken back.")
        assert [one.id for one in fake.all_invites] == ["0", "old", "used"]


async def test_keys_of_another_page_do_nothing() -> None:
    fake = FakeAdmin(SARA)
    async with shown(admin_of(fake)) as seen:
        await seen.sees("Person 2")
        await seen.press("n", "delete")
        await seen.press("shift+tab")
        await seen.sees("questions a minute")
        await seen.press("a", "d", "r", "s", "n")
        await seen.pilot.pause()
        assert isinstance(seen.app.screen, Admin)
        assert fake.acts == ["page 0"]


async def test_limits_are_shown_for_each_role() -> None:
    async with shown(admin_of(FakeAdmin(SARA))) as seen:
        await seen.press("shift+tab")
        await seen.sees("member", "admin", "30", "120", "400,000", "$2.00", "any")


async def test_admin_who_is_none_any_more_is_told() -> None:
    fake = FakeAdmin(replace(SARA, role="member"))
    async with shown(admin_of(fake)) as seen:
        await seen.sees("! Not allowed. Only an admin may do that.")


async def test_page_that_fails_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeAdmin(SARA, all_users=[SARA, *people(80)])
    async with shown(admin_of(fake)) as seen:
        rows = seen.app.screen.query_one(UserRows)
        await seen.until(lambda: len(rows.items) == PAGE)

        async def away(*_: object, **__: object) -> None:
            raise StorageUnavailable("Try again.")

        with monkeypatch.context() as patch:
            patch.setattr(FakeAdmin, "users", away)
            await seen.press("end")
            await seen.sees("! The store cannot be reached. Try again.")
        await seen.press("home", "end")
        await seen.until(lambda: len(rows.items) == 81)
