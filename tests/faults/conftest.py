"""Real processes on a real store, to be killed and frozen."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cluster import Cluster

ROOT = Path(__file__).parents[2]
LONG_S = 60.0
"""Longer than anything takes here; a test that waits so long has failed."""


@dataclass(slots=True)
class Streamer:
    """One process of `tests.support.streamer` and what it told."""

    lines: asyncio.StreamReader
    told: list[dict[str, Any]] = field(default_factory=list)
    pid: int = 0

    async def until(self, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Read on until a line is wanted, and return it."""
        async with asyncio.timeout(LONG_S):
            async for line in self.lines:
                said: dict[str, Any] = json.loads(line)
                self.told.append(said)
                if wanted(said):
                    return said
        raise AssertionError("the program ended too soon")

    async def read_for(self, seconds: float) -> None:
        """Read what is told for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for line in self.lines:
                    self.told.append(json.loads(line))

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    async def kill(self) -> None:
        """End it as a power cut would, and wait until the system has forgotten it."""
        self.signal(signal.SIGKILL)
        with suppress(ProcessLookupError):
            while True:
                os.kill(self.pid, 0)
                await asyncio.sleep(0.001)

    def where(self, name: str) -> list[dict[str, Any]]:
        return [said for said in self.told if name in said]


class Streamers:
    """Starts streamers; all are gone at the end."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._pids: set[int] = set()

    async def start(self, folder: Path, seed: str, mode: str = "quick") -> Streamer:
        """Start one; while another runs their lines are mixed, so one at a time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{folder} {seed} {mode}\n".encode())
        await self._process.stdin.drain()
        streamer = Streamer(self._process.stdout)
        streamer.pid = int((await streamer.until(lambda said: "pid" in said))["pid"])
        self._pids.add(streamer.pid)
        return streamer

    async def close(self) -> None:
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        assert self._process.stdout is not None
        await self._process.stdout.read()
        await self._process.wait()


@pytest.fixture
async def streamers() -> AsyncIterator[Streamers]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.streamer",
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    streamers = Streamers(process)
    yield streamers
    await streamers.close()


@pytest.fixture(scope="session")
def _cluster() -> Iterator[Cluster]:
    with Cluster(ARGUS_READ_TIMEOUT_S="3") as cluster:
        yield cluster


@pytest.fixture
def cluster(_cluster: Cluster) -> Cluster:
    """Three servers that run, on a database that other tests have used as well."""
    _cluster.start_all()
    return _cluster
