"""Switching between conversations: what goes on meanwhile, and what is there when one comes back."""

from __future__ import annotations

from pathlib import Path

from argus_core.errors import RateLimited
from argus_core.providers.base import EndChunk, TextChunk
from argus_core.providers.scripted import ScriptedProvider, saying
from tests.tui.chat_support import END, Person, Store, talk_of, text


async def _waits(person: Person) -> None:
    await person.until(lambda: person.is_waiting, "a question waiting to be sent again")
    await person.sees("sent again by itself in", "esc do not send")


async def test_answer_goes_on_in_another_conversation_and_is_whole_on_return(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.ask("First question")
        store.provider.feed(*text("one "))
        await person.sees("one")
        first = person.chat.talk.conversation_id
        assert first is not None
        await person.starts_new()
        await person.sees("Try one")
        await person.until(lambda: any(row.running for row in person.chat.sidebar.rows), "the running mark")
        store.provider.feed(*text("two "))

        await person.opens(first)
        await person.sees("First question", "one two")
        store.provider.feed(*text("three "))
        await person.sees("one two three")
        await person.starts_new()
        store.provider.feed(*text("four"), END)
        await person.until(lambda: any(row.unread for row in person.chat.sidebar.rows), "the unread mark")
        assert not any(row.running for row in person.chat.sidebar.rows)

        await person.opens(first)
        await person.sees("one two three four")
        await person.until(lambda: not any(row.unread for row in person.chat.sidebar.rows), "the mark gone")


async def test_every_way_to_another_conversation(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        newest, middle, oldest = [
            await talk_of(services, title, [(f"Ask {title}", f"Say {title}")])
            for title in ("Newest", "Middle", "Oldest")
        ]
    ids = {"Newest": newest.id, "Middle": middle.id, "Oldest": oldest.id}
    async with store.program() as person:
        order = [row.id for row in person.chat.sidebar.rows]
        assert sorted(order) == sorted(ids.values())

        async def at(place: int) -> None:
            await person.until(lambda: person.chat.talk.conversation_id == order[place], f"number {place + 1} open")

        await person.press("ctrl+pagedown")
        await at(0)
        await person.press("alt+down")
        await at(1)
        await person.press("ctrl+pageup")
        await at(0)
        await person.press("alt+up")
        await person.press("alt+3")
        await at(2)
        await person.send("/select 2")
        await at(1)
        await person.send("/select 9")
        await person.hears("There is no conversation number 9: the list has 3.")
        await person.press("ctrl+k")
        await person.until(lambda: person.app.screen is not person.chat, "the switcher")
        await person.press(*"oldest")
        await person.press("enter")
        await person.until(lambda: person.chat.talk.conversation_id == ids["Oldest"], "jumped")
        await person.sees("Ask Oldest", "Say Oldest")


async def test_wishes_in_quick_succession_end_at_the_last(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        one = await talk_of(services, "One", [("Ask one", "Say one")])
        two = await talk_of(services, "Two", [("Ask two", "Say two")])
    async with store.program() as person:
        for wanted in (one, two, one, two, two, two):
            person.chat.open_soon(wanted.id)
        await person.sees("Ask two", "Say two")
        for wanted in (one, one, two):
            person.chat.open_soon(wanted.id)
        await person.sees("Say two")
        assert person.chat.talk.conversation_id == two.id
        await person.sees_no("Say one")


async def test_wish_that_fails_leaves_the_open_answer_watched(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.ask("Question")
        person.chat.open_soon("f" * 32)
        await person.until(lambda: person.said(), "the refusal told")
        store.provider.feed(*text("All of it"), END)
        assert (await person.answered()).text == "All of it"


async def test_question_asked_while_switching_away_stays_where_it_was_asked(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes.")))
    async with store.services() as services:
        other = await talk_of(services, "Other", [("Ask other", "Say other")])
    async with store.program() as person:
        person.chat.do(lambda: person.chat._ask("Question"), "ask")
        person.chat.open_soon(other.id)
        await person.until(lambda: len(person.chat.sidebar.rows) == 2, "both listed")
        await person.until(lambda: person.chat.talk.conversation_id == other.id, "the other one open")
        await person.until(lambda: not any(row.running for row in person.chat.sidebar.rows), "the answer's end")
        await person.sees("Say other")
        assert len(person.chat.transcript.message_ids) == 2


async def test_rate_limit_counts_down_and_sends_again_by_itself(tmp_path: Path) -> None:
    refused = [RateLimited("Wait a little.", retry_after_s=1.0)]
    store = Store(tmp_path, ScriptedProvider(refused, saying("There you are.")))
    async with store.program() as person:
        await person.send("Please")
        await _waits(person)
        await person.sees("There you are.")
        assert (await person.answered()).text == "There you are."
        assert len(store.provider.calls) == 2


async def test_refused_question_is_sent_again_while_another_conversation_is_open(tmp_path: Path) -> None:
    refused = [RateLimited("Wait a little.", retry_after_s=60.0)]
    store = Store(tmp_path, ScriptedProvider(refused, saying("There you are.")))
    async with store.services() as services:
        other = await talk_of(services, "Other", [("Ask other", "Say other")])
    async with store.program() as person:
        await person.send("Please")
        await _waits(person)
        asked_in = person.chat.talk.conversation_id
        assert asked_in is not None
        await person.opens(other.id)
        await person.sees("Say other")
        await person.sees_no("sent again by itself")
        await person.opens(asked_in)
        await _waits(person)
        await person.opens(other.id)

        person.chat.later.send_now(asked_in)

        await person.until(lambda: len(store.provider.calls) == 2, "the question sent again")
        await person.until(lambda: any(row.unread for row in person.chat.sidebar.rows), "the unread mark")
        await person.opens(asked_in)
        await person.sees("There you are.")


async def test_answer_refused_while_nobody_watches_is_asked_for_again(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.program() as person:
        await person.ask("Please")
        asked_in = person.chat.talk.conversation_id
        await person.starts_new()
        store.provider.feed(RateLimited("Wait a little.", retry_after_s=0.1))
        await store.provider.wait_for_call(1)
        store.provider.feed(*text("There you are."), END, call=1)
        await person.until(lambda: any(row.unread for row in person.chat.sidebar.rows), "the unread mark")
        assert asked_in is not None
        await person.opens(asked_in)
        await person.sees("There you are.")


async def test_f5_sends_a_refused_question_again_now(tmp_path: Path) -> None:
    refused = [RateLimited("Wait a little.", retry_after_s=60.0)]
    store = Store(tmp_path, ScriptedProvider(refused, saying("There you are.")))
    async with store.program() as person:
        await person.send("Please")
        await _waits(person)
        await person.press("f5")
        await person.sees("There you are.")
        assert len(store.provider.calls) == 2


async def test_answer_without_a_word_says_so_and_names_retry(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider([END], saying("There you are.")))
    async with store.program() as person:
        await person.send("Please")
        await person.sees("The model answered without a word.", "Ask again, or choose another model.", "/retry")
        await person.send("/retry")
        assert (await person.answered()).text == "There you are."


async def test_escape_asking_and_undoing_prevent_the_sending_again(tmp_path: Path) -> None:
    refused = [RateLimited("Wait a little.", retry_after_s=60.0)]
    store = Store(tmp_path, ScriptedProvider(refused))
    async with store.program() as person:
        await person.send("Please")
        await _waits(person)
        await person.press("escape")
        await person.until(lambda: not person.is_waiting, "nothing waiting")
        await person.sees("/retry")
        await person.sees_no("sent again by itself")

        await person.press("f5")
        await _waits(person)
        await person.send("Not that")
        await person.until(lambda: len(store.provider.calls) == 3, "the next question asked")
        await _waits(person)
        await person.send("/undo")
        await person.until(lambda: person.draft == "Not that", "the question taken back")
        assert not person.is_waiting
        await person.until(lambda: not person.chat._spinner._active.is_set(), "nothing ticking")


async def test_drafts_stay_with_their_conversations_across_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes.")))
    async with store.services() as services:
        one = await talk_of(services, "One", [("Ask one", "Say one")])
        two = await talk_of(services, "Two", [("Ask two", "Say two")])
    async with store.program() as person:
        person.chat.composer.draft = "for a new one"
        await person.opens(one.id)
        assert person.draft == ""
        person.chat.composer.draft = "for one"
        await person.opens(two.id)
        assert person.draft == ""
        await person.opens(one.id)
        assert person.draft == "for one"
        person.chat.composer.draft = "for one, longer"
        await person.press("ctrl+q")
        await person.until(lambda: not person.app.is_running, "the end")
    async with store.program() as person:
        assert person.draft == "for a new one"
        await person.opens(one.id)
        assert person.draft == "for one, longer"


async def test_draft_that_was_sent_does_not_come_back(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Yes.")))
    async with store.program() as person:
        person.chat.composer.draft = "Question"
        await person.chat.draft.save(None)
        await person.send("Question")
        await person.answered()
        await person.starts_new()
        await person.pilot.pause()
        assert person.draft == ""


async def test_older_messages_come_when_one_scrolls_up(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        long = await talk_of(services, "Long", [(f"Question {n}", f"Answer {n}") for n in range(60)])
    async with store.program() as person:
        await person.opens(long.id)
        await person.sees("Answer 59")
        assert len(person.chat.transcript.message_ids) == 40
        transcript = person.chat.transcript
        while len(transcript.message_ids) < 120:
            have = len(transcript.message_ids)
            transcript.scroll_to(y=0, animate=False)
            await person.until(lambda have=have: len(transcript.message_ids) > have, "an older page")  # type: ignore[misc]
        transcript.scroll_to(y=0, animate=False)
        await person.sees("Question 0")
        assert len(set(transcript.message_ids)) == 120
        await person.pilot.pause()
        assert len(transcript.message_ids) == 120


async def test_keys_for_reading_work_from_the_composer(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        long = await talk_of(services, "Long", [(f"Question {n}", f"Answer {n}") for n in range(60)])
    async with store.program() as person:
        await person.opens(long.id)
        await person.sees("Answer 59")
        person.chat.composer.draft = "Half a question"
        await person.press("pageup")
        await person.sees_no("Answer 59")
        await person.press("pagedown")
        await person.sees("Answer 59")
        await person.press("ctrl+home")
        await person.sees("Question 0", "Answer 0")
        assert len(person.chat.transcript.message_ids) == 120
        await person.press("ctrl+end")
        await person.sees("Answer 59")
        assert person.chat.transcript.is_following
        assert person.draft == "Half a question"
        await person.press("!")
        assert person.draft == "Half a question!"


async def test_message_of_another_program_appears_and_is_read_along(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    elsewhere = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        one = await talk_of(services, "One", [("Ask one", "Say one")])
    async with store.program() as person, elsewhere.client() as other:
        await person.opens(one.id)
        await other.generations.ask(one.id, "From elsewhere")
        elsewhere.provider.feed(TextChunk("It comes"))
        await person.sees("From elsewhere", "It comes")
        elsewhere.provider.feed(TextChunk(" to its end."), EndChunk())
        await person.sees("It comes to its end.")
        assert (await person.answered()).status == "completed"

        await other.conversations.undo(one.id)
        await person.sees_no("From elsewhere")
        await person.sees("Say one")
        await other.conversations.rename(one.id, "Renamed elsewhere")
        await person.sees("Renamed elsewhere")


async def test_conversation_deleted_elsewhere_leaves_and_what_was_typed_stays(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        one = await talk_of(services, "One", [("Ask one", "Say one")])
    async with store.program() as person, store.client() as other:
        await person.opens(one.id)
        person.chat.composer.draft = "half a thought"
        await other.conversations.delete(one.id)
        await person.until(lambda: person.chat.talk.conversation is None, "an empty place")
        await person.sees_no("Say one")
        await person.until(lambda: not person.chat.sidebar.rows, "an empty list")
        assert person.chat.composer.draft == "half a thought"
        assert person.app.bug is None
