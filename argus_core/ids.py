"""Identifiers and the time; passed in where a test wants to fix them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime


def new_id() -> str:
    """Return 32 random hex digits (UUID version 4)."""
    return uuid.uuid4().hex


def utc_now() -> datetime:
    """Return the time now, aware, in UTC, cut to milliseconds, which every storage can keep."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
