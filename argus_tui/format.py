"""Small texts for the screens: times, sizes, counts, money, and clipping by terminal cells."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size

if TYPE_CHECKING:
    from argus_core.domain import Kept

_DECIMAL_UNITS = ("B", "kB", "MB", "GB", "TB")


def clock(at: datetime) -> str:
    """Return the local time of day, such as `14:02`."""
    return f"{at.astimezone():%H:%M}"


def day(at: datetime) -> str:
    """Return the local date, such as `20 Nov 2026`."""
    local = at.astimezone()
    return f"{local.day} {local:%b %Y}"


def relative_time(at: datetime, now: datetime) -> str:
    """Return how long ago `at` was, in the coarsest unit that says enough: `now`, `5 min`, `3 h`, `2 d`, `20 Nov`."""
    gone = now - at
    if gone < timedelta(minutes=1):
        return "now"
    if gone < timedelta(hours=1):
        return f"{gone // timedelta(minutes=1)} min"
    if gone < timedelta(days=1):
        return f"{gone // timedelta(hours=1)} h"
    if gone < timedelta(days=7):
        return f"{gone.days} d"
    local = at.astimezone()
    same_year = local.year == now.astimezone().year
    return f"{local.day} {local:%b}" if same_year else day(at)


def size(size_bytes: int) -> str:
    """Return a size in decimal units, as file managers show it: `412 kB`, `1.9 MB`."""
    value, unit = float(size_bytes), _DECIMAL_UNITS[0]
    for unit in _DECIMAL_UNITS:
        if round(value) < 1000 or unit == _DECIMAL_UNITS[-1]:
            break
        value /= 1000
    if unit in ("B", "kB") or value >= 100:
        return f"{value:.0f} {unit}"
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def count(number: int) -> str:
    """Return a count in at most four cells or so: `999`, `4.2k`, `41k`, `1M`."""
    if number < 1000:
        return str(number)
    for unit, worth in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= worth:
            value = number / worth
            return f"{value:.1f}".removesuffix(".0") + unit if value < 10 else f"{value:.0f}{unit}"
    return str(number)


def grouped(number: int) -> str:
    """Return a count in full with separators: `41,200`."""
    return f"{number:,}"


def share(kept: Kept) -> str:
    """Return how much is kept of how much: `12 of 10,000`, `1.3 of 512 MB`, in the megabytes of the settings."""
    if not kept.name.endswith("_bytes"):
        return f"{kept.used:,} of {kept.limit:,}"
    used, limit = kept.used / (1 << 20), kept.limit / (1 << 20)
    return f"{used:,.0f} of {limit:,.0f} MB" if used >= 10 else f"{used:.1f} of {limit:,.0f} MB"


def duration(seconds: float) -> str:
    """Return a length of time: `0.4 s`, `3 s`, `2 min 5 s`, `1 h 4 min`."""
    if 0 < seconds < 0.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def money(micro_usd: int) -> str:
    """Return millionths of a dollar as dollars with at least one digit that counts: `$0.0004`, `$0.018`, `$1.25`."""
    dollars = micro_usd / 1_000_000
    if micro_usd <= 0:
        return "$0"
    if dollars >= 1:
        return f"${dollars:,.2f}"
    places = 2
    while places < 6 and round(dollars, places) * 10**places < 10:
        places += 1
    text = f"{dollars:.{places}f}"
    while len(text) > len("0.00") and text.endswith("0"):
        text = text[:-1]
    return f"${text}"


def clip(text: str, cells: int, mark: str = "…") -> str:
    """Return `text` in at most `cells` terminal cells; what is cut ends in `mark`, which is one cell wide."""
    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + mark


def fit(text: str, cells: int, mark: str = "…") -> str:
    """Return `text` clipped or padded to exactly `cells` terminal cells."""
    clipped = clip(text, cells, mark)
    return clipped + " " * (cells - cell_len(clipped))
