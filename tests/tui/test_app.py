"""Starting, leaving, and what cannot be: a store that does not open, a bug, a terminal that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.timer import Timer

from argus_core.client.base import ChatClient
from argus_core.errors import ArgusError, ConfigError, SchemaTooNew, StorageUnavailable
from argus_core.providers.base import TextChunk
from argus_core.providers.scripted import ScriptedProvider, saying
from argus_tui.app import ArgusApp
from argus_tui.screens.first import FirstScreen
from argus_tui.themes import ARGUS_DAY, ARGUS_NIGHT
from tests.tui.chat_support import END, WIDE, Person, Store, text


async def test_what_is_typed_before_the_main_screen_is_there_is_kept_in_order(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes.")))
    app = store.app()
    shown: list[Callable[[], None]] = []
    first = FirstScreen(lambda: shown.append(app._show_chat))
    app.get_default_screen = lambda: first  # type: ignore[method-assign]
    try:
        async with app.run_test(size=WIDE) as pilot:
            person = Person(app, pilot)
            await person.until(lambda: shown, "the first paint")
            await person.sees("New conversation", "Write here.")
            await pilot.press(*"hi", "space")
            app.post_message(events.Paste("there"))
            await pilot.press("!", "enter")
            shown[0]()
            await person.until(lambda: app.chat is not None, "the main screen")
            await person.sees("hi there!", "Yes.")
        assert [prompt.messages[-1].parts for prompt in store.provider.prompts] == [("hi there!",)]
    finally:
        await app.close_client()


async def test_keys_and_pastes_reach_the_composer_in_order_whenever_they_come(tmp_path: Path) -> None:
    """One at each turn of the loop, from before the first paint until long after the main screen is there."""
    app = Store(tmp_path, ScriptedProvider()).app()
    words = [chr(ord("a") + number % 26) if number % 5 else f"<{number}>" for number in range(200)]
    try:
        async with app.run_test(size=WIDE) as pilot:
            person = Person(app, pilot)
            for word in words:
                app.post_message(events.Paste(word) if len(word) > 1 else events.Key(word, word))
                await asyncio.sleep(0.002)
            await person.until(lambda: app.chat is not None and len(person.draft) >= len("".join(words)), "all there")
            assert person.draft == "".join(words)
    finally:
        await app.close_client()


@pytest.mark.parametrize(
    "error",
    [
        StorageUnavailable("The disk is full."),
        SchemaTooNew("Install the newest Argus."),
        ConfigError("ARGUS_THEME holds nonsense."),
    ],
    ids=lambda error: error.code,
)
async def test_store_that_does_not_open_is_told_in_place_and_one_can_leave(tmp_path: Path, error: ArgusError) -> None:
    @asynccontextmanager
    async def refuse() -> AsyncGenerator[ChatClient, None]:
        raise error
        yield

    app = ArgusApp(refuse, Store(tmp_path, ScriptedProvider()).app().options)
    async with app.run_test(size=WIDE) as pilot:
        person = Person(app, pilot)
        await person.sees(error.title, error.hint)
        assert not person.said(), "it is said in passing only"
        await person.send("Is anybody there?")
        await person.hears(error.title)
        assert person.draft == "Is anybody there?"
        await person.press("ctrl+q")
        await person.until(lambda: not app.is_running, "the end")
    await app.close_client()
    assert (app.return_code, app.bug) == (0, None)


async def test_leaving_waits_for_the_answer_and_a_second_time_does_not(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.ask("Question")
        store.provider.feed(*text("Half"))
        await person.sees("Half")
        await person.press("ctrl+q")
        await person.hears("Argus leaves when the answer is done.")
        store.provider.feed(TextChunk(" and whole."), END)
        await person.until(lambda: not person.app.is_running, "the end")
        assert person.app.return_code == 0
    async with store.client() as client:
        page = await client.conversations.list()
        message = await client.messages.get(page.items[0].head_id or "")
        assert (message.text, message.status) == ("Half and whole.", "completed")

    async with store.program() as person:
        await person.ask("Another question")
        store.provider.feed(*text("Half"), call=1)
        await person.sees("Half")
        await person.press("ctrl+q")
        await person.hears("Argus leaves when the answer is done.")
        await person.press("ctrl+q")
        await person.until(lambda: not person.app.is_running, "the end")
    async with store.client() as client:
        assert not await client.generations.running()
        page = await client.conversations.list()
        message = await client.messages.get(page.items[0].head_id or "")
        assert (message.text, message.status) == ("Half", "interrupted")


async def test_hang_up_keeps_the_draft_and_lets_the_answer_finish(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.ask("Question")
        store.provider.feed(*text("Half"))
        await person.sees("Half")
        person.chat.composer.draft = "half a thought"
        person.app._hang_up()
        await person.until(lambda: not person.app.is_running, "the end of the screen")
        closing = asyncio.ensure_future(person.app.close_client())
        store.provider.feed(TextChunk(" and whole."), END)
        await closing
    async with store.client() as client:
        page = await client.conversations.list()
        message = await client.messages.get(page.items[0].head_id or "")
        assert (message.text, message.status) == ("Half and whole.", "completed")
        assert (await client.conversations.get(page.items[0].id)).draft == "half a thought"


async def test_leaving_while_the_client_is_being_opened_is_clean(tmp_path: Path) -> None:
    closed: list[str] = []

    @asynccontextmanager
    async def never() -> AsyncGenerator[ChatClient, None]:
        try:
            await asyncio.Event().wait()
            yield  # type: ignore[misc]
        finally:
            closed.append("closed")

    app = ArgusApp(never, Store(tmp_path, ScriptedProvider()).app().options)
    async with app.run_test(size=WIDE) as pilot:
        person = Person(app, pilot)
        await person.until(lambda: app.chat is not None and app._client is not None, "the main screen")
        await person.press("ctrl+q", "ctrl+q")
        await person.until(lambda: not app.is_running, "the end")
    await app.close_client()
    assert closed == ["closed"]


async def test_bug_ends_the_program_without_a_traceback_on_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bug(Exception):
        pass

    def fail(*_: object) -> None:
        raise Bug

    store = Store(tmp_path, ScriptedProvider())
    app = store.app()
    with pytest.raises(Bug):  # noqa: PT012 - the harness raises it at the end of the block
        async with app.run_test(size=WIDE) as pilot:
            person = Person(app, pilot)
            await person.until(lambda: any(one.group == "changes" for one in app.workers), "the program ready")
            monkeypatch.setattr(person.chat, "action_thoughts", fail)
            await person.press("ctrl+t")
            await person.until(lambda: not app.is_running, "the end")
    await app.close_client()
    assert isinstance(app.bug, Bug)
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err


async def test_idle_program_has_no_running_timers(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes.")))
    async with store.program() as person:
        await person.send("Question")
        await person.answered()
        nodes = [person.app, *person.app.screen_stack, *person.app.screen.walk_children()]

        def ticking() -> list[Timer]:
            return [
                timer
                for node in nodes
                for timer in node._timers
                if timer._active.is_set() and timer._task and not timer._task.done() and timer._repeat != 0
            ]

        await person.until(lambda: not ticking(), "all timers still")


async def test_theme_is_kept_and_the_settings_win(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        assert person.app.theme == ARGUS_NIGHT.name
        await person.send(f"/theme {ARGUS_DAY.name}")
        await person.until(lambda: person.app.theme == ARGUS_DAY.name, "the other theme")
        await person.send("/theme nonsense")
        await person.hears("There is no theme nonsense.")
    async with store.program() as person:
        await person.until(lambda: person.app.theme == ARGUS_DAY.name, "the theme restored")
    async with store.program(theme="nord") as person:
        assert person.app.theme == "nord"
