"""What `make bench` measures, and which figure goes into which row of its table."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import measure, seed_store
from benchmarks.answers import Kind
from benchmarks.measure import Figures
from benchmarks.server import Pace
from benchmarks.subjects import HELLO, ROOT, STREAM, argus

_STORES = ROOT / "benchmarks" / "out" / "stores"


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of a case beside the same figure of the case it is compared with."""

    what: str
    case: str
    figure: str
    floor: str | None = None
    goal: str = ""


def store(name: str, *, conversations: int, long_messages: int = 0) -> Path:
    """Return a seeded data folder, made at the first call and kept."""
    folder = _STORES / name
    if not folder.exists():
        _STORES.mkdir(parents=True, exist_ok=True)
        asyncio.run(seed_store.seed(folder, conversations=conversations, long_messages=long_messages))
    return folder


def _starts() -> dict[str, Callable[[], Figures]]:
    few, many = store("few", conversations=50), store("many", conversations=10_000)
    return {
        "hello": partial(measure.start, HELLO),
        "start/50": partial(measure.start, argus(few)),
        "start/10000": partial(measure.start, argus(many)),
    }


def _streams() -> dict[str, Callable[[], Figures]]:
    subject = argus(store("few", conversations=50))
    burst, single, paced = Pace(chunk=8), Pace(chunk=1), Pace(chunk=1, rate=200)
    return {
        "burst/floor": partial(measure.stream, STREAM, burst),
        "burst": partial(measure.stream, subject, burst),
        "single/floor": partial(measure.stream, STREAM, single),
        "single": partial(measure.stream, subject, single),
        "paced/floor": partial(measure.stream, STREAM, paced, keys=True),
        "paced": partial(measure.stream, subject, paced, keys=True),
    }


def _growth() -> dict[str, Callable[[], Figures]]:
    subject = argus(store("few", conversations=50))
    lengths = {f"long/{tokens}": Pace(tokens=tokens, rate=500, chunk=4) for tokens in (2_000, 10_000)}
    sizes: dict[Kind, int] = {"prose": 2_400, "list": 2_400, "code": 2_400, "table": 1_500}
    shapes = {f"shape/{kind}": Pace(kind=kind, tokens=tokens, rate=500, chunk=4) for kind, tokens in sizes.items()}
    return {name: partial(measure.stream, subject, pace) for name, pace in (lengths | shapes).items()}


def _openings() -> dict[str, Callable[[], Figures]]:
    subject = argus(store("long", conversations=50, long_messages=5_000))
    return {
        f"open/{count}": partial(measure.open_and_scroll, subject, title, seed_store.LAST_WORDS)
        for count, title in ((50, seed_store.SHORT_TITLE), (5_000, seed_store.LONG_TITLE))
    }


GROUPS: dict[str, Callable[[], dict[str, Callable[[], Figures]]]] = {
    "start": _starts,
    "stream": _streams,
    "growth": _growth,
    "open": _openings,
}

ROWS: dict[str, tuple[Row, ...]] = {
    "start": (
        Row("start to a usable prompt, 50 conversations", "start/50", "ready_ms", "hello", "≤ 1.25 ×"),
        Row("… with 10,000 against 50 conversations", "start/10000", "ready_ms", "start/50", "≤ 1.1 ×"),
        Row("CPU of the start", "start/50", "start_cpu_s", "hello"),
        Row("memory, idle", "start/50", "idle_mb", "hello", "≤ 1.5 ×"),
        Row("CPU, idle", "start/50", "idle_cpu_percent", "hello"),
    ),
    "stream": (
        Row("Enter to first token", "burst", "first_token_ms", "burst/floor", "≤ 60 ms"),
        Row("2,000 tokens, 8 an event: total", "burst", "total_ms", "burst/floor", "≤ 0.25 ×"),
        Row("2,000 tokens, 8 an event: CPU", "burst", "cpu_s", "burst/floor", "≤ 0.25 ×"),
        Row("2,000 tokens, 1 an event: total", "single", "total_ms", "single/floor", "≤ 0.45 ×"),
        Row("2,000 tokens, 1 an event: CPU", "single", "cpu_s", "single/floor", "≤ 0.45 ×"),
        Row("200 tokens/s: CPU", "paced", "cpu_s", "paced/floor", "≤ 0.3 ×"),
        Row("200 tokens/s: bytes to the terminal", "paced", "kilobytes", "paced/floor", "≤ 1.0 ×"),
        Row("200 tokens/s: lag", "paced", "mid_lag_ms", "paced/floor"),
        Row("200 tokens/s: worst lag", "paced", "mid_lag_max_ms", "paced/floor"),
        Row("key echo while it streams", "paced", "echo_ms", "paced/floor", "≤ 20 ms"),
        Row("worst key echo while it streams", "paced", "echo_max_ms", "paced/floor", "≤ 50 ms"),
        Row("memory after 2,000 tokens", "paced", "peak_mb", "paced/floor"),
    ),
    "growth": (
        Row("CPU per token at 10,000 tokens against 2,000", "long/10000", "cpu_us_a_token", "long/2000", "≤ 1.1 ×"),
        Row("paints a second at 10,000 tokens", "long/10000", "frames_per_s", "long/2000", "≥ 20"),
        Row("one long list against prose, CPU per token", "shape/list", "cpu_us_a_token", "shape/prose", "≤ 1.5 ×"),
        Row("one long code fence against prose", "shape/code", "cpu_us_a_token", "shape/prose", "≤ 1.5 ×"),
        Row("one long table against prose", "shape/table", "cpu_us_a_token", "shape/prose", "≤ 1.5 ×"),
        Row("paints a second in the table", "shape/table", "frames_per_s", "shape/prose", "≥ 20"),
    ),
    "open": (
        Row("opening 5,000 messages against 50", "open/5000", "open_ms", "open/50", "≤ 1.5 ×"),
        Row("… CPU", "open/5000", "open_cpu_s", "open/50"),
        Row("one page up in 5,000 messages, CPU", "open/5000", "scroll_cpu_ms", "open/50", "≤ 16 ms"),
    ),
}
