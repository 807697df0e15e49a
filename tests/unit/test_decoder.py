"""The reader of JSON bodies: what it takes is what `json` takes, and what is hostile ends it at once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.errors import InvalidInput
from argus_core.server import decoder
from argus_core.server.decoder import MOST_VALUES, decode
from argus_core.wire import PIECE_CHARS

MOST = 2_000_000
_plain = st.one_of(st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(-1e9, 1e9), st.text())
_names = st.text(max_size=20)


@given(body=st.dictionaries(_names, _plain | st.lists(_plain, max_size=4), max_size=6), ascii=st.booleans())
def test_what_is_sent_is_read(body: dict[str, Any], ascii: bool) -> None:
    sent = json.dumps(body, ensure_ascii=ascii, indent=ascii or None).encode()
    assert asyncio.run(decode(sent, MOST)) == body


@given(
    text=st.text(alphabet=st.sampled_from('aسی😀\\"\n\u200c'), max_size=60),
    ascii=st.booleans(),
    piece=st.integers(12, 40),
)
def test_a_text_read_in_pieces_is_the_same(text: str, ascii: bool, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoder, "PIECE_CHARS", piece)
        assert asyncio.run(decode(json.dumps(text, ensure_ascii=ascii).encode(), MOST)) == text


async def test_half_a_surrogate_pair_is_kept_as_it_came() -> None:
    assert await decode(b'{"text": "half \\ud83d pair"}', MOST) == {"text": "half \ud83d pair"}


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b" ", b"{", b"[]]", b"{}{}", b"nul", b"nulla", b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b"+1"),
        *(b"1e999", b"9" * 5_000, b'"\x01"', b'"\\x"', b'"\\u12"', b'"open', b'"\\', b'"\xff"', b'"\xed\xa0\x80"'),
        *(b'{"a"}', b"{a:1}", b"{'a':1}", b"[1,]", b'{"a":1,}', b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b" " * 5_000),
        *(b"[" * 200_000, b'{"a":' * 200_000, b"[" * 5 + b"]" * 5, b'{"' + b"k" * 65 + b'":1}'),
        b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}",
        b"[" + b'"a",' * 100_000 + b'"a"]',
    ],
    ids=lambda body: repr(body[:12]),
)
async def test_what_is_no_modest_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        await decode(body, MOST)
    assert len(str(refused.value)) < 200


async def test_the_first_fault_ends_it() -> None:
    reader = decoder._Reader(b"{" + b",".join(b'"%d":1' % n for n in range(100_000)) + b"}", MOST)
    with pytest.raises(InvalidInput):
        await reader.value(2)
    assert reader._values == MOST_VALUES + 1


async def test_a_text_that_is_too_long_is_not_read_to_its_end() -> None:
    reader = decoder._Reader(b'"' + b"x" * 4_000_000 + b'"', 100_000)
    with pytest.raises(InvalidInput, match="under 100,000"):
        await reader.value(2)
    assert reader._at < 300_000


@pytest.mark.parametrize("letter", [b"x", "س".encode(), b"\\n", b"\\u0633"], ids=["plain", "persian", "escape", "code"])
async def test_others_run_while_a_long_text_is_read(letter: bytes) -> None:
    turns, over = 0, False

    async def others() -> None:
        nonlocal turns
        while not over:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(others())
    body = b'{"text":"' + letter * 1_500_000 + b'"}'
    assert len((await decode(body, MOST))["text"]) == 1_500_000
    over = True
    await running
    assert turns >= len(body) // PIECE_CHARS
