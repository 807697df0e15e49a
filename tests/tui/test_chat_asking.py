"""Asking, reading along, stopping, and what is shown when an answer fails."""

from __future__ import annotations

from pathlib import Path

from argus_core import errors
from argus_core.providers.base import TextChunk, ThoughtChunk
from argus_core.providers.scripted import ScriptedProvider, Step, saying
from argus_tui.commands import BY_SLASH
from tests.tui.chat_support import END, Store, text

BUSY = "An answer is being written here"
FAILURES = [
    errors.KeyRejected("Set another key."),
    errors.PlaceNotSupported("Set HTTPS_PROXY."),
    errors.RequestRejected("Ask in another way."),
    errors.ModelNotFound("Choose another with /model."),
    errors.RateLimited("Wait a while."),
    errors.ProviderUnavailable("Try again."),
    errors.ContentBlocked("Ask in another way."),
    errors.ContextTooLong("Start a new conversation."),
]


async def test_answer_is_seen_while_it_is_written_and_kept_when_it_ends(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.send("Why is the sky blue?")
        store.provider.feed(*text("Because light "))
        await person.sees("Why is the sky blue?", "Because light", "esc stop")
        assert person.chat.talk.progress is not None
        store.provider.feed(TextChunk("scatters.", output_tokens=9), END)
        answer = await person.answered()
        await person.sees("Because light scatters.")
        await person.sees_no("esc stop")
        assert (answer.text, answer.status) == ("Because light scatters.", "completed")
        assert person.chat.composer.history[0] == "Why is the sky blue?"
        assert person.draft == ""


async def test_stopped_answer_is_kept_continued_and_answered_again(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.send("Count")
        store.provider.feed(*text("one two "))
        await person.sees("one two")
        await person.press("escape")
        stopped = await person.answered()
        assert (stopped.status, stopped.text) == ("cancelled", "one two ")
        assert store.provider.calls[0].closed
        await person.sees("one two", "/continue")

        await person.send("/continue")
        store.provider.feed(*text("three"), END, call=1)
        await person.until(lambda: person.chat.talk.last is not stopped, "the other version")
        continued = await person.answered()
        assert (continued.text, continued.parent_id) == ("one two three", stopped.parent_id)

        await person.press("f5")
        store.provider.feed(*text("uno dos"), END, call=2)
        await person.sees("uno dos")
        again = await person.answered()
        assert (again.text, again.parent_id) == ("uno dos", stopped.parent_id)
        await person.sees_no("one two three")


async def test_failed_answers_say_why_in_a_card_and_keep_what_came(tmp_path: Path) -> None:
    scripts: list[list[Step]] = [[TextChunk(f"Half {number}"), error] for number, error in enumerate(FAILURES)]
    store = Store(tmp_path, ScriptedProvider(*scripts))
    async with store.program() as person:
        for number, error in enumerate(FAILURES):
            await person.ask(f"Question {number}")
            failed = await person.answered()
            assert (failed.status, failed.text) == ("failed", f"Half {number}")
            await person.sees(f"Question {number}", f"Half {number}", error.title, error.hint, "continue")


async def test_refused_question_goes_back_into_the_composer(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(), key=None)
    async with store.program() as person:
        await person.send("Nobody hears this")
        await person.until(lambda: person.draft == "Nobody hears this", "the question back in the composer")
        assert store.provider.calls == []


async def test_what_was_written_since_stays_below_a_refused_question(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(), key=None)
    async with store.program() as person:
        person.chat.composer.draft = "First"
        await person.pilot.pause()
        person.chat.composer._prompt._send()
        assert not person.draft
        person.chat.composer.draft = "Second"
        await person.until(lambda: person.draft == "First\nSecond", "both in the composer")


async def test_question_during_an_answer_goes_back_into_the_composer(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.ask("First")
        await person.send("Second")
        await person.hears(BUSY)
        assert person.draft == "Second"
        store.provider.feed(*text("Answer"), END)
        await person.answered()
        await person.press("enter")
        await person.until(lambda: len(store.provider.calls) == 2, "the second question asked")
        store.provider.feed(END, call=1)
        await person.answered()


async def test_thoughts_fold_and_unfold(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider([ThoughtChunk("Let me ponder."), TextChunk("Done."), END]))
    async with store.program() as person:
        await person.send("Think")
        await person.answered()
        await person.sees("Done.", "thought")
        await person.sees_no("Let me ponder.")
        await person.press("ctrl+t")
        await person.sees("Let me ponder.")
        await person.press("ctrl+t")
        await person.sees_no("Let me ponder.")


async def test_copy_takes_the_last_code_block_else_the_last_answer(tmp_path: Path) -> None:
    code = "Look:\n\n```python\nprint(1)\n```\n"
    store = Store(tmp_path, ScriptedProvider(saying("Only words."), saying(code)))
    async with store.program() as person:
        await person.press("ctrl+y")
        await person.hears("nothing to copy")
        await person.send("Say")
        await person.answered()
        await person.send("/copy")
        await person.until(lambda: person.app.clipboard == "Only words.", "the answer copied")
        await person.send("Show code")
        await person.until(lambda: len(store.provider.calls) == 2, "the second question asked")
        await person.answered()
        await person.press("ctrl+y")
        await person.until(lambda: person.app.clipboard.strip() == "print(1)", "the code copied")


async def test_up_and_down_go_through_what_was_asked(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes.")))
    async with store.client() as client:
        conversation = await client.conversations.create()
        for question in ("Older", "Newer"):
            await client.generations.ask(conversation.id, question)
            await client.drain(10)
    async with store.program() as person:
        await person.press("up")
        assert person.draft == "Newer"
        await person.press("up")
        assert person.draft == "Older"
        await person.press("down", "down")
        assert person.draft == ""


async def test_text_that_begins_like_a_command_is_not_lost(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes.")))
    async with store.program() as person:
        await person.send("/renme My trip")
        await person.hears("Did you mean /rename?")
        assert person.draft == "/renme My trip"
        await person.send("/qqqqqq")
        await person.hears("/help lists them")
        assert store.provider.calls == []
        await person.send("/home/me/a.png is what?")
        await person.answered()
        assert store.provider.prompts[0].messages[-1].parts == ("/home/me/a.png is what?",)


async def test_every_slash_command_is_offered(tmp_path: Path) -> None:
    async with Store(tmp_path, ScriptedProvider()).program() as person:
        offered = [usage for usage, _ in person.chat.composer.completions]
        assert offered == [command.usage for command in BY_SLASH.values() if not command.for_admins]
        await person.press("slash", "s", "y")
        await person.sees("/system TEXT")
