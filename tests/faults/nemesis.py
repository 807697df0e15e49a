"""What goes wrong: servers and the database die and come back while witnesses ask and read."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pymongo.errors import PyMongoError

from tests.faults.cluster import Cluster, Replica
from tests.faults.invariants import ENDED_WITHIN_S
from tests.faults.witness import Witness

LEASE_S = 3.0
"""How long another server waits for one that says nothing."""
_LOOK_S = 0.05
_PATIENCE_S = 60.0


@dataclass
class Nemesis:
    """Does harm to a cluster, mends it, and takes down what came of it."""

    cluster: Cluster
    random: random.Random
    done: dict[str, int] = field(default_factory=dict)
    """How often each harm was done."""
    ended_after_s: list[float] = field(default_factory=list)
    """How long after a kill the last answer of the dead server ended; only kills that hit one."""

    def count(self, what: str) -> None:
        self.done[what] = self.done.get(what, 0) + 1

    @property
    def late(self) -> list[float]:
        """The times that were too long."""
        return [each for each in self.ended_after_s if each > ENDED_WITHIN_S]

    async def kill_server(self, replica: Replica | None = None) -> None:
        """kill -9 of a server at any moment; started again when its answers have ended."""
        replica = replica or self._some_server()
        self.count("kill -9 of a server")
        replica.kill()
        await self.watch_end(replica)
        await self.start(replica)

    async def freeze_server(self, replica: Replica | None = None) -> None:
        """SIGSTOP for twice as long as its leases last: others end its answers, and it wakes as a zombie."""
        replica = replica or self._some_server()
        self.count("freeze of a server")
        replica.pause()
        await asyncio.sleep(2 * LEASE_S)
        replica.resume()

    async def kill_database(self) -> None:
        """kill -9 of mongod, and a start some time later."""
        self.count("kill -9 of mongod")
        self.cluster.mongod.kill()
        await asyncio.sleep(self.random.uniform(0.1, 1.5))
        self.cluster.mongod.launch()
        await asyncio.to_thread(self.cluster.mongod.wait_until_writable)

    async def step_down(self) -> None:
        """The only member steps down and must be elected anew."""
        self.count("step-down of mongod")
        with suppress(PyMongoError):  # it cuts the line it was told on
            await asyncio.to_thread(self.cluster.step_down)

    async def restart_server(self, replica: Replica | None = None) -> int:
        """SIGTERM, wait for the end, start; return the exit code."""
        replica = replica or self._some_server()
        self.count("restart of a server")
        replica.tell_to_end()
        code = await asyncio.to_thread(replica.wait)
        await self.start(replica)
        return code

    async def start(self, replica: Replica) -> None:
        """Start a server, from this thread: it dies with the thread that has started it."""
        replica.start(wait=False)
        await asyncio.to_thread(replica.wait_until_ready)

    async def watch_end(self, replica: Replica) -> None:
        """Wait until no answer of a dead server is called running, and take down how long that took."""
        began, owner = time.monotonic(), {"status": "running", "owner": {"$regex": f"^[^/]*/{replica.pid}/"}}
        generations = self.cluster.db.generations
        hit = False
        while time.monotonic() - began < _PATIENCE_S:
            with suppress(PyMongoError):
                if not await asyncio.to_thread(generations.count_documents, owner):
                    break
                hit = True
            await asyncio.sleep(_LOOK_S)
        if hit:
            self.ended_after_s.append(time.monotonic() - began)

    def _some_server(self) -> Replica:
        return self.random.choice([each for each in self.cluster.replicas if each.is_alive])


async def converse_under(
    harm: Sequence[Callable[[], Awaitable[object]]],
    witnesses: Sequence[Witness],
    chance: random.Random,
    *,
    questions: int,
    pause_s: tuple[float, float] = (0.3, 1.2),
) -> None:
    """Let every witness ask so many questions, and do one harm after another meanwhile, each at least once."""
    talking = asyncio.gather(*(each.converse(questions) for each in witnesses))
    try:
        todo = list(harm)
        while todo or not talking.done():
            await asyncio.sleep(chance.uniform(*pause_s))
            await (todo.pop() if todo else chance.choice(harm))()
        await talking
    finally:
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
