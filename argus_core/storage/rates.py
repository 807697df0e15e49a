"""The arithmetic of buckets, the same for every storage: whole microseconds, so that a burst is exact.

A bucket is one number, the time at which it is full again (GCRA, as ITU-T I.371 describes it): each request moves that
time on by the interval at which requests come in, and one that would move it too far ahead of now is refused.
"""

from __future__ import annotations

from typing import NamedTuple

from argus_core.errors import InvalidInput
from argus_core.storage.accounts import Rate, Taken

_US = 1_000_000
_SLOWEST = 1 / (366 * 86_400)
"""One request a year: an interval that 64 bits hold."""


class Measure(NamedTuple):
    """A rate in microseconds."""

    interval_us: int
    """What one request takes."""
    room_us: int
    """How far ahead of now the time may lie at which the bucket is full."""


def measure(rate: Rate, cost: int) -> Measure:
    """Return the rate in microseconds.

    Raises:
        InvalidInput: The rate lets nothing through, or the bucket never holds so much.
    """
    if not (rate.burst >= 1 and rate.per_s > 0 and 0 <= cost <= rate.burst):
        raise InvalidInput("A bucket holds at least one request, fills up, and holds what is taken at once.")
    interval_us = max(1, round(_US / max(rate.per_s, _SLOWEST)))
    return Measure(interval_us, interval_us * rate.burst)


def taken(measure: Measure, ahead_us: int, cost: int, allowed: bool) -> Taken:
    """Return what came of taking `cost`.

    Args:
        measure: Of the bucket.
        ahead_us: How far ahead of now the bucket is full, afterwards.
        cost: What was asked for; 0 asks for the next request.
        allowed: Whether it was taken; of a look it does not count.
    """
    ahead_us = min(max(ahead_us, 0), measure.room_us)
    left = (measure.room_us - ahead_us) // measure.interval_us
    wanted = cost if cost and not allowed else 1
    wait_us = max(0, ahead_us + wanted * measure.interval_us - measure.room_us)
    return Taken(allowed=allowed if cost else left >= 1, left=left, wait_s=wait_us / _US, full_in_s=ahead_us / _US)
