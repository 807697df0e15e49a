"""Large JSON with pictures: read whole, and without holding up anybody."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import sys
import time
from typing import Any

import pytest

from argus_core.providers import big_json
from argus_core.providers.big_json import TooLarge, decoded, loads

PICTURE = random.Random(7).randbytes(300_000)
TEXT = base64.b64encode(PICTURE).decode()


def response(**part: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": 'say "data": "x" \u2028'}, part]}}]}


async def test_a_small_text_is_read_as_it_is() -> None:
    assert await loads(b'{"data": "QUJD"}') == {"data": "QUJD"}
    assert decoded("QUJD") == b"ABC"


async def test_long_base64_comes_decoded_and_all_else_as_it_is() -> None:
    given = response(inlineData={"mimeType": "image/png", "data": TEXT}, thoughtSignature=TEXT, note=TEXT[:4])

    found = await loads(json.dumps(given).encode())

    blob = {"mimeType": "image/png", "data": PICTURE}
    assert found == response(inlineData=blob, thoughtSignature=PICTURE, note=TEXT[:4])
    assert decoded(found["candidates"][0]["content"]["parts"][1]["inlineData"]["data"]) == PICTURE


@pytest.mark.parametrize(
    "escaped",
    [lambda text: text.replace("/", "\\/"), lambda text: text.replace("=", "\\u003d").replace("+", "\\u002B")],
)
async def test_base64_that_a_writer_escaped_is_read(escaped: Any) -> None:
    data = PICTURE[:-1]  # so that there is padding
    text = f'{{"data" : "{escaped(base64.b64encode(data).decode())}"}}'

    assert await loads(text.encode()) == {"data": data}


@pytest.mark.parametrize(
    "text",
    [
        b'{"data": "' + b"QUJD" * 50_000,
        b'{"data": "' + b"QUJD" * 50_000 + b'"',
        b'{"data": "' + b"QUJD" * 50_000 + b'Q"}',
        b'{"text": "' + b"x" * 100_000 + b'\xff"}',
        b"[" * 100_000,
    ],
)
async def test_what_is_broken_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        await loads(text)


@pytest.mark.parametrize("rest", [b'"' * (4 << 20), b'"text": "' + b"x" * (4 << 20), b"1," * (2 << 20)])
async def test_too_much_beside_the_base64_is_refused(rest: bytes) -> None:
    with pytest.raises(TooLarge):
        await loads(b'{"data": "' + b"QUJD" * 50_000 + b'", ' + rest)


async def test_a_text_of_another_field_may_hold_what_looks_like_a_mark() -> None:
    found = await loads(json.dumps({"a": {"data": TEXT}, "b": {"text": "\0base64:0"}}).encode())

    assert found == {"a": {"data": PICTURE}, "b": {"text": "\0base64:0"}}


async def test_a_large_event_does_not_hold_up_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call may hold the interpreter for long: each switch of threads shows how long one did."""
    data = random.Random(7).randbytes(1 << 20) * 20
    text = json.dumps(response(inlineData={"mimeType": "image/png", "data": base64.b64encode(data).decode()})).encode()
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    longest = 0.0
    try:
        reading = asyncio.create_task(loads(text))
        while not reading.done():
            began = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - began)
    finally:
        sys.setswitchinterval(before)

    assert decoded((await reading)["candidates"][0]["content"]["parts"][1]["inlineData"]["data"]) == data
    assert longest < 0.1  # 20 ms and what a busy machine adds; read at once it is 80 ms and more
    assert len(text) > big_json.SMALL_BYTES
