"""Finding a title by some of its letters, as one types: fast enough for ten thousand titles a keystroke."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
Spans = tuple[tuple[int, int], ...]

_SAME_LETTER = str.maketrans("يىكةۀأإآ", "ییکههااا")


class Match(NamedTuple, Generic[T]):
    """Something whose title matches; more is better."""

    item: T
    score: float
    spans: Spans
    """Start and end of the letters that matched, in the title."""


@lru_cache(20_000)
def fold(text: str) -> str:
    """Return the text in one spelling, letter for letter, so that places in it are places in the original."""
    lowered = text.lower().translate(_SAME_LETTER)
    return lowered if len(lowered) == len(text) else text.translate(_SAME_LETTER)


def matcher(query: str) -> Callable[[str], tuple[float, Spans] | None]:
    """Return a function that says how well a title matches: every word must, as it is or letter by letter."""
    words = fold(query).split()

    def match(title: str) -> tuple[float, Spans] | None:
        folded = fold(title)
        score, spans = 0.0, list[tuple[int, int]]()
        for word in words:
            found = _find(folded, word)
            if found is None:
                return None
            score += found[0]
            spans += found[1]
        return score - (len(title) / 1000 if words else 0.0), tuple(sorted(spans))

    return match


def best(query: str, items: Iterable[T], title_of: Callable[[T], str], limit: int) -> list[Match[T]]:
    """Return the best matches, best first; equal ones stay in their order."""
    match = matcher(query)
    found = [Match(item, *hit) for item in items if (hit := match(title_of(item))) is not None]
    return sorted(found, key=lambda one: -one.score)[:limit]


def _find(title: str, word: str) -> tuple[float, Spans] | None:
    at = title.find(word)
    if at >= 0:
        inside = at
        while at > 0 and title[at - 1].isalnum():  # prefer the start of a word
            at = title.find(word, at + 1)
        starts_word = at >= 0
        at = at if starts_word else inside
        return (3.0 if starts_word else 2.0) + (0.5 if at == 0 else 0.0), ((at, at + len(word)),)
    places, at = list[int](), -1
    for letter in word:
        at = title.find(letter, at + 1)
        if at < 0:
            return None
        places.append(at)
    spans = _joined(places)
    return 1.0 / len(spans), spans


def _joined(places: list[int]) -> Spans:
    """Return single letters as spans, neighbours in one."""
    spans: list[tuple[int, int]] = []
    for place in places:
        if spans and spans[-1][1] == place:
            spans[-1] = (spans[-1][0], place + 1)
        else:
            spans.append((place, place + 1))
    return tuple(spans)
