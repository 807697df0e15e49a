"""Faults that nobody expected: told once, kept in a log, and the program goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.message_pump import MessagePump

from argus_core.errors import NotFound
from argus_core.providers.scripted import ScriptedProvider, saying
from argus_tui.app import ArgusApp
from argus_tui.faults import MOST, WITHIN_S, Faults, go_on_after_faults
from argus_tui.screens.help import Help
from argus_tui.widgets.prompt import Prompt
from argus_tui.widgets.status_line import StatusLine
from tests.tui.chat_support import WIDE, Person, Store

SAID = "This is a bug in Argus; what you wrote is kept. Please report it with the log bug-7.log."


class Surprise(Exception):
    """What nobody expected."""


def fail(*_: object, **__: object) -> None:
    raise Surprise


async def fail_later(*_: object, **__: object) -> None:
    await asyncio.sleep(0)
    raise Surprise


class Running:
    """The program as it is started by `argus`, and the faults it kept."""

    def __init__(self, person: Person, kept: list[BaseException]) -> None:
        self.person = person
        self.kept = kept


@pytest.fixture(autouse=True)
def pumps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MessagePump, "_dispatch_message", MessagePump._dispatch_message)  # put back at the end
    go_on_after_faults()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    store = Store(folder, ScriptedProvider(saying("Yes.")))
    kept: list[BaseException] = []

    def keep(error: BaseException) -> str:
        kept.append(error)
        return "bug-7.log"

    app = ArgusApp(store.client, replace(store.app().options, keep_fault=keep))
    try:
        async with app.run_test(size=WIDE) as pilot:
            person = Person(app, pilot)
            await person.until(lambda: any(one.group == "changes" for one in app.workers), "the program ready")
            yield Running(person, kept)
    finally:
        await app.close_client()


def in_a_worker(person: Person) -> None:
    person.chat.do(fail_later, "do")


def in_a_handler(person: Person) -> None:
    person.chat.query_one(Prompt).post_message(Prompt.FileMissed("x"))


def in_a_timer(person: Person) -> None:
    person.chat.set_timer(0.001, fail)


def in_an_interval(person: Person) -> None:
    person.chat.set_interval(0.001, fail, repeat=5)


def in_a_callback(person: Person) -> None:
    person.chat.call_after_refresh(fail)
    person.chat.call_later(fail)


def in_a_task(person: Person) -> None:
    asyncio.get_running_loop().call_soon(fail)


@pytest.mark.parametrize("break_it", [in_a_worker, in_a_handler, in_a_timer, in_an_interval, in_a_callback, in_a_task])
async def test_a_fault_is_told_once_and_everything_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[Person], None]
) -> None:
    async with running(tmp_path) as program:
        person = program.person
        person.chat.composer.draft = "half a thought"
        with monkeypatch.context() as broken:
            broken.setattr(person.chat, "say", fail)  # what the handler of a missed file does
            for _ in range(3):
                break_it(person)
                await person.hears(SAID)
                await person.pilot.pause(0.02)
        assert all(isinstance(error, Surprise) for error in program.kept)
        assert len(program.kept) == person.said().count(SAID) <= 2
        assert person.draft == "half a thought"
        await person.press("enter")
        await person.sees("half a thought", "Yes.")
        assert person.app.bug is None


async def test_a_fault_behind_a_key_leaves_the_keys_working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as program:
        person = program.person
        monkeypatch.setattr(person.chat, "action_thoughts", fail)
        await person.press("ctrl+t")
        await person.hears(SAID)
        await person.press("ctrl+t", "a", "b")
        await person.until(lambda: person.draft == "ab", "what was typed")
        assert len(program.kept) == 1


async def test_an_overlay_that_cannot_be_made_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Help, "on_mount", fail, raising=False)
    async with running(tmp_path) as program:
        person = program.person
        await person.press("f1")
        await person.hears(SAID)
        await person.until(lambda: person.app.screen is person.chat, "the overlay closed")
        await person.press("a")
        await person.until(lambda: person.draft == "a", "what was typed")


async def _without_the_pilot(condition: Callable[[], object]) -> None:
    """Wait as the pilot does, which paints, too, and would fail with what is painted."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came")


async def test_what_cannot_be_drawn_is_told_and_the_rest_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as program:
        person = program.person
        draw = StatusLine.render_line
        monkeypatch.setattr(StatusLine, "render_line", fail)
        person.chat.status.refresh()
        await _without_the_pilot(lambda: SAID in person.said())
        monkeypatch.setattr(StatusLine, "render_line", draw)
        await person.send("Question")
        await person.sees("Question", "Yes.")


async def test_an_error_in_words_is_told_in_its_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as program:
        person = program.person

        def refuse() -> None:
            raise NotFound("It was deleted elsewhere.")

        person.chat.call_later(refuse)
        await person.hears("It was deleted elsewhere.")
        assert program.kept == []


async def test_a_fault_that_comes_back_without_end_ends_the_program_with_the_draft_kept(tmp_path: Path) -> None:
    with pytest.raises(Surprise):  # noqa: PT012 - the harness raises it at the end of the block
        async with running(tmp_path) as program:
            person = program.person
            person.chat.composer.draft = "half a thought"
            person.chat.set_interval(0.001, fail)
            await person.until(lambda: not person.app.is_running, "the end")
            await person.app.keep_draft()
    assert isinstance(person.app.bug, Surprise)
    async with Store(tmp_path, ScriptedProvider()).client() as client:
        assert await client.account.get_preference("draft") == "half a thought"


def test_faults_are_too_many_only_when_they_come_fast() -> None:
    now = 0.0
    faults = Faults(lambda error: "log", clock=lambda: now)
    for _ in range(2 * MOST):
        faults.take(Surprise())
        now += 1.01 * WITHIN_S / MOST
        assert not faults.are_too_many
    for _ in range(MOST):
        faults.take(Surprise())
    assert faults.are_too_many


def divide() -> None:
    assert 1 // 0


def look_up() -> None:
    assert dict[str, int]()["x"]


def test_a_fault_is_told_once_for_each_place() -> None:
    faults = Faults(lambda error: type(error).__name__)
    told = []
    for wrong in (divide, look_up, divide, look_up):
        try:
            wrong()
        except (ZeroDivisionError, KeyError) as error:
            told.append(faults.take(error))
    assert [words.rpartition(" ")[2] for words in told] == ["ZeroDivisionError.", "KeyError.", "", ""]
