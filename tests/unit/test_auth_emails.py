"""Emails: one form for each account, and nothing that only looks like one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.auth.emails import MAX_EMAIL, fold_email
from argus_core.auth.names import checked_name
from argus_core.errors import InvalidInput


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("  Sara@Example.ORG\n", "sara@example.org"),
        ("ｓａｒａ@example.org", "sara@example.org"),  # full-width letters of an input method
        ("سارا@example.org", "سارا@example.org"),
        ("SARA+argus@ExamplE.org", "sara+argus@example.org"),
    ],
)
def test_equal_emails_are_equal_text(typed: str, folded: str) -> None:
    assert fold_email(typed) == folded


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "sara",
        "sara@",
        "@example.org",
        "sa ra@example.org",
        "sara@exam\tple.org",
        "a@b@example.org",
        "sara\x00@example.org",
        "sara\u202e@example.org",
        "sa\u200bra@example.org",
        "\ud800@example.org",
        "s" * 250 + "@example.org",
        "ﷺ" * 100 + "@example.org",  # 18 letters each once it is folded
    ],
)
def test_what_is_no_email_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput, match=r"name@example\.org"):
        fold_email(typed)


@given(st.tuples(st.text(min_size=1), st.text(min_size=1)).map("@".join) | st.text())
def test_folding_twice_changes_nothing(typed: str) -> None:
    try:
        folded = fold_email(typed)
    except InvalidInput:
        return
    assert fold_email(folded) == folded
    assert fold_email(unicodedata.normalize("NFD", folded)) == folded
    assert len(folded) <= MAX_EMAIL


def test_names_are_one_clean_line() -> None:
    assert checked_name(" Sara \x1b[31m\nAhmadi ") == "Sara Ahmadi"
    for unusable in ("", " \x1b[31m ", "x" * 81):
        with pytest.raises(InvalidInput, match="1 to 80"):
            checked_name(unusable)
