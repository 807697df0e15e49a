"""Text of any editor and shell."""

import pytest

from argus_core.text.reading import decoded, without_halves


@pytest.mark.parametrize(
    "data",
    [
        "سلام".encode(),
        b"\xef\xbb\xbf" + "سلام".encode(),
        b"\xff\xfe" + "سلام".encode("utf-16-le"),
        "سلام".encode("utf-16"),
    ],
    ids=["plain", "Notepad", "PowerShell", "either"],
)
def test_the_mark_at_the_beginning_says_how_it_is_written(data: bytes) -> None:
    assert decoded(data) == "سلام"


def test_big_endian_and_only_one_mark() -> None:
    assert decoded(b"\xfe\xff\x00a") == "a"
    assert decoded(b"\xef\xbb\xbf\xef\xbb\xbfa") == "\ufeffa"
    assert decoded(b"") == decoded(b"\xef\xbb\xbf") == ""


def test_what_is_no_text_is_refused_or_replaced() -> None:
    with pytest.raises(UnicodeDecodeError):
        decoded(b"caf\xe9")
    assert decoded(b"caf\xe9", "replace") == "caf�"
    assert decoded(b"\xff\xfea", "replace") == "�"


@pytest.mark.parametrize(
    ("text", "whole"),
    [("plain", "plain"), ("café 😀", "café 😀"), ("caf\udce9", "caf�"), ("\udcd8\udcb3", "س"), ("\ud83d", "�")],
)
def test_half_pairs_become_what_they_stood_for_or_a_sign(text: str, whole: str) -> None:
    assert without_halves(text) == whole
