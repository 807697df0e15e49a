"""Every storage: finding messages by their words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argus_core.domain import SearchHit
from argus_core.storage.base import Storage
from argus_core.storage.indexing import INDEXED_CHARS, INDEXED_WORDS
from argus_core.text.fold import words
from tests.support.builders import ALICE, a_conversation, a_turn, an_ending, row_of


async def _say(storage: Storage, *texts: str) -> None:
    for text in texts:
        conversation = await storage.create_conversation(a_conversation())
        await storage.start_turn(a_turn(conversation, text))


def _marked(hit: SearchHit) -> list[str]:
    return [hit.snippet[start:end] for start, end in hit.spans]


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("hello", "Hello, world", ["Hello"]),
        ("wor", "Hello, world", ["world"]),
        ("WORLD hello", "Hello, world", ["Hello", "world"]),
        ("cafe", "Un café noir", ["café"]),
        ("كتابي", "کتابی خواندم", ["کتابی"]),
        ("۱۲۳", "room 123", ["123"]),
        ("123", "اتاق ۱۲۳", ["۱۲۳"]),
        ("میخواهم", "من می‌خواهم بروم", ["می‌خواهم"]),
        ("می‌خواهم", "من میخواهم بروم", ["میخواهم"]),
        ("می خواهم", "من می‌خواهم بروم", ["می", "خواهم"]),
        ("می‌خواهم", "من می خواهم بروم", ["می", "خواهم"]),
        ("محمد", "مُحَمَّد آمد", ["مُحَمَّد"]),
        ("append_events", "call append_events() now", ["append", "events"]),
        ("東京", "私は東京に住む", ["東", "京"]),
        ("ﬁle", "a file", ["file"]),
    ],
)
async def test_spelling_variants_are_found_and_marked(
    storage: Storage, query: str, text: str, marked: list[str]
) -> None:
    await _say(storage, text, "something else entirely")
    (hit,) = await storage.search_messages(ALICE, query)
    assert hit.message.text == text
    assert _marked(hit) == marked


@pytest.mark.parametrize(
    "query", ["", "  ", '"', "*", "foo AND", "a:b", "(x", "NEAR(a b)", "^a", "- +", "' OR 1=1 --", "\0", "\ud83d", "🙂"]
)
async def test_no_query_is_a_syntax_error(storage: Storage, query: str) -> None:
    await _say(storage, "plain text")
    assert await storage.search_messages(ALICE, query) == []


async def test_every_word_must_be_there(storage: Storage) -> None:
    await _say(storage, "red apple", "green apple", "red car")
    assert [hit.message.text for hit in await storage.search_messages(ALICE, "red apple")] == ["red apple"]
    assert await storage.search_messages(ALICE, "re apple") == []
    assert len(await storage.search_messages(ALICE, "apple", limit=1)) == 1


async def test_a_long_query_is_a_query(storage: Storage) -> None:
    text = " ".join(f"word{number}" for number in range(400))
    await _say(storage, text)
    assert len(await storage.search_messages(ALICE, text)) == 1
    assert await storage.search_messages(ALICE, text + " missing") == []


async def test_an_answer_is_found_once_it_has_ended(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    turn = await storage.start_turn(a_turn(conversation))
    await storage.finish_generation(turn.generation.id, an_ending("The walnut tree."))
    (hit,) = await storage.search_messages(ALICE, "walnut")
    assert hit.message == await storage.get_message(ALICE, turn.reply.id)
    assert hit.conversation == row_of(await storage.get_conversation(ALICE, conversation.id))


async def test_a_snippet_is_one_line_around_the_first_match(storage: Storage) -> None:
    await _say(storage, "lead in\n" * 100 + "the needle\n\tlies here. " + "and more " * 100)
    (hit,) = await storage.search_messages(ALICE, "needle")
    assert len(hit.snippet) <= 170
    assert "\n" not in hit.snippet
    assert "the needle lies here." in hit.snippet
    assert (hit.snippet[0], hit.snippet[-1]) == ("…", "…")
    assert _marked(hit) == ["needle"]


async def test_of_a_very_long_message_the_beginning_is_found(storage: Storage) -> None:
    text = "東" * (INDEXED_CHARS - 10) + " near\u200cby far"
    await _say(storage, text)
    for word in ("東", "near", "nearby"):
        (hit,) = await storage.search_messages(ALICE, word)
        assert any(marked.startswith(word[:4]) for marked in _marked(hit))
        assert (hit.message.text, len(hit.snippet) < 200) == (text[:2000], True)
    assert await storage.search_messages(ALICE, "far") == []


async def test_of_very_many_words_the_first_are_found(storage: Storage) -> None:
    await _say(storage, " ".join(f"{number:x}" for number in range(INDEXED_WORDS + 1)))
    assert len(await storage.search_messages(ALICE, f"{INDEXED_WORDS - 1:x}")) == 1
    assert await storage.search_messages(ALICE, f"{INDEXED_WORDS:x}") == []


async def test_hits_behind_very_long_ones_come_without_their_text(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for driver in ("sqlite", "mongo"):
        monkeypatch.setattr(f"argus_core.storage.{driver}.search.READ_BYTES", 500)
    await _say(storage, *(f"roof {'rain ' * length}" for length in (1, 10, 100, 1000)))
    hits = await storage.search_messages(ALICE, "roof")
    assert [len(hit.message.text.split()) for hit in hits] == [2, 11, 101, 0]
    assert [bool(hit.snippet) for hit in hits] == [True, True, True, False]
    last = await storage.get_message(ALICE, hits[-1].message.id)
    assert hits[-1].message == replace(last, parts=())


@given(text=st.text(max_size=30) | st.text(st.characters(categories=("L", "M", "N", "Zs", "Cf")), max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_can_be_stored_and_asked_for(storage: Storage, text: str) -> None:
    await _say(storage, text)
    hits = await storage.search_messages(ALICE, text, limit=500)
    assert (text in {hit.message.text for hit in hits}) == bool(words(text))
