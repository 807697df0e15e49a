"""Who asks without having signed in: counted for each network, in memory, before anything is done for them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from argus_core.errors import LimitReached

MOST_NETWORKS = 10_000


class Callers:
    """One bucket (GCRA) for each network.

    Args:
        clock: Tells seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}
        """When the bucket of a network will be full again; those that are full are left out now and then."""

    def count(self, network: str, per_minute: int | None) -> None:
        """Count a request.

        Raises:
            LimitReached: There were more than `per_minute`; None for any number.
        """
        if per_minute is None:
            return
        now, each_s = self._clock(), 60 / per_minute
        full_at = max(self._full_at.get(network, now), now) + each_s
        if full_at - now > 60 + each_s / 2:
            wait_s = max(1, math.ceil(full_at - now - 60))
            raise LimitReached(
                f"Try again in {wait_s} s.", title="Too much comes from your network", retry_after_s=wait_s
            )
        if len(self._full_at) >= MOST_NETWORKS and network not in self._full_at:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
        if len(self._full_at) < MOST_NETWORKS or network in self._full_at:
            self._full_at[network] = full_at
