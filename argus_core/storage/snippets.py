"""The piece of a message that shows why it was found, the same for every storage."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace

from argus_core.domain import ConversationRow, Message, Part, SearchHit, TextPart, ThoughtPart
from argus_core.storage.indexing import INDEXED_CHARS, PIECE
from argus_core.text.fold import QueryTerm, Word, find_words, pieces, words
from argus_core.text.plain import plain

WIDTH = 160
READ_BYTES = 4 << 20
"""The texts of so many bytes are read for one search, those of the best hits; the others come without theirs."""
HIT_CHARS = 2000
"""So much of a text goes with a hit."""
_BEFORE = 48
"""Characters shown before the first match."""
_CLOSE = 128
_READ = 1000
"""Characters before and behind the first match that are read as Markdown."""


async def hits_of(found: Iterable[tuple[ConversationRow, Message]], terms: list[QueryTerm]) -> list[SearchHit]:
    """Return what was found as hits: with snippets, and no more of a long text than a hit shows."""
    hits = []
    for conversation, message in found:
        snippet, spans = await snippet_of(message.text, terms)
        parts = tuple(_shortened(part) for part in message.parts)
        message = replace(message, parts=parts)
        hits.append(SearchHit(conversation=conversation, message=message, snippet=snippet, spans=spans))
    return hits


async def snippet_of(text: str, terms: list[QueryTerm]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return about `WIDTH` characters on one line around the first match, and where the matches are in them.

    They are plain text, without the signs of Markdown, unless the match is in what plain text leaves out, such as an
    address.

    Args:
        text: What the message says, as it was written; only what is indexed of it is looked through.
        terms: From `query_terms`; the words of the last one also match the start of a word.
    """
    first = await _first_match(text[:INDEXED_CHARS], terms)
    low, high = _lines_around(text, first or 0)
    read = plain(text[low:high])
    at = _match_in(read, terms) if first is not None else 0
    if at is not None:
        snippet = _cut(read, at, more_before=low > 0, more_after=high < len(text))
    else:
        snippet = _cut(text, first or 0)
    spans: list[tuple[int, int]] = []
    for match in _matches(snippet, terms):
        while spans and match.start < spans[-1][1]:  # the joined form comes after its parts and covers them
            spans.pop()
        spans.append((match.start, match.end))
    return snippet, tuple(spans)


async def _first_match(text: str, terms: list[QueryTerm]) -> int | None:
    """Return where the first match is, None when there is none; a long text is looked through in pieces."""
    for start, end in pieces(text, PIECE):
        at = _match_in(text[start:end], terms)
        if at is not None:
            return start + at
        await asyncio.sleep(0)
    return None


def _lines_around(text: str, at: int) -> tuple[int, int]:
    """Return where the piece begins and ends that is read for a snippet: whole lines, unless they are very long."""
    low, high = max(0, at - _READ), min(len(text), at + _READ)
    if low:
        low = text.find("\n", low, at) + 1 or low
    if high < len(text):
        end = text.rfind("\n", at, high)
        high = high if end < 0 else end
    return low, high


def _match_in(text: str, terms: list[QueryTerm]) -> int | None:
    """Return where the first match is: folding without the places is ten times as fast, so it is done first."""
    is_match = _Wanted(terms)
    for start, end in pieces(text, _CLOSE):
        if any(map(is_match, words(text[start:end]))):
            return start + next((match.start for match in _matches(text[start:end], terms)), 0)
    return None


class _Wanted:
    """Whether a word is one of those that are looked for."""

    def __init__(self, terms: list[QueryTerm]) -> None:
        self._exact = {word for term in terms for parts in term for word in parts}
        self._prefixes = tuple(parts[-1] for parts in terms[-1]) if terms else ()

    def __call__(self, word: str) -> bool:
        return word in self._exact or (bool(self._prefixes) and word.startswith(self._prefixes))


def _matches(text: str, terms: list[QueryTerm]) -> Iterator[Word]:
    is_match = _Wanted(terms)
    return (word for word in find_words(text) if is_match(word.text))


def _cut(text: str, at: int, *, more_before: bool = False, more_after: bool = False) -> str:
    """Return one line of `text` around `at`, cut between words where there are any, with … where text is missing."""
    low = max(0, at - _BEFORE)
    if low:
        low = next((i + 1 for i in range(low, at) if text[i].isspace()), low)
    high = min(len(text), low + WIDTH)
    if high < len(text):
        high = next((i for i in range(high, max(at + 1, high - 30), -1) if text[i].isspace()), high)
    line = " ".join(text[low:high].split())
    return f"{'…' if low or more_before else ''}{line}{'…' if high < len(text) or more_after else ''}"


def _shortened(part: Part) -> Part:
    if isinstance(part, TextPart | ThoughtPart) and len(part.text) > HIT_CHARS:
        return replace(part, text=part.text[:HIT_CHARS])
    return part
