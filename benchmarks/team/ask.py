"""From sending a question to the first delta: through the server, against a client in the same process as the core."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace

from argus_core import bootstrap
from argus_core.client.base import ChatClient
from argus_core.client.local import LocalClient
from argus_core.events import TextDelta
from benchmarks.cases import Row
from benchmarks.team.fleet import KINDS, Account, Kind, Place, Program, argus_server, make_accounts, place
from benchmarks.team.reading import Reader
from benchmarks.team.report import Runs, say
from benchmarks.team.server import speaking
from benchmarks.team.speaker import question

TOKENS = 4
WARM = 10
_EMAIL, _PASSWORD = "benchmark@example.org", "a long sentence of the benchmark"


def _rows(kind: Kind) -> tuple[Row, ...]:
    local = f"{kind}/local"
    return (
        Row(f"{kind}: HttpClient against LocalClient", f"{kind}/http", "first_us", local, "≤ 1.3 ×"),
        Row("… by raw sockets, two requests with a line for each", f"{kind}/raw", "first_us", local),
    )


ROWS = tuple(row for kind in KINDS for row in _rows(kind))
Once = Callable[[], Awaitable[float]]
"""Asks one question and returns the seconds to its first delta."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How often each way."""

    times: int = 300


async def measure(asking: Asking) -> Runs:
    """Ask by each way in turn, on stores of their own of one kind."""
    runs: Runs = {}
    for kind in KINDS:
        async with AsyncExitStack() as opened:
            ways = {
                f"{kind}/local": await _local(opened, kind),
                f"{kind}/http": await _http(opened, kind),
                f"{kind}/raw": await _raw(opened, kind),
            }
            for number in range(WARM + asking.times):
                for name, once in ways.items():
                    first_s = await once()
                    if number >= WARM:
                        runs.setdefault(name, []).append({"first_us": first_s * 1e6})
        say(f"   ask, {kind}: done, load {os.getloadavg()[0]:.1f}")
    return runs


async def _local(opened: AsyncExitStack, kind: Kind) -> Once:
    """Ask as the server does inside: the same services, with accounts and limits."""
    where = opened.enter_context(place(kind))
    account = (await make_accounts(where, 1))[0]
    services = speaking(await bootstrap.open_services(where.settings, with_accounts=True), where.settings)
    opened.push_async_callback(services.close)
    return await _by_client(LocalClient(services, account.user, session_id=account.session_id))


async def _http(opened: AsyncExitStack, kind: Kind) -> Once:
    where = opened.enter_context(place(kind))
    async with bootstrap.open_administration(where.settings) as administration:
        await administration.create_user(_EMAIL, "benchmark", password=_PASSWORD)
    server = await _started(opened, where)
    settings = replace(where.settings, server=f"http://127.0.0.1:{server.port}", mongo_uri=None)
    async with bootstrap.open_entrance(settings) as entrance:
        await entrance.sign_in(_EMAIL, _PASSWORD)
    return await _by_client(await opened.enter_async_context(bootstrap.open_client(settings)))


async def _raw(opened: AsyncExitStack, kind: Kind) -> Once:
    where = opened.enter_context(place(kind))
    account: Account = (await make_accounts(where, 1))[0]
    server = await _started(opened, where)
    reader = Reader(account, [server.port])
    await reader.begin()

    async def once() -> float:
        read = await reader.ask(TOKENS, 0)
        return read.delta_times[0] - read.asked_at

    return once


async def _started(opened: AsyncExitStack, where: Place) -> Program:
    server = argus_server(where)
    opened.callback(server.stop)
    await server.start()
    return server


async def _by_client(client: ChatClient) -> Once:
    conversation = await client.conversations.create()

    async def once() -> float:
        asked_at, first_at = time.perf_counter(), 0.0
        turn = await client.generations.ask(conversation.id, question(TOKENS))
        async with aclosing(client.generations.events(turn.generation.id)) as stream:
            async for logged in stream:
                if not first_at and isinstance(logged.event, TextDelta):
                    first_at = time.perf_counter()
        return first_at - asked_at

    return once
