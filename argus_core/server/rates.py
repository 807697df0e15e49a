"""What is left of the limits, in the headers of draft-ietf-httpapi-ratelimit-headers-11."""

from __future__ import annotations

import math

from starlette.responses import Response

from argus_core.client.local import LocalClient
from argus_core.domain import Meter, MeterName

_POLICIES: dict[MeterName, tuple[str, int]] = {
    "requests_per_minute": ("minute", 60),
    "requests_per_day": ("day", 86_400),
    "tokens_per_day": ("day-tokens", 86_400),
    "micro_usd_per_day": ("day-micro-usd", 86_400),
}


async def with_rates(answer: Response, client: LocalClient) -> Response:
    """Put the user's limits and what is left of them into the headers of an answer."""
    meters = await client.account.meters()
    if meters:
        answer.headers["RateLimit-Policy"] = ", ".join(map(_policy, meters))
        answer.headers["RateLimit"] = ", ".join(map(_state, meters))
    return answer


def _policy(meter: Meter) -> str:
    name, window_s = _POLICIES[meter.name]
    return f'"{name}";q={meter.limit};w={window_s}'


def _state(meter: Meter) -> str:
    name, _ = _POLICIES[meter.name]
    return f'"{name}";r={meter.left};t={math.ceil(meter.resets_in_s)}'
