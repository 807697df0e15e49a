"""What a case of the team's benchmarks hands back."""

from __future__ import annotations

import sys

from benchmarks.measure import Figures

Runs = dict[str, list[Figures]]
"""Figures of each run, by what was run."""


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)
