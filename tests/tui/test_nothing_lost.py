"""What one typed or attached is sent once, or is still there: whatever else goes on, fails or was deleted elsewhere."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from textual import events

from argus_core.domain import Attachment, Turn
from argus_core.errors import ArgusError, InvalidInput, ServerUnreachable, StorageUnavailable
from argus_core.providers.scripted import ScriptedProvider, saying
from argus_tui.screens.company import OFFLINE
from tests.tui.account_support import Team
from tests.tui.chat_support import END, Person, Store, text


def picture(folder: Path, name: str = "plant.png") -> Path:
    path = folder / "pictures" / name
    path.parent.mkdir(exist_ok=True)
    data = BytesIO()
    Image.new("RGB", (40, 30), (20, 120, 40)).save(data, "PNG")
    path.write_bytes(data.getvalue())
    return path


class Gate:
    """Holds the next question up on its way, and may refuse it in the end."""

    def __init__(self, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
        self.open = asyncio.Event()
        self.refusal: ArgusError | None = None
        self._ask = person.chat.talk.ask
        monkeypatch.setattr(person.chat.talk, "ask", self.ask)

    async def ask(self, words: str, attachment_ids: list[str]) -> Turn:
        await self.open.wait()
        if self.refusal is not None:
            raise self.refusal
        return await self._ask(words, attachment_ids)


def type_at_once(person: Person, *lines: str) -> None:
    """Type as fast as a program does: each line with enter."""
    for line in lines:
        for key in line:
            person.app.post_message(events.Key("space" if key == " " else key, key))
        person.app.post_message(events.Key("enter", "\r"))


@pytest.mark.parametrize("refused", [False, True])
async def test_lines_typed_while_a_question_is_being_sent_keep_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        gate = Gate(person, monkeypatch)
        type_at_once(person, "one", "two", "three", "four")
        await person.hears("Your last question is still being sent")
        await person.until(lambda: person.draft == "two\nthree\nfour", "the rest in its order")
        if refused:
            gate.refusal = StorageUnavailable("The disk is full.")
        gate.open.set()
        if refused:
            await person.until(lambda: person.draft == "one\ntwo\nthree\nfour", "all in their order")
            assert not store.provider.calls
        else:
            await person.until(lambda: store.provider.calls, "the first one asked")
            assert [prompt.messages[-1].parts for prompt in store.provider.prompts] == [("one",)]
            assert person.draft == "two\nthree\nfour"


async def test_what_is_typed_on_during_an_answer_stands_on_lines_of_its_own(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.ask("First")
        type_at_once(person, "second question", "third")
        await person.until(lambda: person.draft == "second question\nthird", "both lines")
        await person.press(*"more")
        assert person.draft == "second question\nthird\nmore"


async def test_picture_attached_while_a_question_is_being_sent_goes_with_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("A plant."), saying("A roof.")))
    async with store.program() as person:
        chat = person.chat
        await chat.draft.attach(picture(tmp_path))
        gate = Gate(person, monkeypatch)
        await person.send("What is it?")
        await chat.draft.attach(picture(tmp_path, "roof.png"))
        gate.open.set()
        await person.answered()
        await person.until(lambda: [chip.file_name for chip in chat.composer.chips] == ["roof.png"], "its chip")
        await person.send("And this?")
        await person.until(lambda: len(store.provider.prompts) == 2, "the second one asked")
        await person.answered()
        assert [len(prompt.messages[-1].parts) for prompt in store.provider.prompts] == [2, 2]
        assert not chat.composer.chips


@pytest.mark.parametrize("error", [ServerUnreachable("Look at your network."), RuntimeError("no idea")])
async def test_chip_whose_client_fails_says_so_and_checks_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:

        async def away() -> None:
            raise error

        monkeypatch.setattr(person.chat.draft, "_client", away)
        try:
            await person.chat.draft.attach(picture(tmp_path))
        except RuntimeError:
            assert error.args == ("no idea",)
        (chip,) = person.chat.composer.chips
        assert not chip.checking
        assert chip.refused
        monkeypatch.undo()
        await person.press("backspace")
        await person.until(lambda: not person.chat.composer.chips, "the chip gone")


async def test_answer_deleted_elsewhere_while_the_line_was_away_ends_nothing(tmp_path: Path) -> None:
    place = Team(Store(tmp_path, ScriptedProvider()))
    async with place.program() as person, place.store.client() as other:
        await person.ask("Question")
        place.store.provider.feed(*text("Half"))
        await person.sees("Half")
        person.chat.composer.draft = "half a thought"
        person.chat.workers.cancel_group(person.chat, "changes")
        await place.client.line.put("offline")
        await person.sees(OFFLINE)
        await other.conversations.delete(person.chat.talk.conversation_id or "")
        await place.client.line.put("connected")
        await person.until(lambda: person.chat.talk.conversation is None, "an empty place")
        place.store.provider.feed(*text(" and whole."), END)
        await person.pilot.pause(0.1)
        assert person.chat.talk.progress is None
        assert person.draft == "half a thought"
        assert person.app.bug is None


async def test_watching_that_fails_leaves_the_composer_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes."), saying("Yes.")))
    async with store.program() as person:

        async def bad(_client: object, _message_id: str) -> None:
            raise InvalidInput("It makes no sense.", title="The server's answer was not understood")

        with monkeypatch.context() as broken:
            broken.setattr(person.chat.talk, "_finished", bad)
            await person.send("Question")
            await person.hears("The server's answer was not understood")
        assert person.chat.talk.progress is None
        await person.send("Another")
        await person.until(lambda: len(store.provider.prompts) == 2, "asked")


@pytest.mark.parametrize("stored", [b"not a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b""])
async def test_picture_that_cannot_be_drawn_says_so_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: bytes
) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("A plant.")))
    async with store.program() as person:
        client = await person.chat.client()

        async def read(_role: object, _attachment: Attachment) -> bytes:
            return stored

        monkeypatch.setattr(type(client.attachments), "read", read)
        await person.chat.draft.attach(picture(tmp_path))
        await person.send("What is it?")
        await person.answered()
        await person.sees("plant.png  not shown: ")
        assert not person.said()
        assert person.app.bug is None


async def test_picture_that_did_not_come_is_asked_for_again_when_the_line_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("A plant.")))
    async with store.program() as person:
        client = await person.chat.client()

        async def away(_role: object, _attachment: Attachment) -> bytes:
            raise ServerUnreachable("Look at your network.")

        with monkeypatch.context() as broken:
            broken.setattr(type(client.attachments), "read", away)
            await person.chat.draft.attach(picture(tmp_path))
            await person.send("What is it?")
            await person.sees("plant.png  not shown: the server cannot be reached")
        person.chat._line_is_back()
        await person.sees("40 × 30")


async def test_answers_go_on_while_the_draft_is_in_the_editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text(f'#!/bin/sh\nwhile [ ! -e {tmp_path}/done ]; do sleep 0.02; done\nprintf new > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:

        @contextmanager
        def suspend() -> Iterator[None]:
            yield

        monkeypatch.setattr(person.app, "suspend", suspend)
        await person.ask("Question")
        person.chat.composer.draft = "half a thought"
        await person.press("alt+e")
        store.provider.feed(*text("Written meanwhile."), END)
        await person.answered()
        await person.sees("Written meanwhile.")
        assert person.draft == "half a thought"
        (tmp_path / "done").touch()
        await person.until(lambda: person.draft == "new", "what the editor left")
        await person.press("ctrl+z")
        assert person.draft == "half a thought"


async def test_where_there_is_no_terminal_to_lend_the_draft_stays(tmp_path: Path) -> None:
    async with Store(tmp_path, ScriptedProvider()).program() as person:
        person.chat.composer.draft = "half a thought"
        await person.press("alt+e")
        await person.hears("cannot be lent to an editor")
        assert person.draft == "half a thought"


async def test_ctrl_z_suspends_only_where_nothing_was_written_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suspended: list[int] = []
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        monkeypatch.setattr(person.app, "action_suspend_process", lambda: suspended.append(signal.SIGTSTP))
        await person.press("a", "ctrl+z", "ctrl+z", "ctrl+y")
        assert (person.draft, suspended) == ("a", [])
        await person.press("backspace", "ctrl+z")
        assert (person.draft, suspended) == ("a", [])
        await person.send("/suspend")
        await person.until(lambda: len(suspended) == 1, "suspended by its command")
        await person.press("ctrl+z")
        await person.until(lambda: len(suspended) == 2, "suspended by its key")
        await person.ask("Question")
        await person.press("ctrl+z")
        await person.hears("Argus can be suspended when it is done")
        assert len(suspended) == 2
        person.chat.options = replace(person.chat.options, answers_run_here=False)
        await person.press("ctrl+z")
        await person.until(lambda: len(suspended) == 3, "suspended: the server goes on")
        store.provider.feed(END)
        await person.answered()


async def test_missed_and_refused_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 99)
    async with Store(tmp_path, ScriptedProvider()).program() as person:
        person.app.post_message(events.Paste("/Users/me/My roof.jpg"))
        await person.hears("My roof.jpg is not attached")
        assert person.draft == "/Users/me/My roof.jpg"
        person.app.post_message(events.Paste(f"{tmp_path}/pictures/IMG_1.HEIC"))
        await person.until(lambda: [chip.refused for chip in person.chat.composer.chips if chip.refused], "refused")
        await person.sees("IMG_1.HEIC")
        await person.send("What is it?")
        await person.hears("IMG_1.HEIC cannot be attached")
        await person.send("/attach ~nobody-at-all/x.png")
        await person.sees("x.png", "It cannot be read")
