"""Pictures of what has to do with accounts, each looked at before it was accepted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.screen import Screen

from argus_core.domain import Watcher
from argus_core.errors import BadCredentials, LimitReached
from argus_core.providers.scripted import ScriptedProvider
from argus_tui.screens import sign_in
from argus_tui.screens.account import Account
from argus_tui.screens.admin import Admin
from argus_tui.screens.sign_in import SignIn
from argus_tui.screens.usage import Usage
from tests.tui.account_support import CODE, PASSWORD, SARA, FakeEntrance, Team, fills_in
from tests.tui.chat_support import AT, SMALL, WIDE, Person, Store, talk_of, text
from tests.tui.test_snapshots import DARK, LIGHT, Shoot, _fixed_time, shoot

pytestmark = pytest.mark.slow

__all__ = ["_fixed_time", "shoot"]  # fixtures

LOOKS = pytest.mark.parametrize(
    ("size", "theme"),
    [(WIDE, DARK), (WIDE, LIGHT), (SMALL, DARK), (SMALL, LIGHT)],
    ids=["wide-dark", "wide-light", "small-dark", "small-light"],
)


@pytest.fixture(autouse=True)
def _fixed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the screens that say how long ago something was take the same moment for now."""
    for screen in (Account, Admin):
        defaults = screen.__init__.__kwdefaults__
        assert defaults is not None
        monkeypatch.setitem(defaults, "now", lambda: AT)


async def _on_that_day(person: Person) -> None:
    person.chat.sidebar._list._today = AT.date
    person.chat.sidebar._list._arrange()
    await person.pilot.pause()


def team(folder: Path, entrance: FakeEntrance | None = None) -> Team:
    place = Team(Store(folder, ScriptedProvider()))
    if entrance is not None:
        place.entrance = entrance
    return place


async def _form(person: Person) -> None:
    await person.until(lambda: isinstance(person.app.screen, SignIn) and person.app.focused, "the form")


@LOOKS
async def test_signing_in(tmp_path: Path, shoot: Shoot, size: tuple[int, int], theme: str) -> None:
    async with team(tmp_path, FakeEntrance(faults=[BadCredentials()])).program(size=size, theme=theme) as person:
        await _form(person)
        await fills_in(person, SARA.email, "something else")
        await person.press("enter")
        await person.sees("not right for this email")
        await shoot(person)


@LOOKS
async def test_making_an_account(tmp_path: Path, shoot: Shoot, size: tuple[int, int], theme: str) -> None:
    async with team(tmp_path, FakeEntrance(signs="invite")).program(size=size, theme=theme) as person:
        await _form(person)
        await person.press("ctrl+t")
        await fills_in(person, "سارا", SARA.email, PASSWORD, "correct hors", CODE)
        await person.sees("not the same yet", "from your admin")
        await shoot(person)


async def test_too_many_tries(tmp_path: Path, shoot: Shoot, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = LimitReached("Try again in 23 s.", title="Too many tries to sign in", retry_after_s=23)
    async with team(tmp_path, FakeEntrance(faults=[limit])).program(size=SMALL, theme=DARK) as person:
        await _form(person)
        await fills_in(person, SARA.email, PASSWORD)
        monkeypatch.setattr(sign_in, "time", SimpleNamespace(monotonic=lambda: 100.0))
        await person.press("enter")
        await person.sees("again in 23 s")
        await shoot(person)


@pytest.mark.parametrize(
    ("line", "screen", "words"),
    [
        ("/usage", Usage, "24 of 30"),
        ("/account", Account, "argus on laptop"),
        ("/admin", Admin, "person001@example.org"),
    ],
    ids=["usage", "account", "admin"],
)
@LOOKS
async def test_screens_of_an_account(
    tmp_path: Path,
    shoot: Shoot,
    size: tuple[int, int],
    theme: str,
    line: str,
    screen: type[Screen[None]],
    words: str,
) -> None:
    place = team(tmp_path)
    async with place.store.services() as services:
        await talk_of(services, "Weekend in Ghent", [("About it", "Words on it")])
    async with place.program(size=size, theme=theme) as person:
        await _on_that_day(person)
        await person.opens(person.chat.sidebar.rows[0].id)
        await person.send(line)
        await person.until(lambda: isinstance(person.app.screen, screen), line)
        await person.sees(words)
        await person.press("down")
        await shoot(person)


@LOOKS
async def test_offline_and_also_open(tmp_path: Path, shoot: Shoot, size: tuple[int, int], theme: str) -> None:
    place = team(tmp_path)
    async with place.store.services() as services:
        one = await talk_of(services, "Weekend in Ghent", [("About it", "Words on it")])
    async with place.program(size=size, theme=theme) as person:
        await _on_that_day(person)
        await person.opens(one.id)
        await place.account.company.put([Watcher(client="argus on laptop", conversation_id=one.id)])
        await person.sees("also open on laptop")
        await place.client.line.put("offline")
        await person.sees("offline: trying again")
        await shoot(person)


@pytest.mark.parametrize(("size", "theme"), [(WIDE, DARK), (SMALL, LIGHT)], ids=["wide-dark", "small-light"])
async def test_line_that_drops_under_an_answer(
    tmp_path: Path,
    shoot: Shoot,
    size: tuple[int, int],
    theme: str,
) -> None:
    place = team(tmp_path)
    async with place.program(size=size, theme=theme) as person:
        await _on_that_day(person)
        await person.ask("Train or plane to Ghent?")
        place.store.provider.feed(*text("The train, since"))
        await person.sees("since")
        await place.client.line.put("offline")
        await person.sees("The line to the server dropped.")
        await person.until(lambda: any(row.running for row in person.chat.sidebar.rows), "the running mark")
        await shoot(person)
