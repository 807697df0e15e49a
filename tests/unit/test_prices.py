from __future__ import annotations

import subprocess
import sys
from typing import Any

from argus_core.providers import prices
from argus_core.providers.answer import Answer
from argus_core.providers.gemini_wire import chunks


def test_a_known_model_has_a_price() -> None:
    assert prices.usd_per_million("gemini-2.5-pro") == (1.25, 10.0)


def test_an_unknown_model_has_none() -> None:
    assert prices.usd_per_million("no-such-model") == (None, None)
    assert prices.cost_micro_usd("no-such-model", input_tokens=1, output_tokens=1) is None


def test_the_cost_of_an_answer_is_in_millionths_of_a_dollar() -> None:
    assert prices.cost_micro_usd("gemini-2.5-pro", input_tokens=1000, output_tokens=100) == 1250 + 1000


def test_tokens_read_from_a_cache_are_cheaper() -> None:
    whole = prices.cost_micro_usd("gemini-2.5-pro", input_tokens=1000, output_tokens=0)
    cached = prices.cost_micro_usd("gemini-2.5-pro", input_tokens=1000, output_tokens=0, cached_tokens=900)

    assert whole is not None
    assert cached is not None
    assert cached < whole


def test_counts_that_do_not_fit_together_still_have_a_price() -> None:
    assert prices.cost_micro_usd("gemini-2.5-pro", input_tokens=10, output_tokens=0, cached_tokens=900) is not None


def test_a_name_is_priced_in_any_spelling() -> None:
    price = prices.cost_micro_usd("gemini-2.5-pro", input_tokens=1000, output_tokens=100)
    for name in ("models/gemini-2.5-pro", "GEMINI-2.5-PRO", "publishers/google/models/gemini-2.5-pro"):
        assert prices.cost_micro_usd(name, input_tokens=1000, output_tokens=100) == price


def test_pictures_cost_what_pictures_cost() -> None:
    whole = prices.cost_micro_usd("gemini-3-pro-image", input_tokens=0, output_tokens=1300, picture_tokens=1290)
    assert whole == 10 * 12 + 1290 * 120
    assert prices.cost_micro_usd("gemini-2.5-pro", input_tokens=0, output_tokens=100, picture_tokens=999) == 1000


def test_what_a_model_without_a_price_counts_as_is_set() -> None:
    assert prices.most_micro_usd("no-such-model", 1000, 100) is None
    assert prices.most_micro_usd("no-such-model", 1000, 100, 2.5) == 2750
    assert prices.most_micro_usd("no-such-model", 1000, 100, 0.0) == 0
    assert prices.most_micro_usd("gemini-2.5-pro", 1000, 100, 2.5) == 1250 + 1000
    assert prices.most_micro_usd("gemini-3-pro-image", 0, 1000) == 120_000


def answer_of(*responses: dict[str, Any]) -> Answer:
    answer = Answer()
    for response in responses:
        list(chunks(response, answer))
    return answer


PICTURE = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}


async def test_an_answer_with_pictures_has_a_price() -> None:
    usage: dict[str, Any] = {"promptTokenCount": 100, "candidatesTokenCount": 1300}
    said: dict[str, Any] = {
        "candidates": [{"content": {"parts": [PICTURE]}, "finishReason": "STOP"}],
        "usageMetadata": usage,
    }
    told = usage | {"candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}, {"modality": "TEXT"}]}

    untold = (await answer_of(said).end("gemini-3-pro-image")).usage
    exact = (await answer_of(said | {"usageMetadata": told}).end("gemini-3-pro-image")).usage
    assert exact is not None
    assert untold is not None
    assert exact.cost_micro_usd == 200 + 120 + 1290 * 120
    assert untold.cost_micro_usd == 200 + 1300 * 120  # rather too much


async def test_the_model_that_answered_decides_the_price() -> None:
    usage = {"promptTokenCount": 1000, "candidatesTokenCount": 100}
    said: dict[str, Any] = {
        "candidates": [{"content": {"parts": [{"text": "So."}]}, "finishReason": "STOP"}],
        "usageMetadata": usage,
        "modelVersion": "models/gemini-2.5-pro",
    }

    for asked in ("gemini-2.5-flash", "no-such-model"):
        found = (await answer_of(said).end(asked)).usage
        assert found is not None
        assert found.cost_micro_usd == 1250 + 1000


def test_importing_the_drivers_loads_no_sdk_and_no_prices() -> None:
    program = (
        "import sys, argus_core.providers.gemini, argus_core.providers.gemini_legacy, argus_core.providers.local\n"
        "late = 'google.genai google.generativeai httpx2 genai_prices xllamacpp pydantic requests'.split()\n"
        "print([name for name in late if name in sys.modules])"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"
