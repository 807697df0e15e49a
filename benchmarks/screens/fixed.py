"""Fixes the terminal and the clock: import this before anything of Argus, which asks for both while it is loaded."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta

from argus_core import ids

os.environ["TERM"], os.environ["COLORTERM"] = "xterm-256color", "truecolor"
os.environ.pop("NO_COLOR", None)

NOW = datetime.now().astimezone().replace(hour=14, minute=2, second=8, microsecond=0).astimezone(UTC)
"""Two minutes past two today: where the clock of the core begins."""
_began = time.monotonic()


def start_again() -> None:
    """Set the clock back to where it begins."""
    global _began
    _began = time.monotonic()


def _utc_now() -> datetime:
    now = NOW + timedelta(seconds=time.monotonic() - _began)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


ids.utc_now = _utc_now
