"""What a Gemini answer costs, from the table of genai-prices, which is imported at the first question about a price."""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

from argus_core.providers.names import canonical

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

_PROVIDER = "google"
_SAMPLE_TOKENS = 1000
"""Small enough to stay in the lowest tier of prices that rise with the length."""


def loaded() -> bool:
    """Return whether the table is in memory, so that asking does not block."""
    return "genai_prices.data" in sys.modules


def load() -> None:
    """Load the table; blocking."""
    import genai_prices.data  # noqa: F401 - what is loaded at the first price otherwise


def cost_micro_usd(
    model: str, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0, picture_tokens: int = 0
) -> int | None:
    """Return the price of one answer in millionths of a US dollar; None when the model is not in the table.

    Args:
        model: As the provider calls it; aliases such as `gemini-flash-latest` are known.
        input_tokens: Of the question and all before it.
        output_tokens: Of the answer and the thinking together.
        cached_tokens: How many of the input tokens were read from a cache.
        picture_tokens: How many of the output tokens are pictures, which cost more with some models.
    """
    found = _calculate(model, input_tokens, output_tokens, cached_tokens, picture_tokens)
    return None if found is None else round(found.total_price * 1_000_000)


def most_micro_usd(
    model: str, input_tokens: int, output_tokens: int, unpriced_usd_per_million: float | None = None
) -> int | None:
    """Return the most that an answer of so many tokens can cost: as if all of it were pictures.

    Args:
        model: As in `cost_micro_usd`.
        input_tokens: As there.
        output_tokens: As there.
        unpriced_usd_per_million: What a million tokens of a model count as that is not in the table.
    """
    known = cost_micro_usd(model, input_tokens=input_tokens, output_tokens=output_tokens, picture_tokens=output_tokens)
    if known is None and unpriced_usd_per_million is not None:
        return math.ceil(unpriced_usd_per_million * (input_tokens + output_tokens))
    return known


def usd_per_million(model: str) -> tuple[float | None, float | None]:
    """Return the price of a million input and output tokens; None where it is not known."""
    found = _calculate(model, _SAMPLE_TOKENS, _SAMPLE_TOKENS)
    if found is None:
        return None, None
    factor = Decimal(1_000_000) / _SAMPLE_TOKENS
    return float(found.input_price * factor), float(found.output_price * factor)


def _calculate(
    model: str, input_tokens: int, output_tokens: int, cached_tokens: int = 0, picture_tokens: int = 0
) -> PriceCalculation | None:
    from genai_prices import Usage, calc_price

    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=min(cached_tokens, input_tokens) or None,
        output_image_tokens=min(picture_tokens, output_tokens) or None,
    )
    try:
        return calc_price(usage, canonical(model), provider_id=_PROVIDER)
    except (LookupError, ValueError):
        return None
