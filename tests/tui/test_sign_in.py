"""The form alone: what it says where, what it sends, and that nothing typed is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

import argus_tui
from argus_core.domain import User
from argus_core.errors import (
    ArgusError,
    Conflict,
    InvalidInput,
    LimitReached,
    PermissionDenied,
    ServerUnreachable,
)
from argus_tui.screens import sign_in
from argus_tui.screens.account_rules import MAX_NAME
from argus_tui.screens.sign_in import SignIn, Typed
from argus_tui.widgets.form_field import FormField
from tests.tui.account_support import CODE, PASSWORD, PLACE, SARA, FakeEntrance
from tests.tui.widget_support import SHEET, Bare, paste

pytestmark = pytest.mark.slow

PERSIAN = "رمز بسیار دراز من"
"""A password of a person who writes Persian."""


class Door(Bare):
    """An app that is nothing but the form."""

    CSS_PATH: ClassVar = [Path(argus_tui.__file__).parent / "argus.tcss", SHEET]

    def __init__(self, form: SignIn) -> None:
        super().__init__()
        self.form = form
        self.results: list[User | None] = []
        self.pilot: Pilot[None]

    def on_mount(self) -> None:
        self.push_screen(self.form, self.results.append)

    def text(self) -> str:
        return "\n".join(self.shown())

    def field(self, label: str) -> FormField:
        return next(one for one in self.form.query(FormField) if one.label == label)

    def row(self, label: str) -> str:
        """What stands in the row over a field."""
        return next((line for line in self.shown() if line.strip().startswith(label)), "")

    async def fill(self, **values: str) -> None:
        for label, value in values.items():
            self.field(label.replace("_", " ")).value = value
        await self.pilot.pause()

    async def send(self) -> None:
        """Press enter in the last field, and wait until the answer is there."""
        list(one for one in self.form.query(FormField) if one.display)[-1].focus()
        await self.pilot.press("enter")
        await self.settled()

    async def settled(self) -> None:
        async with asyncio.timeout(10):
            while any(worker.group == "send" and worker.is_running for worker in self.workers):
                await self.pilot.pause(0.002)
        await self.pilot.pause()


@asynccontextmanager
async def door(
    entrance: FakeEntrance, *, up: bool = False, size: tuple[int, int] = (80, 24), reason: str = ""
) -> AsyncGenerator[Door, None]:
    app = Door(SignIn(entrance, up=up, reason=reason))
    async with app.run_test(size=size) as pilot:
        app.pilot = pilot
        await pilot.pause()
        yield app


ALL = {"Name": "سارا", "Email": SARA.email, "Password": PASSWORD, "Password_again": PASSWORD}


async def test_signs_in_with_the_keys_alone() -> None:
    entrance = FakeEntrance()
    async with door(entrance) as app:
        await app.pilot.press(*"sara", "at", *"example.org", "enter")
        assert app.focused is app.field("Password")._input
        await app.pilot.press(*"correct", "space", *"horse", "space", *"battery", "enter")
        await app.settled()
    assert entrance.tries == [("in", SARA.email, PASSWORD)]
    assert app.results == [SARA]


async def test_tab_goes_round_the_fields_and_the_button_and_back() -> None:
    async with door(FakeEntrance(), up=True) as app:
        seen = []
        for _ in range(7):
            seen.append(app.focused)
            await app.pilot.press("tab")
        assert len(set(seen[:6])) == 6
        assert seen[6] is seen[0]
        await app.pilot.press("shift+tab", "shift+tab")
        assert app.focused is seen[5]


async def test_password_is_masked_until_it_is_shown_and_never_copied_while_it_is() -> None:
    async with door(FakeEntrance()) as app:
        await app.fill(Password="secret sauce")
        app.field("Password").focus()
        await app.pilot.press("ctrl+shift+a", "ctrl+c")
        assert app.clipboard == ""
        assert "secret" not in app.text()
        assert "•" * 12 in app.text()
        await app.pilot.press("ctrl+r")
        assert "secret sauce" in app.text()
        assert app.row("Password").endswith("^r hide")


async def test_paste_comes_in_whole_and_without_its_line_end() -> None:
    async with door(FakeEntrance()) as app:
        field = app.field("Password")
        await paste(app.pilot, field._input, "two  blanks \nrest\x1b[31m")
        assert field.value == "two  blanks "
        app.copy_to_clipboard("more\n")
        field.focus()
        await app.pilot.press("ctrl+v")
        assert field.value == "two  blanks more"
        await paste(app.pilot, app.field("Email")._input, f"  {SARA.email}\n")
        assert app.field("Email").value == SARA.email


async def test_faults_stand_at_their_fields_and_nothing_moves() -> None:
    entrance = FakeEntrance()
    async with door(entrance, up=True, size=(120, 40)) as app:
        before = [one.region for one in app.form.query(FormField)]
        await app.fill(Email="sara", Password="short", Password_again="shorter")
        await app.send()
        assert app.row("Name").endswith("still empty")
        assert app.row("Email").endswith("such as name@example.org")
        assert app.row("Password ").endswith("5 of at least 8")
        assert app.row("Password again").endswith("not the same")
        assert [one.region for one in app.form.query(FormField)] == before
        assert app.focused is app.field("Name")._input
        await app.pilot.press("x")
        assert "still empty" not in app.row("Name")
    assert entrance.tries == []


@pytest.mark.parametrize("letter", ["x", "س", "é", "字"])
async def test_lengths_are_counted_in_characters_whatever_the_script(letter: str) -> None:
    entrance = FakeEntrance()
    async with door(entrance, up=True) as app:
        await app.fill(**{**ALL, "Name": letter * (MAX_NAME + 1)})
        assert app.row("Name").endswith(f"{MAX_NAME + 1} characters, {MAX_NAME} are the most")
        await app.send()
        assert entrance.tries == []
        await app.fill(Name=letter * MAX_NAME, Password=letter * 8, Password_again=letter * 8)
        assert app.row("Password ").endswith("8 characters")
        await app.send()
    assert entrance.tries == [("up", letter * MAX_NAME, SARA.email, letter * 8, "")]


async def test_what_is_far_too_long_is_refused_in_words() -> None:
    async with door(FakeEntrance(), up=True) as app:
        await paste(app.pilot, app.field("Name")._input, "x" * 100_000)
        assert app.row("Name").endswith(f"{MAX_NAME} characters are the most")
        assert app.field("Name").value == ""


async def test_persian_is_kept_in_the_order_it_was_typed() -> None:
    entrance = FakeEntrance()
    async with door(entrance, up=True) as app:
        await paste(app.pilot, app.field("Name")._input, "سارا")
        app.field("Name").focus()
        await app.pilot.press("space", *"نیک")
        app.field("Name")._input.post_message(events.Key("\u200c", "\u200c"))
        await app.pilot.pause()
        assert app.field("Name").value == "سارا نیک\u200c"
        assert "سارا نیک" in app.text()
        await app.fill(Email=SARA.email, Password=PERSIAN, Password_again=PERSIAN)
        await app.send()
    assert entrance.tries[0][3] == PERSIAN


async def test_both_pages_share_what_was_typed() -> None:
    entrance = FakeEntrance(signs="invite")
    async with door(entrance) as app:
        await app.fill(Email=SARA.email, Password=PASSWORD)
        await app.pilot.press("ctrl+t")
        for words in ("Make the account", "Name", "Invitation", "from your admin", "sign in instead"):
            assert words in app.text()
        assert SARA.email in app.text()
        await app.fill(Name="Sara", Password_again=PASSWORD, Invitation=CODE)
        await app.pilot.press("ctrl+t")
        assert "Invitation" not in app.text()
        await app.pilot.click(offset=(40, next(y for y, line in enumerate(app.shown()) if "Make an account" in line)))
        assert app.field("Invitation").value == CODE
        await app.send()
    assert entrance.tries == [("up", "Sara", SARA.email, PASSWORD, CODE)]
    assert app.results[0] is not None


@pytest.mark.parametrize(
    ("policy", "label", "hint"),
    [
        ("open", "Code", "only if you were given one"),
        ("invite", "Invitation", "from your admin"),
        ("closed", "Code", "from your admin"),
    ],
)
async def test_form_says_who_may_make_an_account(policy: str, label: str, hint: str) -> None:
    entrance = FakeEntrance(signs=policy)  # type: ignore[arg-type]
    async with door(entrance, up=True) as app:
        assert app.row(label).endswith(hint)
        assert ("Take the code that an admin gave you." in app.text()) == (policy == "closed")
        await app.fill(**ALL)
        await app.send()
        assert (entrance.tries == []) == (policy != "open")


async def test_reset_code_needs_no_name() -> None:
    entrance = FakeEntrance()
    async with door(entrance, up=True) as app:
        await app.fill(Email=SARA.email, Password=PASSWORD, Password_again=PASSWORD, Code=CODE)
        await app.send()
    assert entrance.tries == [("up", "", SARA.email, PASSWORD, CODE)]


@pytest.mark.parametrize(
    ("fault", "label", "over", "under"),
    [
        (
            InvalidInput("Many use it.", title="That password cannot be used"),
            "Password ",
            "cannot be used",
            "Many use it.",
        ),
        (InvalidInput("Like a@b.org.", title="That is not an email"), "Email", "That is not an email", "Like a@b.org."),
        (
            Conflict("Sign in, or take another.", title="The email is taken"),
            "Email",
            "The email is taken",
            "Sign in, or",
        ),
        (
            PermissionDenied("Ask for one.", title="That code is not good"),
            "Code",
            "not taken",
            "That code is not good.",
        ),
        (ServerUnreachable("Look at your network."), "", "", "The server cannot be reached. Look at your"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ArgusError) else None,
)
async def test_refusal_stands_where_it_belongs_and_nothing_typed_is_lost(
    fault: ArgusError, label: str, over: str, under: str
) -> None:
    entrance = FakeEntrance(faults=[fault])
    async with door(entrance, up=True, size=(120, 40)) as app:
        await app.fill(**ALL, Code="abc")
        before = [one.value for one in app.form.query(FormField)]
        await app.send()
        assert over in app.row(label)
        assert under in app.text()
        assert [one.value for one in app.form.query(FormField)] == before
        assert app.results == []


async def test_wrong_password_does_not_say_which_of_both_is_wrong() -> None:
    async with door(FakeEntrance()) as app:
        await app.fill(Email=SARA.email, Password="something else")
        await app.send()
        assert app.row("Password").endswith("not right for this email")
        assert app.field("Password").value == "something else"
        assert app.focused is app.field("Password")._input


async def test_password_is_forgotten_after_it_was_taken() -> None:
    async with door(FakeEntrance(), up=True) as app:
        fields = [app.field("Password"), app.field("Password again")]
        await app.fill(**ALL)
        await app.send()
        assert [one.value for one in fields] == ["", ""]
    assert PASSWORD not in repr(Typed(password=PASSWORD))


async def test_form_is_busy_while_it_waits_and_sends_once() -> None:
    entrance = FakeEntrance(gate=asyncio.Event())
    async with door(entrance) as app:
        await app.fill(Email=SARA.email, Password=PASSWORD)
        await app.pilot.press("enter", "enter", "ctrl+t")
        await app.pilot.pause()
        assert "Signing in" in app.text()
        assert "esc to stop" in app.text()
        assert len(entrance.tries) == 1
        assert entrance.gate is not None
        entrance.gate.set()
        await app.settled()
        assert app.results == [SARA]


async def test_throttle_counts_down_and_takes_no_other_try_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(sign_in, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(sign_in, "COUNT_S", 0.001)
    entrance = FakeEntrance(faults=[LimitReached("", title="Too many attempts to sign in", retry_after_s=23)])
    async with door(entrance) as app:
        await app.fill(Email=SARA.email, Password=PASSWORD)
        await app.send()
        assert "Too many attempts to sign in." in app.text()
        assert "again in 23 s" in app.text()
        now[0] += 14.5
        async with asyncio.timeout(10):
            while "again in 9 s" not in app.text():
                await app.pilot.pause(0.002)
        await app.pilot.press("enter")
        assert len(entrance.tries) == 1
        now[0] += 9
        async with asyncio.timeout(10):
            while "again in" in app.text():
                await app.pilot.pause(0.002)
        assert "Too many attempts" not in app.text()
        assert app.form._timer is None, "something still ticks"
        await app.pilot.press("enter")
        await app.settled()
    assert len(entrance.tries) == 2
    assert app.results == [SARA]


async def test_reason_is_told_and_escape_leaves() -> None:
    async with door(FakeEntrance(), reason="This session was ended.") as app:
        assert "! This session was ended." in app.text()
        assert PLACE in app.text()
        await app.pilot.press("escape")
        assert app.results == [None]


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (46, 24), (80, 12)])
async def test_form_fits_and_can_be_reached_at_any_size(size: tuple[int, int], up: bool) -> None:
    async with door(FakeEntrance(signs="closed"), up=up, size=size) as app:
        if size[1] >= 24:
            assert app.form.max_scroll_y == 0
            assert "esc leave" in app.text()
        for one in app.form.query(Input):
            if one.display and one.region.width:
                one.focus()
                await app.pilot.pause()
                assert one.region.bottom <= size[1]
                assert one.region.y >= 0
