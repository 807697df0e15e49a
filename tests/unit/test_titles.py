"""Titles from words and from what a model says."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.domain import Conversation, Generation, Message, Usage
from argus_core.errors import ArgusError, LimitReached, RateLimited, StorageUnavailable
from argus_core.providers.base import EndChunk, TextChunk, ThoughtChunk
from argus_core.providers.scripted import ScriptedProvider, saying
from argus_core.storage.base import ConversationChange, Storage
from argus_core.text.clean import FORBIDDEN
from argus_core.titles import (
    AT_ONCE,
    MAX_TITLE_CHARS,
    MAX_WORDS_CHARS,
    MOST_OF_USER,
    MOST_WAITING,
    NO_WORDS,
    Titles,
    title_from_model,
    title_from_words,
)
from tests.support.turns import NOW, USER, a_generation, a_message, settle


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("How do I make tea?", "How do I make tea?"),
        ("  two\n\nlines\there ", "two lines here"),
        ("# A heading\nand text", "A heading and text"),
        ("Fix this:\n```python\nprint(1)\n```", "Fix this:"),
        ("```python\nprint(1)\n```", "python print(1)"),
        ("", NO_WORDS),
        ("   \n", NO_WORDS),
        ("\x1b[2J", NO_WORDS),
        ("\x1b]0;owned\x07Hello", "Hello"),
        ("می‌خواهم یک کتاب بنویسم", "می‌خواهم یک کتاب بنویسم"),
        (
            "لطفاً یک برنامه‌ی کامل برای سفر به شیراز، اصفهان، یزد و کاشان بنویس",
            "لطفاً یک برنامه‌ی کامل برای سفر به شیراز…",
        ),
    ],
)
def test_a_title_from_words(question: str, title: str) -> None:
    assert title_from_words(question) == title


@given(st.text(max_size=200))
def test_a_title_from_words_is_one_short_clean_line(question: str) -> None:
    title = title_from_words(question)

    assert 0 < len(title) <= MAX_WORDS_CHARS + 1
    assert FORBIDDEN.search(title) is None
    assert "\n" not in title


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Making tea", "Making tea"),
        ('\n"Making tea."\n', "Making tea"),
        ("**Making tea**", "Making tea"),
        ("Title: Making tea", "Making tea"),
        ("«سفر به شیراز»", "سفر به شیراز"),
        ("عنوان: سفر به شیراز", "سفر به شیراز"),
        ("Tea\nbecause I was asked", "Tea"),
        ("", ""),
        ("...", ""),
        ("x" * (MAX_TITLE_CHARS + 1), ""),
        ("\x1b]52;c;aGk=\x07Tea", "Tea"),
    ],
)
def test_a_title_from_a_model(said: str, title: str) -> None:
    assert title_from_model(said) == title


class Shelf:
    """The part of a storage that titles need: one conversation with a question and its answer."""

    def __init__(self, *, title: str = "", answers: int = 1) -> None:
        self.conversation = Conversation(id="c1", user_id=USER, title=title, created_at=NOW, updated_at=NOW)
        self.path = [a_message("q", "How?")]
        for number in range(answers):
            self.path += [a_message(f"a{number}", "So.", role="assistant"), a_message(f"q{number}", "And?")]
        self.away = False

    def _now(self) -> Conversation:
        if self.away:
            raise StorageUnavailable("Away.")
        return self.conversation

    async def get_conversation(self, user_id: str, conversation_id: str) -> Conversation:
        return self._now()

    async def update_conversation(self, user_id: str, conversation_id: str, change: ConversationChange) -> Conversation:
        assert change.title is not None
        self.conversation = replace(self._now(), title=change.title)
        return self.conversation

    async def list_path(self, user_id: str, leaf_id: str, limit: int) -> list[Message]:
        self._now()
        return self.path[:-1][-limit:]


@dataclass
class Purse:
    """Notes what is paid; `refuses` says no."""

    refuses: ArgusError | None = None
    held: list[tuple[str, str, int]] = field(default_factory=list)
    charged: list[tuple[Usage | None, str, int]] = field(default_factory=list)
    released: int = 0

    async def admit_aside(self, generation: Generation, provider: str, text: str, longest: int) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.held.append((generation.id, generation.model, longest))

    async def settle(
        self, generation: Generation, usage: Usage | None, text: str, *, pictures: int = 0, requests: int = 1
    ) -> None:
        assert generation.id == self.held[-1][0]
        self.charged.append((usage, text, requests))

    async def release(self, generation: Generation) -> None:
        self.released += 1


def titles_of(shelf: Shelf, provider: ScriptedProvider, model: str | None = None, purse: Purse | None = None) -> Titles:
    return Titles(cast(Storage, shelf), lambda name: (provider, name), purse or Purse(), model)


async def test_a_model_is_asked_shortly_and_without_thoughts() -> None:
    shelf, provider = Shelf(title="How?"), ScriptedProvider([ThoughtChunk("hm"), *saying("Making tea")])
    shelf.path[0] = a_message("q", "How? " * 1000)
    shelf.conversation = replace(shelf.conversation, title=title_from_words("How? " * 1000))
    titles_of(shelf, provider).completed(a_generation(), "So. " * 1000)
    await settle()

    (prompt,) = provider.prompts
    assert not prompt.thoughts
    assert len(str(prompt.messages)) < 2000
    assert shelf.conversation.title == "Making tea"


async def test_a_model_that_fails_gives_no_title() -> None:
    shelf, provider, purse = Shelf(title="How?"), ScriptedProvider([TextChunk("Mak"), RateLimited()]), Purse()
    titles_of(shelf, provider, purse=purse).completed(a_generation(), "So.")
    await settle()

    assert shelf.conversation.title == "How?"
    assert provider.calls[0].closed
    assert purse.charged == [(None, "Mak", 0)]


async def test_a_title_is_paid_for_as_no_question() -> None:
    usage = Usage(input_tokens=90, output_tokens=3)
    purse, provider = Purse(), ScriptedProvider([TextChunk("Making tea"), EndChunk(usage)])
    answered = a_generation()
    titles_of(Shelf(title="How?"), provider, "cheap-1", purse).completed(answered, "So.")
    await settle()

    ((held_by, model, longest),) = purse.held
    assert held_by != answered.id
    assert (model, longest) == ("cheap-1", provider.prompts[0].max_output_tokens)
    assert purse.charged == [(usage, "Making tea", 0)]


async def test_a_title_that_the_provider_refuses_costs_nothing() -> None:
    purse = Purse()
    titles_of(Shelf(title="How?"), ScriptedProvider([RateLimited()]), purse=purse).completed(a_generation(), "So.")
    await settle()

    assert (purse.charged, purse.released) == ([], 1)


async def test_when_nothing_is_left_the_words_stay() -> None:
    shelf, provider = Shelf(title="How?"), ScriptedProvider(saying("Making tea"))
    titles_of(shelf, provider, purse=Purse(refuses=LimitReached())).completed(a_generation(), "So.")
    await settle()

    assert provider.calls == []
    assert shelf.conversation.title == "How?"


async def test_a_model_that_takes_too_long_is_given_up_and_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argus_core.titles.LONGEST_S", 0.01)
    shelf, provider, purse = Shelf(title="How?"), ScriptedProvider(), Purse()
    titles_of(shelf, provider, purse=purse).completed(a_generation(), "So.")
    call = await provider.wait_for_call()
    provider.feed(TextChunk("Mak"))
    while not purse.charged:  # noqa: ASYNC110 - it tells nobody when it happens
        await asyncio.sleep(0.005)

    assert call.closed
    assert purse.charged == [(None, "Mak", 0)]
    assert shelf.conversation.title == "How?"


async def test_a_user_is_named_one_title_at_a_time_and_nobody_waits_for_another() -> None:
    provider = ScriptedProvider()
    titles = titles_of(Shelf(title="How?"), provider)
    for _ in range(MOST_OF_USER + 5):
        titles.completed(a_generation(), "So.")
    await settle()
    assert len(provider.calls) == 1
    titles.completed(replace(a_generation(), user_id="b" * 32), "So.")
    await settle()
    assert len(provider.calls) == 2

    for call in range(1, MOST_OF_USER + 1):
        provider.feed(TextChunk(""), EndChunk(), call=call)
    provider.feed(TextChunk(""), EndChunk(), call=0)
    await settle()
    assert len(provider.calls) == MOST_OF_USER + 1  # the others were dropped
    await titles.close()


async def test_a_few_titles_are_asked_for_at_a_time_and_a_bounded_number_waits() -> None:
    provider = ScriptedProvider()
    titles = titles_of(Shelf(title="How?"), provider)
    for number in range(MOST_WAITING + 50):
        titles.completed(replace(a_generation(), user_id=f"{number:032x}"), "So.")
    await settle()
    assert len(provider.calls) == AT_ONCE

    for call in range(MOST_WAITING + 50):
        provider.feed(TextChunk(""), EndChunk(), call=call)
    while not all(call.closed for call in provider.calls):
        await settle()
    await settle()
    assert len(provider.calls) == MOST_WAITING
    await titles.close()


async def test_a_bug_of_one_title_is_told_and_the_next_is_named(caplog: pytest.LogCaptureFixture) -> None:
    shelf, purse = Shelf(title="How?"), Purse()
    provider = ScriptedProvider([ZeroDivisionError()], saying("Making tea"))
    titles = titles_of(shelf, provider, purse=purse)
    titles.completed(a_generation(), "So.")
    await settle()
    assert "title by model ended by a bug" in caplog.text
    titles.completed(a_generation(), "So.")
    await settle()

    assert shelf.conversation.title == "Making tea"
    assert len(purse.charged) == 2


async def test_a_conversation_without_a_title_gets_its_first_words() -> None:
    shelf = Shelf()
    titles_of(shelf, ScriptedProvider()).asked(shelf.conversation, "How do I make tea?")
    await settle()

    assert shelf.conversation.title == "How do I make tea?"


async def test_a_title_given_meanwhile_is_not_replaced_by_words() -> None:
    shelf = Shelf()
    titles = titles_of(shelf, ScriptedProvider())
    titles.asked(shelf.conversation, "How?")
    shelf.conversation = replace(shelf.conversation, title="Tea")
    await settle()

    assert shelf.conversation.title == "Tea"


@pytest.mark.parametrize("title", ["", "How?"])
async def test_the_model_names_what_has_its_first_words_or_nothing(title: str) -> None:
    shelf = Shelf(title=title)
    provider = ScriptedProvider(saying("Making tea"))
    titles_of(shelf, provider, "scripted-2").completed(a_generation(), "So.")
    await settle()

    assert shelf.conversation.title == "Making tea"
    assert provider.prompts[0].model == "scripted-2"


async def test_a_person_who_renames_while_the_model_thinks_wins() -> None:
    shelf = Shelf(title="How?")
    provider = ScriptedProvider()
    titles_of(shelf, provider).completed(a_generation(), "So.")
    await provider.wait_for_call()
    shelf.conversation = replace(shelf.conversation, title="How?", title_by_user=True)
    provider.feed(TextChunk("Making tea"), EndChunk())
    await settle()

    assert provider.calls[0].ended
    assert shelf.conversation.title == "How?"


@pytest.mark.parametrize("shelf", [Shelf(title="Named before"), Shelf(title="How?", answers=2)])
async def test_the_model_is_not_asked_for_a_title_that_is_there_or_later(shelf: Shelf) -> None:
    provider = ScriptedProvider(saying("Making tea"))
    titles_of(shelf, provider).completed(a_generation(), "So.")
    await settle()

    assert provider.calls == []


async def test_a_small_model_is_not_asked() -> None:
    shelf = Shelf(title="How?")
    provider = ScriptedProvider(saying("Making tea"))
    provider.name = "local"
    titles_of(shelf, provider).completed(a_generation(), "So.")
    await settle()

    assert provider.calls == []


async def test_failures_are_silent(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf(title="How?")
    titles = titles_of(shelf, ScriptedProvider([RateLimited()]))
    titles.completed(a_generation(), "So.")
    await settle()
    shelf.away = True
    titles.completed(a_generation(), "So.")
    titles.asked(replace(shelf.conversation, title=""), "How?")
    await settle()

    assert shelf.conversation.title == "How?"
    assert caplog.records == []


async def test_closing_does_not_wait_for_a_model_but_for_the_words() -> None:
    shelf = Shelf(title="How?")
    provider = ScriptedProvider()
    titles = titles_of(shelf, provider)
    titles.completed(a_generation(), "So.")
    await provider.wait_for_call()
    shelf.conversation = replace(shelf.conversation, title="")
    titles.asked(shelf.conversation, "In words")
    await titles.close()

    assert provider.calls[0].closed
    assert shelf.conversation.title == "In words"
