"""Titles from words and from what a model says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.errors import RateLimited
from argus_core.providers.base import TextChunk, ThoughtChunk
from argus_core.providers.scripted import ScriptedProvider, saying
from argus_core.text.clean import FORBIDDEN
from argus_core.titles import (
    MAX_TITLE_CHARS,
    MAX_WORDS_CHARS,
    NO_WORDS,
    ask_title,
    title_from_model,
    title_from_words,
)


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


async def test_a_model_is_asked_shortly_and_without_thoughts() -> None:
    provider = ScriptedProvider([ThoughtChunk("hm"), *saying("Making tea")])

    assert await ask_title(provider, "scripted-1", "How? " * 1000, "So. " * 1000) == "Making tea"
    (prompt,) = provider.prompts
    assert not prompt.thoughts
    assert len(str(prompt.messages)) < 2000


async def test_a_model_that_fails_gives_no_title() -> None:
    provider = ScriptedProvider([TextChunk("Mak"), RateLimited()])

    assert await ask_title(provider, "scripted-1", "How?", "So.") == ""
    assert provider.calls[0].closed
