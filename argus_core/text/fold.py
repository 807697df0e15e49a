"""The one normaliser and tokeniser of search, for every storage: what counts as the same word.

Folding makes one spelling of many: NFKC, case, Arabic ي ك أ إ آ ة as Persian ی ک ا ه, digits of any script as ASCII,
tatweel and marks gone. A half-space (ZWNJ) parts a word in two, and the joined form is a word as well, so that
«می‌خواهم», «می خواهم» and «میخواهم» find each other.

Storages keep folded words: whoever changes what folds to what adds a migration that indexes everything again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

ZWNJ = "\u200c"
QueryTerm = tuple[tuple[str, ...], ...]
"""One word of a query as alternatives; of an alternative every word must be there."""

_SAME_LETTER = str.maketrans("يىكةەہ", "ییکههه", "\u0640")
_CACHE_LIMIT = 1 << 16
_MARK_CLASS = 10
"""Canonical combining classes from here on are marks of Latin, Greek, Cyrillic, Hebrew and Arabic, which fold away;
below it are voiced marks and the like, which make another letter."""


class Word(NamedTuple):
    """A folded word and where it stands in the original text."""

    text: str
    start: int
    end: int


def fold(text: str) -> str:
    """Return `text` with all spellings of a word made one; half-spaces become spaces."""
    return unicodedata.normalize("NFC", text.replace(ZWNJ, " ").translate(_FOLDED))


def find_words(text: str) -> Iterator[Word]:
    """Yield the folded words of `text` in order; a word with half-spaces gives its parts, then the joined form."""
    if text.isascii():
        yield from (Word(found[0].lower(), *found.span()) for found in _ASCII_WORD.finditer(text))
        return
    for spans in _pieces(text):
        start, end = spans[0][0], spans[-1][1]
        for low, high in spans:
            yield from (Word(word, low, high) for word in fold(text[low:high]).split())
        if len(spans) > 1:
            joined = fold(text[start:end].replace(ZWNJ, ""))
            yield from (Word(word, start, end) for word in joined.split())


def words(text: str) -> list[str]:
    """Return the folded words of `text` in order, repeats kept: what `find_words` yields, without the places."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    spaced = unicodedata.normalize("NFC", text.translate(_SPACED)).replace(f"{_END} ", " ")
    found = spaced.split()
    if _END in spaced:
        found = [word for each in found for word in _cut_behind_letter(each)]
    return found if ZWNJ not in spaced else [word for each in found for word in _parts_and_joined(each)]


def pieces(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of consecutive pieces of `text`, cut between words: the words of the pieces are those of it.

    Args:
        text: Any text.
        size: How long a piece is at the most, in characters; only a word of half that length is cut in two.
    """
    start = 0
    while len(text) - start > size:
        end = start + size
        cut = next((at for at in range(end, end - size // 2, -1) if _CLASSES[ord(text[at])] in " c"), end)
        yield start, cut
        start = cut
    yield start, len(text)


def query_terms(query: str) -> list[QueryTerm]:
    """Return the words to look for, each once: a text matches when it holds one alternative of every term."""
    terms: dict[QueryTerm, None] = {}
    for spans in _pieces(query):
        parts = tuple(word for low, high in spans for word in fold(query[low:high]).split())
        joined = tuple(fold(query[spans[0][0] : spans[-1][1]].replace(ZWNJ, "")).split())
        alternatives = tuple(dict.fromkeys(each for each in (parts, joined) if each))
        if alternatives:
            terms[alternatives] = None
    return list(terms)


class _Folded(dict[int, str]):
    """Character -> folded text, filled as characters are met."""

    def __missing__(self, code: int) -> str:
        folded = _fold_character(chr(code))
        if len(self) < _CACHE_LIMIT:
            self[code] = folded
        return folded


class _Classes(dict[int, str]):
    """Character -> `w` in a word, `m` mark in one, `c` a word by itself, `z` half-space, or a space."""

    def __missing__(self, code: int) -> str:
        found = _class_of(chr(code))
        if len(self) < _CACHE_LIMIT:
            self[code] = found
        return found


class _Spaced(dict[int, str]):
    """Character -> folded text with a space where a word begins or ends, so that splitting does the rest."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        match _class_of(character):
            case "z":
                spaced = ZWNJ
            case " ":
                spaced = " "
            case "c":
                spaced = f" {_FOLDED[code]}{_END}"
            case _:
                spaced = _FOLDED[code]
        if len(self) < _CACHE_LIMIT:
            self[code] = spaced
        return spaced


def _cut_behind_letter(word: str) -> Iterator[str]:
    """Yield a letter that is a word by itself, with its marks, and the word that follows without a space."""
    letter, end, rest = word.partition(_END)
    if not end:
        yield word
        return
    marks = next((at for at, each in enumerate(rest) if unicodedata.category(each)[0] != "M"), len(rest))
    yield from unicodedata.normalize("NFC", letter + rest[:marks]).split()
    if rest[marks:]:
        yield rest[marks:]


def _parts_and_joined(word: str) -> list[str]:
    """Return the parts of a word with half-spaces, then its joined form; half-spaces at its ends are none in it."""
    parts = [part for part in word.split(ZWNJ) if part]
    return [*parts, unicodedata.normalize("NFC", "".join(parts))] if len(parts) > 1 else parts


def _fold_character(character: str) -> str:
    letters = unicodedata.normalize("NFKD", character).casefold().translate(_SAME_LETTER)
    kept = (_as_digit(each) for each in letters if _stays(each))
    return unicodedata.normalize("NFC", "".join(kept))


def _stays(character: str) -> bool:
    return unicodedata.combining(character) < _MARK_CLASS and unicodedata.category(character) != "Cf"


def _as_digit(character: str) -> str:
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


def _class_of(character: str) -> str:
    if character == ZWNJ:
        return "z"
    category = unicodedata.category(character)
    if category[0] == "M" or category == "Cf":
        return "m"
    if any(ord(character) in each for each in _WITHOUT_SPACES):
        return "c"
    return "w" if character.isalnum() else " "


_FOLDED = _Folded()
_CLASSES = _Classes()
_SPACED = _Spaced()
_END = "\0"
"""Behind a letter that is a word by itself; no other character becomes it."""
_WITHOUT_SPACES = (range(0x3041, 0x3100), range(0x3400, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x40000))
"""Han, Hiragana and Katakana: written without spaces, so each character counts as a word."""
_ASCII_WORD = re.compile("[A-Za-z0-9]+")
"""The short way for plain text, ten times as fast; the long way finds the same."""
_PIECE = re.compile("cm*|[wm]+(?:z+[wm]+)*")
_PART = re.compile("[cwm]+")


def _pieces(text: str) -> Iterator[list[tuple[int, int]]]:
    """Yield for each word the spans of its parts; more than one where half-spaces stand in it."""
    classes = text.translate(_CLASSES)
    for piece in _PIECE.finditer(classes):
        yield [part.span() for part in _PART.finditer(classes, *piece.span())]
