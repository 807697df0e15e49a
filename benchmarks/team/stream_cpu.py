"""CPU of the server for each event it delivers, against a bare Starlette generator that sends the same bytes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.cases import Row
from benchmarks.team.fleet import KINDS, Account, Kind, Program, argus_server, make_accounts, place
from benchmarks.team.long_log import long_answer
from benchmarks.team.reading import Reader
from benchmarks.team.report import Runs, say
from benchmarks.team.sockets import API, open_line

PAUSE_MS = 50
"""The tick of the log: so far apart are the events of a live answer."""
REPLAYS_AT_ONCE = 4


def _rows(kind: Kind) -> tuple[Row, ...]:
    bare = f"{kind}/live/bare"
    return (
        Row(f"{kind}: replay of a long answer", f"{kind}/replay", "event_us", f"{kind}/replay/bare", "≤ 2 ×"),
        Row("… live, many readers of one answer", f"{kind}/one", "event_us", bare, "≤ 1.5 ×"),
        Row("… live, an answer for each reader, written by the same process", f"{kind}/each", "event_us", bare),
    )


ROWS = tuple(row for kind in KINDS for row in _rows(kind))
Deliver = Callable[[], Awaitable[int]]
"""Has a server deliver events and returns how many came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """How much is streamed."""

    readers: int = 60
    """One session may have a few more."""
    tokens: int = 400
    """Of a live answer."""
    per_s: int = 40
    replayed_events: int = 2_000
    replays: int = 40
    rounds: int = 3


async def measure(streaming: Streaming) -> Runs:
    """Stream from both in turn, over each kind of store."""
    runs: Runs = {}
    for kind in KINDS:
        async with AsyncExitStack() as opened:
            ways = await _ways(opened, kind, streaming)
            for _ in range(streaming.rounds):
                for name, (program, deliver) in ways.items():
                    figures = {"event_us": await _cost_us(program, deliver)}
                    runs.setdefault(f"{kind}/{name}", []).append(figures)
                    say(f"   stream, {kind}/{name}: {figures}, load {os.getloadavg()[0]:.1f}")
    return runs


async def _cost_us(program: Program, deliver: Deliver) -> float:
    before_s = program.cpu_s()
    count = await deliver()
    return (program.cpu_s() - before_s) / count * 1e6


async def _ways(opened: AsyncExitStack, kind: Kind, streaming: Streaming) -> dict[str, tuple[Program, Deliver]]:
    """Start Argus, and a bare server for each thing it streams."""
    where = opened.enter_context(place(kind))
    accounts = await make_accounts(where, streaming.readers)
    replayed = await long_answer(where, accounts[0].user.id, streaming.replayed_events)
    server = await _started(opened, argus_server(where))
    readers = [Reader(account, [server.port]) for account in accounts]
    await asyncio.gather(*(reader.begin() for reader in readers))
    live = (await readers[0].ask(streaming.tokens, streaming.per_s)).generation_id
    bare = []
    for name, generation_id in (("replayed", replayed), ("live", live)):
        frames = where.folder / f"{name}.frames"
        frames.write_bytes(await _text(server.port, _events(generation_id), accounts[0]))
        bare.append(await _started(opened, Program("benchmarks.team.floor", where, str(frames))))
    nobody, replays = accounts[0], [_events(replayed)] * streaming.replays

    async def one() -> int:
        read = await readers[0].start(streaming.tokens, streaming.per_s)
        path = _events(read.generation_id)
        return await _deliver(server.port, [path] * streaming.readers, accounts[0], streaming.readers)

    async def each() -> int:
        reads = await asyncio.gather(*(reader.ask(streaming.tokens, streaming.per_s) for reader in readers))
        return sum(read.n for read in reads)

    return {
        "replay": (server, lambda: _deliver(server.port, replays, accounts[0], REPLAYS_AT_ONCE)),
        "replay/bare": (bare[0], lambda: _deliver(bare[0].port, ["/"] * len(replays), nobody, REPLAYS_AT_ONCE)),
        "one": (server, one),
        "each": (server, each),
        "live/bare": (
            bare[1],
            lambda: _deliver(bare[1].port, [f"/?pause_ms={PAUSE_MS}"] * streaming.readers, nobody, streaming.readers),
        ),
    }


async def _started(opened: AsyncExitStack, program: Program) -> Program:
    opened.callback(program.stop)
    await program.start()
    return program


def _events(generation_id: str) -> str:
    return f"{API}/generations/{generation_id}/events"


async def _text(port: int, path: str, account: Account) -> bytes:
    """Return a whole stream."""
    frames: list[bytes] = []
    line = await open_line(port, path, account.access_token(), frames.append)
    await line.closed
    return b"".join(frames)


async def _deliver(port: int, paths: Sequence[str], account: Account, at_once: int) -> int:
    """Read streams to their ends, some at a time; return how many events came."""
    count, free = 0, asyncio.Semaphore(at_once)

    def take(frame: bytes) -> None:
        nonlocal count
        count += 1

    async def one(path: str) -> None:
        async with free:
            line = await open_line(port, path, account.access_token(), take)
            await line.closed
            if line.status != 200 or not line.came_whole:
                raise RuntimeError(f"a stream broke off, status {line.status}")

    await asyncio.gather(*map(one, paths))
    return count
