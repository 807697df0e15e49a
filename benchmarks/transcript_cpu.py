"""What one streamed token costs the transcript: CPU, paints and bytes, without network, storage or terminal.

    python benchmarks/transcript_cpu.py                 all kinds of text, both lengths, flat out and 500 a second
    python benchmarks/transcript_cpu.py code 2000 500   one of them

The app runs with a driver that renders everything and writes it nowhere. A run also sets the floor: the CPU time of a
fixed loop of plain Python, so that figures of different machines can be compared.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from textual.app import App, ComposeResult
from textual.drivers.headless_driver import HeadlessDriver

from argus_core.domain import Message
from argus_tui.themes import THEMES, VARIABLE_DEFAULTS
from argus_tui.widgets.transcript import Transcript

SIZE = (120, 40)
WORDS = (
    "the a of and to in stream client layout paint screen buffer event loop model render block cache latency "
    "frame cell width parse delta socket await queue budget measure simple robust quick careful terminal answer "
    "message history"
).split()
TOKEN = re.compile(r"\n+|[ ]*[A-Za-z0-9]{1,7}|[ ]*[^\sA-Za-z0-9]{1,4}|[ ]+")
KINDS = ("mix", "prose", "list", "code", "table")
GOAL_GROWTH, GOAL_KIND = 1.1, 1.5


class NullDriver(HeadlessDriver):
    """Takes what a terminal would get, and counts it."""

    written = 0

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        NullDriver.written += len(data.encode())


class Bench(App[None]):
    """A transcript and nothing else."""

    paints = 0

    def __init__(self, script: Callable[[Bench], Awaitable[None]]) -> None:
        super().__init__(driver_class=NullDriver)
        self.script = script

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return VARIABLE_DEFAULTS

    def compose(self) -> ComposeResult:
        yield Transcript()

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "argus-night"
        self.run_worker(self.script(self))

    def _display(self, screen: Any, renderable: Any) -> None:
        self.paints += 1
        super()._display(screen, renderable)


def sentence(rng: random.Random) -> str:
    words = [rng.choice(WORDS) for _ in range(rng.randint(8, 16))]
    at = rng.randrange(len(words))
    words[at] = rng.choice(("**{}**", "*{}*", "`{}`", "{}")).format(words[at])
    return " ".join(words).capitalize() + "."


def pieces(kind: str, rng: random.Random) -> Iterator[str]:
    """Yield text without end: one list, one fence, one table, paragraphs, or all of them in turn."""
    if kind == "code":
        yield "```python\n"
    if kind == "table":
        yield "| name | value | note |\n|---|---:|---|\n"
    while True:
        if kind == "prose":
            yield " ".join(sentence(rng) for _ in range(4)) + "\n\n"
        elif kind == "list":
            yield f"- {sentence(rng)}\n"
        elif kind == "code":
            name, word = rng.choice(WORDS), rng.choice(WORDS)
            yield f"    {name} = compute({word!r}, limit={rng.randint(1, 99)})  # {word} {name}\n"
        elif kind == "table":
            yield f"| {rng.choice(WORDS)} {rng.choice(WORDS)} | {rng.randint(1, 999)} | {rng.choice(WORDS)} |\n"
        else:
            yield f"## {rng.choice(WORDS)} {rng.choice(WORDS)}\n\n{sentence(rng)} {sentence(rng)}\n\n"
            for part in ("list", "code", "table"):
                inner = pieces(part, rng)
                yield "".join(next(inner) for _ in range(6)) + ("```\n\n" if part == "code" else "\n")


def tokens(kind: str, count: int) -> list[str]:
    rng = random.Random(7731)
    found: list[str] = []
    for piece in pieces(kind, rng):
        found += TOKEN.findall(piece)
        if len(found) >= count:
            return found[:count]
    return found


def running(count: int) -> Message:
    return Message(
        id=f"answer{count}",
        conversation_id="c",
        parent_id=None,
        seq=1,
        role="assistant",
        parts=(),
        status="running",
        created_at=datetime(2026, 11, 20, 14, 2, tzinfo=UTC),
    )


async def stream(kind: str, count: int, rate: float) -> dict[str, Any]:
    """Stream one answer and return what a token took."""
    result: dict[str, Any] = {}

    async def script(app: Bench) -> None:
        await asyncio.sleep(0.3)
        transcript = app.query_one(Transcript)
        warm = running(0)
        transcript.begin(warm)
        for token in tokens("mix", 300):
            transcript.append_text(warm.id, token)
        await asyncio.sleep(0.2)
        transcript.clear()
        transcript.begin(running(count))
        await asyncio.sleep(0.2)
        given = tokens(kind, count)
        paints, written = app.paints, NullDriver.written
        cpu, start = time.process_time(), time.perf_counter()
        for number, token in enumerate(given):
            transcript.append_text(f"answer{count}", token)
            if rate:
                wait = start + number / rate - time.perf_counter()
                if wait > 0:
                    await asyncio.sleep(wait)
            elif number % 16 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0.06)
        used, wall = time.process_time() - cpu, time.perf_counter() - start
        result.update(
            kind=kind,
            tokens=count,
            rate=rate,
            characters=sum(map(len, given)),
            us_per_token=round(used / count * 1e6),
            paints_per_s=round((app.paints - paints) / wall, 1),
            bytes_per_token=round((NullDriver.written - written) / count),
        )
        app.exit()

    await Bench(script).run_async(headless=False, size=SIZE)
    return result


def floor() -> float:
    start = time.process_time()
    sum(i * i % 7 for i in range(300_000))
    return time.process_time() - start


def main() -> None:
    print(json.dumps({"floor_ms": round(floor() * 1000, 1)}))
    if len(sys.argv) == 4:
        print(json.dumps(asyncio.run(stream(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
        return
    found: dict[tuple[str, int, float], int] = {}
    for rate in (0.0, 500.0):
        for count in (2000, 10000):
            for kind in KINDS:
                row = asyncio.run(stream(kind, count, rate))
                found[kind, count, rate] = row["us_per_token"]
                print(json.dumps(row), flush=True)
    for rate in (0.0, 500.0):
        growth = found["mix", 10000, rate] / found["mix", 2000, rate]
        print(f"rate {rate:.0f}: growth {growth:.2f} (goal {GOAL_GROWTH})")
        for kind in KINDS[2:]:
            for count in (2000, 10000):
                ratio = found[kind, count, rate] / found["prose", count, rate]
                print(f"rate {rate:.0f}: {kind} at {count} tokens against prose {ratio:.2f} (goal {GOAL_KIND})")


if __name__ == "__main__":
    main()
