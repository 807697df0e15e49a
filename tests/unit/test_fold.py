"""One spelling of many: what search takes for the same word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.text.fold import find_words, fold, query_terms, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("كتابي", "کتابی"),
        ("أحمد إيران آب", "احمد ایران اب"),
        ("مدرسة", "مدرسه"),
        ("خانۀ", "خانه"),
        ("مسئول", "مسیول"),
        ("مـــحـمد", "محمد"),
        ("مُحَمَّدٌ", "محمد"),
        ("۱۲۳ ٤٥٦ ７８", "123 456 78"),
        ("می‌خواهم", "می خواهم"),
        ("STRASSE Straße", "strasse strasse"),
        ("Café naïve", "cafe naive"),
        ("Cafe\u0301", "cafe"),
        ("ﬁne Ｆｕｌｌ", "fine full"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ("a\u200db\u200ec\u00ad\u202ed", "abcd"),
        ("が か\u3099 ガ", "が が ガ"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_spellings_fold_to_one(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        (" .,!?«»؟ — 🙂", []),
        ("Hello, wor_ld a.b", ["hello", "wor", "ld", "a", "b"]),
        ("can't", ["can", "t"]),
        ("می‌خواهم", ["می", "خواهم", "میخواهم"]),
        ("\u200cدر\u200c\u200cخانه\u200c", ["در", "خانه", "درخانه"]),
        ("東京 abc", ["東", "京", "abc"]),
        ("ﷺ", ["صلی", "الله", "علیه", "وسلم"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("\u0301\u200c\u200d", []),
    ],
)
def test_text_falls_into_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_a_half_space_asks_for_both_ways_of_writing() -> None:
    assert query_terms("می‌خواهم Go go") == [(("می", "خواهم"), ("میخواهم",)), (("go",),)]
    assert query_terms("؟!") == []


def test_spans_point_into_the_original() -> None:
    text = "A می‌خواهم, Cafe\u0301!"
    assert [(word.text, text[word.start : word.end]) for word in find_words(text)] == [
        ("a", "A"),
        ("می", "می"),
        ("خواهم", "خواهم"),
        ("میخواهم", "می‌خواهم"),
        ("cafe", "Cafe\u0301"),
    ]


@given(text=st.text(max_size=80))
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once


@given(text=st.text(max_size=80))
def test_words_hold_no_space_and_their_spans_are_in_the_text(text: str) -> None:
    for word in find_words(text):
        assert word.text
        assert not any(character.isspace() for character in word.text)
        assert 0 <= word.start < word.end <= len(text)


@given(text=st.text(max_size=60))
def test_every_word_of_a_text_is_asked_for_by_the_text(text: str) -> None:
    indexed = set(words(text))
    for term in query_terms(text):
        assert any(set(alternative) <= indexed for alternative in term)


@given(text=st.text(alphabet=st.characters(max_codepoint=127), max_size=80))
def test_the_short_way_for_plain_text_finds_what_the_long_way_does(text: str) -> None:
    assert [*words(text), "یک"] == words(f"{text} یک")
    assert [*find_words(text)] == [*find_words(f"{text} یک")][:-1]
