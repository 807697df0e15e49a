from __future__ import annotations

import subprocess
import sys

from argus_core.providers import prices


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


def test_importing_the_drivers_loads_no_sdk_and_no_prices() -> None:
    program = (
        "import sys, argus_core.providers.gemini, argus_core.providers.gemini_legacy, argus_core.providers.local\n"
        "late = 'google.genai google.generativeai httpx2 genai_prices xllamacpp pydantic requests'.split()\n"
        "print([name for name in late if name in sys.modules])"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ended.stdout.strip() == "[]"
