"""1,000 who only wait for news of their account, and whether those who read answers feel them."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from argus_core.ids import new_id
from benchmarks.cases import Row
from benchmarks.measure import Figures
from benchmarks.team.fleet import Account, Program, argus_server, make_accounts, place
from benchmarks.team.reading import Read, Reader, timings
from benchmarks.team.report import Runs, say
from benchmarks.team.sockets import API, EventLine, open_line

OF_SESSION = 50
"""Streams of one session; the server lets it have a few more."""
CONNECTING = 20
"""That many connect at a time."""


def _rows(name: str, who: str) -> tuple[Row, ...]:
    return (
        Row(f"{who}: memory of each", name, "each_kib", goal="< 60 KiB"),
        Row("… CPU of the server while nothing happens", name, "idle_percent"),
        Row("… first delta of a live reader, p50, with them against without", name, "first_p50_ms", "alone", "≤ 1.2 ×"),
        Row("… p95", name, "first_p95_ms", "alone", "≤ 1.2 ×"),
        Row("… gap between deltas, p50", name, "gap_p50_ms", "alone", "≤ 1.2 ×"),
        Row("… p95", name, "gap_p95_ms", "alone", "≤ 1.2 ×"),
        Row("… CPU of the server, live", name, "live_percent", "alone"),
    )


ROWS = _rows("users", "idle readers, a user each") + _rows("one account", "idle readers of one account")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Who waits and who reads."""

    idle: int = 1000
    live: int = 100
    tokens: int = 400
    per_s: int = 40
    rounds: int = 3
    settle_s: float = 10.0
    """How long nothing happens, before the memory is read and again while the CPU is."""


async def measure(crowd: Crowd) -> Runs:
    """Read alone, with many users waiting, and with many clients of one account, in turn."""
    with place("mongo") as where:
        live = await make_accounts(where, crowd.live)
        users = await make_accounts(where, crowd.idle)
        sessions = await make_accounts(where, 1, sessions=-(-crowd.idle // OF_SESSION))
        one_account = (sessions * OF_SESSION)[: crowd.idle]
        runs: Runs = {"alone": [], "users": [], "one account": []}
        for _ in range(crowd.rounds):
            for name, waiting in (("alone", []), ("users", users), ("one account", one_account)):
                runs[name].append(await _round(argus_server(where), crowd, live, waiting))
                say(f"   idle, {name}: {runs[name][-1]}, load {os.getloadavg()[0]:.1f}")
        return runs


async def _round(server: Program, crowd: Crowd, live: Sequence[Account], waiting: Sequence[Account]) -> Figures:
    """Measure on a fresh process."""
    await server.start()
    try:
        readers = [Reader(account, [server.port]) for account in live]
        await asyncio.gather(*(reader.begin() for reader in readers))
        await _live(readers, crowd, tokens=5 * crowd.per_s)  # what is loaded at the first answer is not counted
        before_mb = server.resident_mb()
        async with _connected(server, waiting):
            await asyncio.sleep(crowd.settle_s if waiting else 1.0)
            figures = {"each_kib": (server.resident_mb() - before_mb) * 1024 / len(waiting)} if waiting else {}
            figures |= {"idle_percent": await _busy(server, asyncio.sleep(crowd.settle_s))} if waiting else {}
            reads: list[Read] = []
            figures["live_percent"] = await _busy(server, _live(readers, crowd, tokens=crowd.tokens, into=reads))
            return figures | timings(reads)
    finally:
        server.stop()


async def _live(readers: Sequence[Reader], crowd: Crowd, *, tokens: int, into: list[Read] | None = None) -> None:
    """Let each read one answer; they begin spread over the length of one."""

    async def one(number: int, reader: Reader) -> None:
        await asyncio.sleep(number / len(readers) * tokens / crowd.per_s)
        read = await reader.ask(tokens, crowd.per_s)
        if into is not None:
            into.append(read)

    await asyncio.gather(*(one(number, reader) for number, reader in enumerate(readers)))


async def _busy(server: Program, what: Coroutine[Any, Any, None]) -> float:
    """Return how much of a core the server takes while `what` goes on."""
    before_s, began = server.cpu_s(), time.monotonic()
    await what
    return (server.cpu_s() - before_s) / (time.monotonic() - began) * 100


@asynccontextmanager
async def _connected(server: Program, waiting: Sequence[Account]) -> AsyncGenerator[None, None]:
    """Keep a stream of the account open for each."""
    lines: list[EventLine] = []
    try:
        for at in range(0, len(waiting), CONNECTING):
            some = waiting[at : at + CONNECTING]
            lines += await asyncio.gather(*(_wait_for_news(server.port, account) for account in some))
            await asyncio.gather(*(line.opened.wait() for line in lines[at:]))
        yield
        lost = sum(line.status != 200 or line.closed.done() for line in lines)
        if lost:
            raise RuntimeError(f"{lost} of {len(lines)} idle readers were not connected")
    finally:
        for line in lines:
            line.close()


async def _wait_for_news(port: int, account: Account) -> EventLine:
    path = f"{API}/account/events?client_id={new_id()}"
    return await open_line(port, path, account.access_token(), lambda frame: None)
