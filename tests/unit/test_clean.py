"""What a hostile text can and cannot bring to the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.text.clean import FORBIDDEN, clean, clean_line

# The 16 ways to reach the terminal through text: facts/server.md, row I2.
ATTACKS = {
    "CSI colour": ("a\x1b[31mb", "ab"),
    "CSI with private and intermediate bytes": ("a\x1b[?25;1$ pb", "ab"),
    "CSI in 8 bits": ("a\x9b2Jb", "ab"),
    "OSC title ended by BEL": ("a\x1b]0;owned\x07b", "ab"),
    "OSC 52 clipboard ended by ST": ("a\x1b]52;c;cm0gLXJmIC8=\x1b\\b", "ab"),
    "OSC in 8 bits": ("a\x9d0;owned\x9cb", "ab"),
    "OSC 8 link keeps its words": ("\x1b]8;;http://evil\x1b\\here\x1b]8;;\x1b\\", "here"),
    "DCS": ("a\x1bP$q q\x1b\\b", "ab"),
    "APC": ("a\x1b_Gf=100;AAAA\x1b\\b", "ab"),
    "PM and SOS": ("a\x1b^x\x1b\\\x1bXy\x1b\\\x9ez\x9cb", "ab"),
    "OSC that never ends": ("a\x1b]0;the rest stays", "a0;the rest stays"),
    "ESC alone, doubled, at the end": ("a\x1b\x1b[31m[31mb\x1b", "a[31mb"),
    "character set": ("a\x1b(0lqqk\x1b(B", "alqqk"),
    "C0 and DEL": ("a\x00\x07\x08\x0e\x7fb", "ab"),
    "bidi overrides, isolates, BOM, tags": ("a\u202e\u2066\u2069\u202c\ufeff\U000e0041\U000e007fb", "ab"),
    "lone surrogates": ("a\ud800\udfffb", "ab"),
}


@pytest.mark.parametrize(("text", "expected"), ATTACKS.values(), ids=ATTACKS.keys())
def test_attack_is_taken_out(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "plain\n\ttext",
        "می\u200cخواهم",
        "\u200fسلام\u200e (hi)",
        "👩\u200d👩\u200d👧 ❤️ 🇮🇷",
        "e\u0301 نَ",
        "",
    ],
)
def test_honest_text_stays_as_it_is(text: str) -> None:
    assert clean(text) is text


def test_every_line_end_becomes_a_newline() -> None:
    assert clean("a\r\nb\rc\u2028d\u2029e\r\r\nf") == "a\nb\nc\nd\ne\n\nf"
    assert clean("a\x0bb\x0cc\x85d\x85") == "a\nb\nc\nd\n"


def test_sequence_that_is_not_ended_on_its_line_loses_only_its_start() -> None:
    assert clean("\x1b]0;title\nnext line\x07") == "0;title\nnext line"


def test_endless_payload_is_kept_beyond_the_bound() -> None:
    assert clean("\x9d" + "a" * 5000 + "\x07") == "a" * 5000


hostile = st.text(
    st.one_of(
        st.sampled_from("\x1b\x1b\x1b[]P_^X\\\x07\x9b\x9c\x9d\x90;0m?$ \r\n\t\u2028\u202e\ufeff"),
        st.characters(exclude_categories=()),
    )
)


@given(hostile)
def test_nothing_forbidden_is_ever_left(text: str) -> None:
    cleaned = clean(text)
    assert FORBIDDEN.search(cleaned) is None
    cleaned.encode()


@given(hostile)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp"))))
def test_text_without_controls_is_never_changed(text: str) -> None:
    assert clean(text) == text


@given(hostile, st.integers(1, 40))
def test_a_line_is_one_clean_line_within_its_limit(text: str, limit: int) -> None:
    line = clean_line(text, limit)
    assert len(line) <= limit
    assert FORBIDDEN.search(line) is None
    assert "\n" not in line
    assert "\t" not in line
    assert clean_line(line, limit) == line


def test_a_line_joins_blanks_and_says_when_it_was_cut() -> None:
    assert clean_line("  a\r\n\tb  c ") == "a b c"
    assert clean_line("abcdef", 4) == "abc…"
    assert clean_line("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    "unit",
    ["\x9d", "\x1b]", "\x9b", "\x9b" + "1" * 64, "\x9d" + "a" * 4097, "\x1b" + "!" * 99, "\x1bP\n", "\r", "\x1b\\"],
)
def test_two_hundred_kilobytes_of_attack_come_out_clean(unit: str) -> None:
    # A pattern that tried things again would not come back from these for minutes.
    cleaned = clean(unit * (200_000 // len(unit)))
    assert FORBIDDEN.search(cleaned) is None
    assert len(cleaned) <= 200_000
