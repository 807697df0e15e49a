"""Times as whole milliseconds since 1970, which every storage keeps exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(time: datetime) -> int:
    """Return the milliseconds from 1970 to `time`, which is aware; a part of one is dropped."""
    return (time - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """Return the aware time in UTC that is so many milliseconds after 1970."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
