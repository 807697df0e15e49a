"""How many answers one process writes at once, and how long 100 questions of the same moment wait."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.cases import Row
from benchmarks.measure import Figures
from benchmarks.team.fleet import KINDS, Kind, Program, argus_server, make_accounts, place
from benchmarks.team.reading import Read, Reader, timings
from benchmarks.team.report import Runs, say

PASSED_MS = 1000.0
"""A process is full when more than one first delta in twenty takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowding:
    """How much is asked."""

    together: int = 100
    """Questions in the same moment."""
    levels: Sequence[int] = (50, 100, 150, 200, 250)
    """Answers at once; the next level is tried until one is too many."""
    tokens: int = 400
    per_s: int = 40
    level_s: float = 20.0
    rounds: int = 3


def _rows(kind: Kind) -> tuple[Row, ...]:
    together, alone = f"{kind}/together", f"{kind}/level"
    return (
        Row(f"{kind}: 100 questions in the same moment, to the last first delta", together, "last_ms", goal="≤ 800 ms"),
        Row("… CPU of the server for each", together, "question_us"),
        Row("… the most answers at once with p95 of the first delta under 1 s", alone, "most_count", goal="≥ 150"),
        Row("… p95 of the first delta at 150", f"{kind}/150", "first_p95_ms", goal="< 1,000 ms"),
        Row("… CPU of the server at 150", f"{kind}/150", "server_percent"),
    )


ROWS = tuple(row for kind in KINDS for row in _rows(kind))


async def measure(crowding: Crowding) -> Runs:
    """Ask one process, over each kind of store."""
    runs: Runs = {}
    for kind in KINDS:
        async with AsyncExitStack() as opened:
            where = opened.enter_context(place(kind))
            server = argus_server(where)
            opened.callback(server.stop)
            await server.start()
            accounts = await make_accounts(where, max(*crowding.levels, crowding.together))
            readers = [Reader(account, [server.port]) for account in accounts]
            for at in range(0, len(readers), 20):
                await asyncio.gather(*(reader.begin() for reader in readers[at : at + 20]))
            for _ in range(crowding.rounds):
                figures = await _together(crowding, server, readers[: crowding.together])
                runs.setdefault(f"{kind}/together", []).append(figures)
            most = 0
            for level in crowding.levels:
                figures = await _level(crowding, server, readers[:level])
                runs[f"{kind}/{level}"] = [figures]
                say(f"   crowd, {kind}/{level}: {figures}, load {os.getloadavg()[0]:.1f}")
                if figures["first_p95_ms"] > PASSED_MS:
                    break
                most = level
            runs[f"{kind}/level"] = [{"most_count": most}]
    return runs


async def _together(crowding: Crowding, server: Program, readers: Sequence[Reader]) -> Figures:
    """Ask everything in one moment, short answers."""
    before_s = server.cpu_s()
    reads = await asyncio.gather(*(reader.ask(8, crowding.per_s) for reader in readers))
    spent_s = server.cpu_s() - before_s
    waits = [read.delta_times[0] - read.asked_at for read in reads]
    figures = {"last_ms": max(waits) * 1000, "question_us": spent_s / len(reads) * 1e6}
    say(f"   crowd, {len(readers)} together: {figures}, load {os.getloadavg()[0]:.1f}")
    return figures


async def _level(crowding: Crowding, server: Program, readers: Sequence[Reader]) -> Figures:
    """Keep so many answers running for a while: each reader asks anew when its answer has ended."""
    answer_s = crowding.tokens / crowding.per_s
    until = time.monotonic() + answer_s + crowding.level_s
    before_s, began = server.cpu_s(), time.monotonic()

    async def talk(reader: Reader, wait_s: float) -> list[Read]:
        await asyncio.sleep(wait_s)
        reads = []
        while time.monotonic() < until:
            tokens = random.randint(crowding.tokens // 2, crowding.tokens * 3 // 2)
            reads.append(await reader.ask(tokens, crowding.per_s))
        return reads

    talks = [talk(reader, answer_s * at / len(readers)) for at, reader in enumerate(readers)]
    done = await asyncio.gather(*talks)
    percent = (server.cpu_s() - before_s) / (time.monotonic() - began) * 100
    return {**timings([read for reads in done for read in reads]), "server_percent": percent}
