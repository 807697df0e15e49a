"""The line to the server, and who else is open on the account."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from argus_core.domain import Conversation, Watcher
from argus_core.errors import ServerUnreachable
from argus_core.providers.scripted import ScriptedProvider
from argus_tui.screens import following
from argus_tui.screens.company import OFFLINE, Company, place_of
from argus_tui.widgets.head import Head
from tests.tui.account_support import PLACE, Team
from tests.tui.chat_support import END, SMALL, WIDE, Store, talk_of, text


def team(folder: Path) -> Team:
    return Team(Store(folder, ScriptedProvider()))


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_lost_line_is_told_in_one_place_and_moves_nothing(tmp_path: Path, size: tuple[int, int]) -> None:
    place = team(tmp_path)
    async with place.program(size=size) as person:
        await person.sees("●", f"sara · {PLACE}")
        before = {widget.id: widget.region for widget in person.chat.children}
        await place.client.line.put("offline")
        await person.sees("○", OFFLINE)
        await person.sees_no("●")
        assert {widget.id: widget.region for widget in person.chat.children} == before
        await place.client.line.put("connected")
        await person.sees("●")
        await person.sees_no("○", OFFLINE)


async def test_answer_goes_on_by_itself_when_the_line_is_back(tmp_path: Path) -> None:
    place = team(tmp_path)
    async with place.program() as person:
        await person.ask("Question")
        place.store.provider.feed(*text("Half"))
        await person.sees("Half")
        await place.client.line.put("offline")
        await person.sees("The line to the server dropped.", "trying again", "the rest will appear here")
        await place.client.line.put("connected")
        await person.sees_no("The line to the server dropped.")
        place.store.provider.feed(*text(" and whole."), END)
        await person.sees("Half and whole.")
        assert (await person.answered()).text == "Half and whole."


async def test_answer_that_ended_while_the_line_was_away_is_whole_when_it_is_back(tmp_path: Path) -> None:
    place = team(tmp_path)
    async with place.program() as person:
        await person.ask("Question")
        place.store.provider.feed(*text("Half"))
        await person.sees("Half")
        await place.client.line.put("offline")
        await person.sees("The line to the server dropped.")
        place.store.provider.feed(*text(" and whole."), END)
        await person.sees("Half and whole.")
        await person.answered()
        await person.sees_no("The line to the server dropped.")
        await place.client.line.put("connected")
        await person.sees("●")
        assert person.screen().count("Half and whole.") == 1


async def test_answer_whose_watching_broke_is_watched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = team(tmp_path)
    async with place.program() as person:
        generation_id = await person.ask("Question")
        place.store.provider.feed(*text("Half"))
        await person.sees("Half")
        await place.client.line.put("offline")
        await person.sees(OFFLINE)
        person.chat.workers.cancel_group(person.chat, "watch")
        real = person.chat.talk.watch

        async def broken(_id: str) -> None:
            raise ServerUnreachable("Look at your network.")

        monkeypatch.setattr(person.chat.talk, "watch", broken)
        person.chat.watch_soon(generation_id)
        await person.hears("The server cannot be reached")
        monkeypatch.setattr(person.chat.talk, "watch", real)
        await place.client.line.put("connected")
        await person.until(lambda: person.chat.talk.generation_id == generation_id, "watched again")
        place.store.provider.feed(*text(" and whole."), END)
        await person.sees("Half and whole.")
        assert person.screen().count("Half") == 1


async def test_what_changed_meanwhile_is_there_when_the_line_is_back(tmp_path: Path) -> None:
    place = team(tmp_path)
    async with place.program() as person:
        person.chat.workers.cancel_group(person.chat, "changes")
        await place.client.line.put("offline")
        await person.sees(OFFLINE)
        async with place.store.services() as services:
            await talk_of(services, "Written elsewhere", [("Ask", "Say")])
        assert "Written elsewhere" not in person.screen()
        await place.client.line.put("connected")
        await person.sees("Written elsewhere")


async def test_line_that_is_away_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "CHANGES_AGAIN_S", 0.001)
    place = team(tmp_path)
    tries: list[int] = []

    async def away(_self: object) -> AsyncGenerator[Conversation, None]:
        tries.append(1)
        raise ServerUnreachable
        yield

    async with place.program() as person:
        monkeypatch.setattr(type(place.client.conversations), "changes", away)
        person.chat.workers.cancel_group(person.chat, "changes")
        person.chat._watch_changes()
        await person.until(lambda: len(tries) > 3, "several tries")
        assert not person.said()


async def test_others_are_told_what_is_open_here_once(tmp_path: Path) -> None:
    place = team(tmp_path)
    async with place.store.services() as services:
        one = await talk_of(services, "One", [("Ask one", "Say one")])
    async with place.program() as person:
        await person.until(lambda: place.account.looked_at == [None], "an empty place told")
        await person.opens(one.id)
        await person.until(lambda: place.account.looked_at == [None, one.id], "the conversation told")
        await person.starts_new()
        await person.until(lambda: place.account.looked_at == [None, one.id, None], "the empty place told")
        await place.client.line.put("offline")
        await person.sees(OFFLINE)
        await place.client.line.put("connected")
        await person.until(lambda: place.account.looked_at == [None, one.id, None, None], "told again to the server")


async def test_who_else_is_open_on_the_same_conversation_stands_in_the_head(tmp_path: Path) -> None:
    place = team(tmp_path)
    async with place.store.services() as services:
        one = await talk_of(services, "One", [("Ask one", "Say one")])
        two = await talk_of(services, "Two", [("Ask two", "Say two")])
    async with place.program() as person:
        await person.opens(one.id)
        before = person.chat.query_one(Head).region
        laptop = Watcher(client="argus on laptop", conversation_id=one.id)
        elsewhere = Watcher(client="argus on desk", conversation_id=two.id)
        await place.account.company.put([laptop, elsewhere])
        await person.sees("One   also open on laptop")
        assert person.chat.query_one(Head).region == before
        await person.opens(two.id)
        await person.sees("Two   also open on desk")
        await place.account.company.put([])
        await person.sees_no("also open")


async def test_either_terminal_may_stop_an_answer(tmp_path: Path) -> None:
    place = team(tmp_path)
    async with place.program() as person:
        generation_id = await person.ask("Question")
        place.store.provider.feed(*text("Half"))
        await person.sees("Half")
        await place.client.generations.cancel(generation_id)  # as the other one does
        assert (await person.answered()).status == "cancelled"
        await person.sees("Half", "/continue")


def test_names_of_others_are_short_and_clean() -> None:
    def company(*clients: str) -> str:
        here = Company(None, lambda: None, lambda: None)  # type: ignore[arg-type]
        here.watchers = [Watcher(client=client, conversation_id="c") for client in clients]
        return here.also_here("c")

    assert company() == ""
    assert company("argus on laptop") == "also open on laptop"
    assert company("argus on laptop", "argus on desk", "x") == "also open on laptop and 2 more"
    assert place_of(Watcher(client="\x1b[31mevil\n" + "x" * 80)) == "evil " + "x" * 24 + "…"
    assert place_of(Watcher(client="")) == "another terminal"
