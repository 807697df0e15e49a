"""What a message is found by, the same for every storage: worked out in pieces, before anything is locked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from argus_core.domain import Part, TextPart
from argus_core.text.fold import pieces, words

INDEXED_CHARS = 100_000
"""Of a message the words of so many characters are found, some forty printed pages: the index of a longer text would
take its writer, and everybody behind them, longer than the text itself."""
INDEXED_WORDS = 20_000
"""And so many different words: each is an entry of MongoDB's index."""
INDEXED_FOLDED_CHARS = 1 << 20
"""A character may fold to eighteen."""
PIECE = 4096
"""Characters folded at a time, a few milliseconds at the most; then others have their turn."""


class Indexer:
    """Folds long texts one after another, so that many at once hold up nobody."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def words_of(self, parts: Iterable[Part]) -> list[str]:
        """Return the folded words that a message with these parts is found by, in order, repeats kept."""
        text = _beginning(parts)
        if len(text) <= PIECE:
            return words(text)
        found: list[str] = []
        async with self._turn:
            for start, end in pieces(text, PIECE):
                found += words(text[start:end])
                await asyncio.sleep(0)
        return _first(found)


def _beginning(parts: Iterable[Part]) -> str:
    """Return what the parts say, cut between words where it is too long."""
    text, room = "", INDEXED_CHARS + 1
    for part in parts:
        if isinstance(part, TextPart) and len(text) < room:
            text += part.text[: room - len(text)]
    _, end = next(pieces(text, INDEXED_CHARS))
    return text[:end]


def _first(found: list[str]) -> list[str]:
    """Return the words up to where there are too many different ones, or too long ones."""
    seen: set[str] = set()
    room = INDEXED_FOLDED_CHARS
    for at, word in enumerate(found):
        if word not in seen:
            seen.add(word)
            room -= len(word)
            if room < 0 or len(seen) > INDEXED_WORDS:
                return found[:at]
    return found
