"""What the slash commands do, in the running program."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from PIL import Image
from textual.widgets import Input

from argus_core.providers.scripted import SCRIPTED_MODEL, ScriptedProvider, saying
from argus_tui.screens.help import Help
from argus_tui.widgets.key_card import KeyCard
from tests.tui.chat_support import GOOD_KEY, OTHER_MODEL, Person, Store, talk_of


def _picture(folder: Path, name: str = "plant.png") -> Path:
    path = folder / "pictures" / name
    path.parent.mkdir(exist_ok=True)
    data = BytesIO()
    Image.new("RGB", (40, 30), (20, 120, 40)).save(data, "PNG")
    path.write_bytes(data.getvalue())
    return path


def _bytes_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def _enter(person: Person, text: str) -> None:
    """Write into the field of an overlay and press enter."""
    await person.until(lambda: person.app.screen is not person.chat, "an overlay")
    await person.until(lambda: person.app.screen.query(Input), "its field")
    person.app.screen.query_one(Input).value = text
    await person.press("enter")
    await person.until(lambda: person.app.screen is person.chat, "the overlay gone")


async def test_rename_pin_delete_and_undo(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        one = await talk_of(services, "One", [("Ask one", "Say one"), ("Ask more", "Say more")])
        two = await talk_of(services, "Two", [("Ask two", "Say two")])
    async with store.program() as person:
        await person.send("/rename")
        await person.hears("gets its name with the first question")
        await person.send("/delete")
        await person.hears("nothing to delete here")
        await person.send("/undo")
        await person.hears("nothing to undo here")

        await person.opens(one.id)
        await person.send("/rename A better name")
        await person.sees("A better name")
        await person.send("/rename")
        await _enter(person, "The best name")
        await person.sees("The best name")
        await person.send("/pin")
        await person.until(lambda: person.chat.sidebar.rows[0].pinned, "pinned")
        await person.send("/pin")
        await person.until(lambda: not any(row.pinned for row in person.chat.sidebar.rows), "unpinned")

        await person.send("/undo")
        await person.sees_no("Say more")
        await person.until(lambda: person.draft == "Ask more", "the question in the composer")
        person.chat.composer.draft = ""

        await person.send("/delete")
        await person.hears("Deleted. /undo brings it back")
        await person.until(lambda: person.chat.talk.conversation_id == two.id, "the neighbour open")
        await person.until(lambda: len(person.chat.sidebar.rows) == 1, "one row")
        await person.send("/undo")
        await person.until(lambda: person.chat.talk.conversation_id == one.id, "it is back")
        await person.sees("Ask one")
        await person.sees_no("Ask more")


async def test_what_was_written_comes_back_with_a_deleted_conversation(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        one = await talk_of(services, "One", [("Ask one", "Say one")])
    async with store.program() as person:
        await person.opens(one.id)
        person.chat.composer.draft = "Half a question"
        person.chat.action_delete()
        await person.until(lambda: person.chat.talk.conversation_id is None, "a new conversation")
        await person.send("/undo")
        await person.until(lambda: person.chat.talk.conversation_id == one.id, "it is back")
        await person.until(lambda: person.draft == "Half a question", "what was written")


async def test_a_key_sent_as_a_question_opens_the_key_card_and_is_stored_nowhere(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    key = "AIza" + "0123456789_-" * 2 + "abcdefghijk"
    async with store.program() as person:
        await person.send(key)
        await person.hears("That is a Gemini key")
        await person.sees("AIza•••")
        assert person.chat.query_one(KeyCard).display
        assert person.chat.query_one(KeyCard).query_one(Input).value == key
        assert person.draft == ""
        await person.press("escape")
        person.chat.composer.draft = key
        await person.chat.draft.save(None)
    assert key[:20].encode() not in _bytes_in(tmp_path)


async def test_model_of_a_conversation_and_of_new_ones(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes."), models=(SCRIPTED_MODEL, OTHER_MODEL)))
    async with store.program() as person:
        await person.send("Question")
        await person.answered()
        await person.send("/model scripted-2")
        await person.until(lambda: person.chat.model() == "scripted-2", "the conversation's model")
        await person.send("Again")
        await person.until(lambda: len(store.provider.calls) == 2, "the second question asked")
        await person.answered()
        await person.starts_new()
        assert person.chat.model() == "scripted-1"
        await person.press("f4")
        await person.until(lambda: person.app.screen is not person.chat, "the picker")
        await person.sees("scripted-2")
        await person.press("down", "enter")
        await person.until(lambda: person.chat.model() == "scripted-2", "the default")
        await person.send("With the default")
        await person.until(lambda: len(store.provider.calls) == 3, "the third question asked")
        await person.answered()
    assert [prompt.model for prompt in store.provider.prompts] == ["scripted-1", "scripted-2", "scripted-2"]


async def test_system_instruction_goes_with_the_next_question(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes.")))
    async with store.program() as person:
        await person.send("/system Answer in rhyme")
        await person.hears("It behaves so from the next answer on.")
        await person.send("Question")
        await person.answered()
        assert store.provider.prompts[0].system == "Answer in rhyme"


async def test_picture_is_attached_sent_refused_and_dropped(tmp_path: Path) -> None:
    _picture(tmp_path)
    (tmp_path / "pictures" / "fake.png").write_text("not a picture")
    store = Store(tmp_path, ScriptedProvider(saying("A plant.")))
    async with store.program() as person:
        composer = person.chat.composer
        await person.send(f"/attach {tmp_path / 'pictures' / 'fake.png'}")
        await person.until(lambda: composer.chips and composer.chips[0].refused, "the refusal on its chip")
        await person.send("What is it?")
        await person.hears("fake.png cannot be attached")
        assert person.draft == "What is it?", "it does not go without what it is about"
        await person.press("home", "backspace")
        await person.until(lambda: not composer.chips, "no chip")

        await person.send(f"/attach {tmp_path / 'pictures' / 'plant.png'}")
        await person.until(lambda: composer.chips and composer.chips[0].size_bytes, "the picture taken")
        await person.sees("plant.png")
        composer.chips[0].checking = True
        await person.send("What is it?")
        await person.hears("plant.png is still being read")
        assert person.draft == "What is it?"
        composer.chips[0].checking = False
        await person.press("enter")
        await person.answered()
        assert not composer.chips
        assert len(store.provider.prompts[0].messages[-1].parts) == 2


async def test_help_and_palette_open_and_close(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.send("/help")
        await person.until(lambda: isinstance(person.app.screen, Help), "the help")
        await person.press("escape")
        await person.until(lambda: person.app.screen is person.chat, "the help gone")
        await person.press("ctrl+p")
        await _enter(person, "list of conversations")
        await person.until(lambda: person.chat.has_class("-no-sidebar"), "the sidebar hidden")
        await person.press("f2")
        await person.sees("filter")


async def test_key_is_tried_refused_in_place_accepted_and_kept(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    store = Store(tmp_path, ScriptedProvider(), key=None)
    async with store.program() as person:
        await person.sees("No Gemini key is set.")
        for key, words in (("AIzaWrongKeyOfATest", "Gemini did not accept the key"), (GOOD_KEY, "scripted-1 answers")):
            person.chat.query_one(KeyCard)._field.value = key
            await person.press("enter")
            await person.sees(words)
            assert key not in person.screen()
        await person.hears("The key works; it is kept in")
        assert not person.chat.query_one(KeyCard).display
        assert GOOD_KEY not in person.said()
    kept = tmp_path / "config" / "gemini_api_key"
    assert kept.read_text() == GOOD_KEY
    assert kept.stat().st_mode & 0o077 == 0


async def test_offline_model_answers_when_there_is_no_key(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(), key=None, local=ScriptedProvider(saying("From here.")))
    async with store.program() as person:
        await person.sees("offline-1 answers")
        await person.send("/key")
        await person.sees("f3 use the offline model")
        await person.press("f3")
        await person.sees_no("f3 use the offline model")
        await person.send("Question")
        await person.sees("From here.")


async def test_key_card_can_be_left(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.send("/key")
        await person.sees("Try the key")
        await person.press("escape")
        await person.sees_no("Try the key")
