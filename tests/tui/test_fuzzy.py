import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_tui.screens.fuzzy import best, fold, matcher


def marked(query: str, title: str) -> str | None:
    found = matcher(query)(title)
    return None if found is None else "|".join(title[start:end] for start, end in found[1])


@pytest.mark.parametrize(
    ("query", "title", "expected"),
    [
        ("shiraz", "Trip to Shiraz", "Shiraz"),
        ("shiraz", "Shift rates and zones", "Shi|ra|z"),
        ("slow why", "Why is the deploy slow?", "Why|slow"),
        ("كتاب", "کتاب‌های من", "کتاب"),
        ("zz", "Trip to Shiraz", None),
        ("x.*", "Trip", None),
        ("", "Trip", ""),
    ],
)
def test_every_word_must_be_there_as_it_is_or_letter_by_letter(query: str, title: str, expected: str | None) -> None:
    assert marked(query, title) == expected


def test_the_start_of_a_title_or_word_is_better_than_its_inside_and_letters_are_last() -> None:
    titles = ["z o o m", "The azo dye", "My zoo", "Zoo keeping"]
    assert [match.item for match in best("zo", titles, str, 10)] == ["Zoo keeping", "My zoo", "The azo dye", "z o o m"]


def test_without_a_query_the_order_stays() -> None:
    assert [match.item for match in best("", ["long title", "b", "a"], str, 2)] == ["long title", "b"]


def test_a_query_that_nearly_matches_everywhere_is_not_slow() -> None:
    assert marked("a" * 30 + "b", "a" * 2000) is None


@given(st.text(max_size=40))
def test_folding_keeps_every_place(text: str) -> None:
    assert len(fold(text)) == len(text)


@given(st.text(max_size=12), st.text(max_size=40))
def test_spans_are_inside_the_title(query: str, title: str) -> None:
    found = matcher(query)(title)
    if found is not None:
        assert all(0 <= start < end <= len(title) for start, end in found[1])
