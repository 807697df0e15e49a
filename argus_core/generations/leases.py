"""Which running generations nobody keeps up any more: seen by watching their leases, with no trust in a clock.

A process renews the leases of its generations each second. What time they name is that process's own opinion; that they
change is a fact, and how long one did not is measured here, on a clock that nobody sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from argus_core.domain import Generation

ABANDONED_S = 3.0
"""A lease that was watched so long and did not change is nobody's."""
BLIND_S = 2.0
"""After so long without a look all watching begins anew: while the store was away nobody could renew anything."""
_MOST_S = 1.0
"""No step between two looks counts for more, so that a short absence of the store alone gives nobody up."""


@dataclass(frozen=True, slots=True)
class _Watched:
    lease_until: datetime
    unchanged_s: float


class Leases:
    """What one process has seen of the leases of all."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._looked_s = float("-inf")

    def look(self, running: Iterable[Generation], asked_s: float, told_s: float) -> set[str]:
        """Return the ids of the generations whose lease has not changed for too long.

        Args:
            running: All that run now.
            asked_s: When the store was asked for them, on a clock that nobody sets.
            told_s: When it answered.
        """
        step_s = min(asked_s - self._looked_s, _MOST_S)
        blind = told_s - self._looked_s > BLIND_S
        self._looked_s = told_s
        before = {} if blind else self._watched
        self._watched = {one.id: _watch(one, before.get(one.id), step_s) for one in running}
        return {id for id, watched in self._watched.items() if watched.unchanged_s >= ABANDONED_S}


def _watch(generation: Generation, before: _Watched | None, step_s: float) -> _Watched:
    if before is None or before.lease_until != generation.lease_until:
        return _Watched(generation.lease_until, 0.0)
    return _Watched(generation.lease_until, before.unchanged_s + step_s)
