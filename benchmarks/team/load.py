"""200 answers at once on two servers over one MongoDB, one of them killed each minute."""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from typing import NamedTuple

from argus_core.ids import utc_now
from benchmarks import processes
from benchmarks.cases import Row
from benchmarks.measure import Figures
from benchmarks.team.fleet import Place, Program, argus_server, make_accounts, mongod_cpu_s, place
from benchmarks.team.reading import Read, Reader, sample, timings, violations
from benchmarks.team.report import Runs, say

KILL_EACH_S = 60.0
DOWN_S = 1.0
"""How long a server that was killed stays away."""
STORM_S = 10.0
ASKS_AGAIN_S = 5.0
"""Within this time whoever had an answer cut off asks again: people do not all do so in the same moment."""
BY_KILL_S = 15.0
"""What ended as interrupted so soon after a kill was cut by it."""

ROWS = (
    Row("answers at once", "load", "at_once_count"),
    Row("… asked in all", "load", "answers_count"),
    Row("… cut by a kill, ended as interrupted", "load", "interrupted_count"),
    Row("… ended as interrupted though no server was killed", "load", "given_up_count", goal="0"),
    Row("kills", "load", "kills_count"),
    Row("violations", "load", "violations_count", goal="0"),
    Row("answers of a server but 201, 200 and 503", "load", "unexpected_count", goal="0"),
    Row("send to first delta, p50", "load", "first_p50_ms"),
    Row("… p95", "load", "first_p95_ms", goal="< 500 ms"),
    Row("… p99", "load", "first_p99_ms"),
    Row("… of what was not asked within 10 s after a kill, p50", "load", "calm_first_p50_ms"),
    Row("… p95", "load", "calm_first_p95_ms"),
    Row("gap between deltas, p50", "load", "gap_p50_ms"),
    Row("… p95", "load", "gap_p95_ms", goal="< 400 ms"),
    Row("… p99", "load", "gap_p99_ms"),
    Row("kill to the end of what it cut, longest", "load", "ended_after_kill_ms", goal="≤ 5,000 ms"),
    Row("memory of a server, most", "load", "server_mb", goal="< 150 MB"),
    Row("CPU of both servers", "load", "servers_percent"),
    Row("CPU of mongod", "load", "mongod_percent"),
    Row("CPU of the readers", "load", "readers_percent"),
    Row("CPU of all else on the machine", "load", "else_percent"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much, and for how long."""

    answers: int = 200
    tokens: int = 800
    """On the average; answers take half to one and a half of it, so that what a kill has brought into step gets out."""
    per_s: int = 40
    duration_s: float = 130.0
    kill_each_s: float = KILL_EACH_S
    asks_again_s: float = ASKS_AGAIN_S


class Kill(NamedTuple):
    """When a server was killed, by both clocks."""

    at: datetime
    monotonic: float


async def measure(load: Load) -> Runs:
    """Run it once."""
    with place("mongo") as where:
        servers = [argus_server(where) for _ in range(2)]
        try:
            await asyncio.gather(*(server.start() for server in servers))
            return {"load": [await _under_load(load, where, servers)]}
        finally:
            for server in servers:
                server.stop()


async def _under_load(load: Load, where: Place, servers: Sequence[Program]) -> Figures:
    accounts = await make_accounts(where, load.answers)
    readers = [Reader(account, *_ways(number, servers)) for number, account in enumerate(accounts)]
    await asyncio.gather(*(reader.begin() for reader in readers))
    say(f"   load: {load.answers} answers at once for {load.duration_s:.0f} s")
    watching = asyncio.create_task(sample(servers))
    before, began = _cpu(servers), time.monotonic()
    killing = asyncio.create_task(_kill_each(load.kill_each_s, servers))
    until = began + load.duration_s
    talks = [_talk(reader, load, until, number / load.answers) for number, reader in enumerate(readers)]
    done = await asyncio.gather(*talks, return_exceptions=True)
    kills = await _stopped(killing)
    spent, took_s = _cpu(servers), time.monotonic() - began
    watching.cancel()
    reads = [read for talk in done if not isinstance(talk, BaseException) for read in talk]
    bugs = [talk for talk in done if isinstance(talk, BaseException)]
    for bug in bugs:
        say(f"   {bug!r}")
    percents = {f"{name}_percent": (spent[name] - before[name]) / took_s * 100 for name in spent}
    return {
        "at_once_count": load.answers,
        "unexpected_count": len(bugs),
        "kills_count": len(kills),
        "server_mb": max(server.peak_mb for server in servers),
        **percents,
        **timings(reads),
        **{f"calm_{name}": value for name, value in timings(_asked_in_calm(reads, kills)).items()},
        **await _checked(where, reads, kills),
    }


def _asked_in_calm(reads: Sequence[Read], kills: Sequence[Kill]) -> list[Read]:
    """Leave out what was asked shortly after a kill, when all whose answers were cut ask again."""
    return [read for read in reads if not any(0 <= read.asked_at - at <= STORM_S for _, at in kills)]


def _ways(number: int, servers: Sequence[Program]) -> tuple[list[int], list[int]]:
    """Spread askers and readers: half of the answers are read at the process that writes them, half at the other."""
    ports = [server.port for server in servers]
    asks = ports if number % 2 else ports[::-1]
    return asks, asks if number % 4 < 2 else asks[::-1]


async def _talk(reader: Reader, load: Load, until: float, part: float) -> list[Read]:
    """Ask one question after another; askers begin spread over the length of an answer."""
    await asyncio.sleep(part * load.tokens / load.per_s)
    reads = []
    while time.monotonic() < until:
        reads.append(await reader.ask(random.randint(load.tokens // 2, load.tokens * 3 // 2), load.per_s))
        if reads[-1].ended == "interrupted":
            await asyncio.sleep(random.uniform(0, load.asks_again_s))
    return reads


async def _kill_each(every_s: float, servers: Sequence[Program]) -> list[Kill]:
    """Kill one server after another in turn, and start it again, until cancelled; return when."""
    kills: list[Kill] = []
    try:
        for server in cycle(servers):
            await asyncio.sleep(every_s)
            server.resident_mb()
            server.kill()
            kills.append(Kill(utc_now(), time.monotonic()))
            say(f"   killed a server, load {os.getloadavg()[0]:.1f}")
            await asyncio.sleep(DOWN_S)
            await asyncio.shield(server.start())
    except asyncio.CancelledError:
        pass  # the end of the run
    return kills


async def _stopped(killing: asyncio.Task[list[Kill]]) -> list[Kill]:
    killing.cancel()
    return await killing


def _cpu(servers: Sequence[Program]) -> Figures:
    """Return CPU seconds so far of whoever takes part; the readers are this process."""
    parts = {
        "servers": sum(server.cpu_s() for server in servers),
        "readers": time.process_time(),
        "mongod": mongod_cpu_s(),
    }
    return parts | {"else": processes.machine_busy_s() - sum(parts.values())}


async def _checked(where: Place, reads: Sequence[Read], kills: Sequence[Kill]) -> Figures:
    """Compare every answer with the store, and see how soon after a kill the cut ones were ended."""
    storage = where.storage()
    await storage.open()
    try:
        found: Counter[str] = Counter()
        late_s: list[float] = []
        for read in reads:
            found.update(await violations(read, storage))
            if read.ended == "interrupted":
                ended_at = (await storage.get_generation(read.account.user.id, read.generation_id)).ended_at
                assert ended_at is not None
                late_s.append(
                    min(((ended_at - at).total_seconds() for at, _ in kills if ended_at > at), default=math.inf)
                )
    finally:
        await storage.close()
    for what, count in found.items():
        say(f"   {count} × {what}")
    cut_s = [each for each in late_s if each <= BY_KILL_S]
    return {
        "answers_count": len(reads),
        "interrupted_count": len(cut_s),
        "given_up_count": len(late_s) - len(cut_s),
        "violations_count": found.total(),
        "ended_after_kill_ms": max(cut_s, default=0.0) * 1000,
    }
