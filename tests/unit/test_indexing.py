"""What a message is found by is worked out in pieces, so that nobody waits for somebody else's long text."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.domain import TextPart, ThoughtPart
from argus_core.storage import indexing, snippets
from argus_core.storage.indexing import INDEXED_CHARS, INDEXED_FOLDED_CHARS, INDEXED_WORDS, PIECE, Indexer
from argus_core.storage.snippets import snippet_of
from argus_core.text.fold import pieces, query_terms, words

MIXED = "من می‌خواهم to 東京 Cafe\u0301 "


@given(text=st.text(alphabet=MIXED, max_size=120), size=st.integers(16, 40))
def test_the_words_of_the_pieces_are_those_of_the_text(text: str, size: int) -> None:
    spans = list(pieces(text, size))
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(end - start <= size for start, end in spans)
    if max((len(each) for each in text.split()), default=0) < size // 2:
        assert [word for start, end in spans for word in words(text[start:end])] == words(text)


async def test_only_what_was_said_is_indexed() -> None:
    parts = (ThoughtPart("hidden"), TextPart("Hel"), TextPart("lo, world"))
    assert await Indexer().words_of(parts) == ["hello", "world"]
    assert await Indexer().words_of(()) == []


@pytest.mark.parametrize(
    "text",
    ["東" * 2_000_000, MIXED * 90_000, "x" * 2_000_000, "ﷺ" * 2_000_000, "a\u200cb" * 600_000, "\0 " * 1_000_000],
)
async def test_no_text_takes_much_of_the_index(text: str) -> None:
    found = await Indexer().words_of([TextPart(text)])
    assert len(found) <= INDEXED_CHARS * 4
    assert len(set(found)) <= INDEXED_WORDS
    assert sum(map(len, set(found))) <= INDEXED_FOLDED_CHARS


async def test_others_have_their_turn_while_long_texts_are_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    folded: list[int] = []
    turns = itertools.count()

    def watched(text: str) -> list[str]:
        folded.append(len(text))
        seen.append(next(turns))
        return words(text)

    async def others() -> None:
        while True:
            next(turns)
            await asyncio.sleep(0)

    seen: list[int] = []
    monkeypatch.setattr(indexing, "words", watched)
    indexer, waiting = Indexer(), asyncio.create_task(others())
    await asyncio.gather(*(indexer.words_of([TextPart("東京" * 1_000_000)]) for _ in range(3)))
    waiting.cancel()
    assert sum(folded) == 3 * INDEXED_CHARS
    assert max(folded) <= PIECE
    assert all(after - before > 1 for before, after in itertools.pairwise(seen))


async def test_a_match_far_away_is_not_looked_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def watched(text: str) -> list[str]:
        looked.append(len(text))
        return words(text)

    monkeypatch.setattr(snippets, "words", watched)
    text = "東 " * 1_000_000 + "needle"
    snippet, spans = await snippet_of(text, query_terms("needle"))
    assert (snippet[:3], spans) == ("東 東", ())
    assert sum(looked) <= INDEXED_CHARS
    near = f"{text[: INDEXED_CHARS - 50]} needle {text}"
    snippet, ((start, end),) = await snippet_of(near, query_terms("need"))
    assert snippet[start:end] == "needle"
