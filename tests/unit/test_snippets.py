"""What an excerpt of a message shows, whatever Markdown is around the match."""

from __future__ import annotations

import pytest

from argus_core.storage.snippets import WIDTH, snippet_of
from argus_core.text.fold import query_terms


@pytest.mark.parametrize(
    ("text", "wanted", "shown", "marked"),
    [
        ("## The **needle** lies `here`", "needle", "The needle lies here", ["needle"]),
        ("| name | size |\n|---|---|\n| needle | *small* |", "small", "name size needle small", ["small"]),
        ("- [ ] find the [needle](https://example.org/hay)", "needle", "find the needle", ["needle"]),
        ("see [it](https://example.org/hay)", "hay", "see [it](https://example.org/hay)", ["hay"]),
        ("```python\nneedle = a*b*c\n```", "needle", "needle = a*b*c", ["needle"]),
        ("**Straße** und **سلام**", "strasse سلام", "Straße und سلام", ["Straße", "سلام"]),
        ("**Nothing** here", "absent", "Nothing here", []),
        ("", "absent", "", []),
    ],
)
async def test_an_excerpt_is_text_with_its_matches_marked(
    text: str, wanted: str, shown: str, marked: list[str]
) -> None:
    snippet, spans = await snippet_of(text, query_terms(wanted))
    assert " ".join(snippet.split()) == shown
    assert [snippet[start:end] for start, end in spans] == marked


async def test_an_excerpt_out_of_the_midst_says_that_there_is_more() -> None:
    text = "**before** the\n" * 500 + "a **needle** lies here\n" + "and *after* it\n" * 500
    snippet, ((start, end),) = await snippet_of(text, query_terms("needle"))
    assert (snippet[0], snippet[-1]) == ("…", "…")
    assert snippet[start:end] == "needle"
    assert "*" not in snippet
    assert len(snippet) <= WIDTH + 10
