"""The piece of a message that shows why it was found, the same for every storage."""

from __future__ import annotations

from collections.abc import Iterator

from argus_core.text.fold import QueryTerm, Word, find_words

WIDTH = 160
_BEFORE = 48
"""Characters shown before the first match."""


def snippet_of(text: str, terms: list[QueryTerm]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Return about `WIDTH` characters on one line around the first match, and where the matches are in them.

    Args:
        text: What the message says, as it was written.
        terms: From `query_terms`; the words of the last one also match the start of a word.
    """
    first = next(_matches(text, terms), None)
    snippet = _cut(text, first.start if first else 0)
    spans: list[tuple[int, int]] = []
    for match in _matches(snippet, terms):
        while spans and match.start < spans[-1][1]:  # the joined form comes after its parts and covers them
            spans.pop()
        spans.append((match.start, match.end))
    return snippet, tuple(spans)


def _matches(text: str, terms: list[QueryTerm]) -> Iterator[Word]:
    exact = {word for term in terms for parts in term for word in parts}
    prefixes = tuple(parts[-1] for parts in terms[-1]) if terms else ()
    return (word for word in find_words(text) if word.text in exact or (prefixes and word.text.startswith(prefixes)))


def _cut(text: str, at: int) -> str:
    """Return one line of `text` around `at`, cut between words where there are any, with … where text is missing."""
    low = max(0, at - _BEFORE)
    if low:
        low = next((i + 1 for i in range(low, at) if text[i].isspace()), low)
    high = min(len(text), low + WIDTH)
    if high < len(text):
        high = next((i for i in range(high, max(at + 1, high - 30), -1) if text[i].isspace()), high)
    line = " ".join(text[low:high].split())
    return f"{'…' if low else ''}{line}{'…' if high < len(text) else ''}"
