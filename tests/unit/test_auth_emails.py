"""Emails: one form for each account, and nothing that only looks like one."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.auth.emails import MAX_EMAIL, fold_email, stored_forms
from argus_core.auth.names import checked_name
from argus_core.errors import InvalidInput


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("  Sara@Example.ORG\n", "sara@example.org"),
        ("ｓａｒａ@example.org", "sara@example.org"),  # full-width letters of an input method
        ("سارا@example.org", "سارا@example.org"),
        ("SARA+argus@ExamplE.org", "sara+argus@example.org"),
        ("sara@example.org.", "sara@example.org"),  # the root of all domains, written out
        ("sara@example。org", "sara@example.org"),
        ("sara@xn--mnchen-3ya.de", "sara@münchen.de"),
        ("sara@MÜNCHEN.de", "sara@münchen.de"),
        ("strauß@faß.de", "strauss@fass.de"),
        ("STRAUSS@xn--fa-hia.de", "strauss@fass.de"),
        ("σας@example.gr", "σασ@example.gr"),
        ("سارا@مثال.ایران", "سارا@مثال.ایران"),
        ("sara@xn--mgba3gch31f060k.com", "sara@نامهای.com"),  # with a ZWNJ in it
        ("иван@example.org", "иван@example.org"),
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
        "sa\u200dra@example.org",
        "sa\u034fra@example.org",
        "sa\u115fra@example.org",
        "sa\u1160ra@example.org",
        "sa\u3164ra@example.org",
        "sa\uffa0ra@example.org",
        "sara\ufe0f@example.org",
        "sara\U000e0100@example.org",
        "sara@exam\ufe0fple.org",
        "sara@example..org",
        "sara@.",
        "sara@xn--zzzzzzz-.de",
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


@pytest.mark.parametrize(
    "typed", ["s\u0430ra@example.org", "sara@ex\u0430mple.org", "sara@xn--exmple-4nf.org", "s\u03bfra@example.org"]
)
def test_letters_that_look_alike_stand_in_no_name_together(typed: str) -> None:
    with pytest.raises(InvalidInput, match="one alphabet"):
        fold_email(typed)


def test_nothing_that_is_drawn_as_nothing_is_taken() -> None:
    """Every code point that Unicode calls ignorable by default, from `DerivedCoreProperties.txt` of Unicode 16."""
    ignorable = "ad 34f 61c 115f-1160 17b4-17b5 180b-180f 200b-200f 202a-202e 2060-206f 3164 fe00-fe0f feff ffa0 "
    ignorable += "fff0-fff8 1bca0-1bca3 1d173-1d17a e0000-e0fff"
    for span in ignorable.split():
        first, _, last = span.partition("-")
        for code in range(int(first, 16), int(last or first, 16) + 1):
            with pytest.raises(InvalidInput):
                fold_email(f"sa{chr(code)}ra@example.org")


@pytest.mark.parametrize(
    ("typed", "forms"),
    [
        ("Sara@Example.org", ("sara@example.org",)),
        ("strauß@example.org", ("strauss@example.org", "strauß@example.org")),
        ("sara@example.org.", ("sara@example.org", "sara@example.org.")),
        ("sa\u3164ra@example.org", ("sa\u1160ra@example.org",)),
        ("s\u0430ra@example.org", ("s\u0430ra@example.org",)),
    ],
)
def test_accounts_of_before_are_found_as_they_are_stored(typed: str, forms: tuple[str, ...]) -> None:
    assert stored_forms(typed) == forms


def test_names_are_one_clean_line() -> None:
    assert checked_name(" Sara \x1b[31m\nAhmadi ") == "Sara Ahmadi"
    for unusable in ("", " \x1b[31m ", "x" * 81):
        with pytest.raises(InvalidInput, match="1 to 80"):
            checked_name(unusable)
