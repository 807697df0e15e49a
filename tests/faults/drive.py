"""Kills servers, the database and clients for as long as one likes, and says what came of it.

`python -m tests.faults.drive --seconds 600` or `--answers 1000`; it ends with an error when a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.cluster import Cluster
from tests.faults.invariants import check
from tests.faults.nemesis import Nemesis
from tests.faults.program import Program, go_on_elsewhere
from tests.faults.witness import Account, Net, Witness, sign_up

USERS = 4
QUESTIONS = 12
"""In one conversation; then a new one begins."""
HARMS = {
    "kill_server": 5,
    "kill_database": 2,
    "kill_program": 2,
    "freeze_server": 1,
    "restart_server": 1,
    "step_down": 1,
}
"""What is done, and how often beside the others."""


@dataclass
class Drive:
    """One long run.

    Args:
        cluster: What is driven.
        chance: Decides everything that is left to chance.
        answers: Stop after so many answers.
        seconds: Or after so many seconds.
        at_once: Conversations that are talked in at any time.
    """

    cluster: Cluster
    chance: random.Random
    answers: int
    seconds: float
    at_once: int
    witnesses: list[Witness] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def count(self) -> int:
        return sum(bool(asked.ended) for each in self.witnesses for asked in each.asked)

    @property
    def is_over(self) -> bool:
        return self.count >= self.answers or time.monotonic() - self.began > self.seconds

    async def run(self) -> dict[str, object]:
        """Drive until it is over, and return the figures."""
        net = Net(self.cluster.ports, self.chance)
        accounts = await sign_up(self.cluster, net, USERS)
        self.nemesis = Nemesis(self.cluster, self.chance)
        self.programs = [
            Program(self.cluster, each, self.chance.choice(net.ports), self.cluster.folder) for each in accounts
        ]
        for program in self.programs:
            await program.sign_in()
        self.began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(self.at_once):
                group.create_task(self._talk(accounts[number % USERS]))
            group.create_task(self._harm())
        return await self._figures(net)

    async def _talk(self, account: Account) -> None:
        while not self.is_over:
            words = self.chance.choice((10, 40, 80))
            witness = Witness(account, words=words, rate=40)
            self.witnesses.append(witness)
            await witness.converse(QUESTIONS, until=lambda: self.is_over)

    async def _harm(self) -> None:
        names, weights = list(HARMS), list(HARMS.values())
        while not self.is_over:
            await asyncio.sleep(self.chance.uniform(0.1, 1.0))
            [name] = self.chance.choices(names, weights)
            if name == "kill_program":
                await self._kill_program()
            else:
                await getattr(self.nemesis, name)()

    async def _kill_program(self) -> None:
        self.nemesis.count("kill -9 of a client program")
        program = self.chance.choice(self.programs)
        left = await program.ask_and_die(words=40, rate=40, after_words=self.chance.randrange(1, 30))
        if left is not None:
            self.witnesses.append(await go_on_elsewhere(program, *left))

    async def _figures(self, net: Net) -> dict[str, object]:
        found = await check(self.cluster, self.witnesses, holds_may_be_left=True)
        accounts = {each.account.user_id: each.account for each in self.witnesses}.values()
        refusals = sum((Counter(each.statuses) for each in accounts), Counter[int]())
        late = self.nemesis.late
        return {
            "seconds": round(time.monotonic() - self.began),
            "answers": found.statuses.total(),
            "how they ended": dict(found.statuses),
            "harm done": self.nemesis.done,
            "lines dropped or broken": net.reconnects,
            "questions sent again": net.repeated,
            "resumed after, s": _spread(net.resumed_after_s),
            "ended after a kill, s": _spread(self.nemesis.ended_after_s),
            "refusals": dict(refusals),
            "pictures checked": found.blobs,
            "holds left by crashes": found.orphaned_holds,
            "VIOLATIONS": found.violations + [f"(5) {each:.1f} s until a dead server's answers ended" for each in late],
        }


def _spread(times: Sequence[float]) -> dict[str, float]:
    ordered = sorted(times) or [0.0]
    places = {"median": 0.5, "p95": 0.95, "most": 1.0}
    return {"count": len(times)} | {
        name: round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2) for name, share in places.items()
    }


def main() -> None:
    """Run it, print the figures as JSON, and fail if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.drive", description=__doc__)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--answers", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=12, help="conversations at a time")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with Cluster() as cluster:
        drive = Drive(cluster, random.Random(given.seed), given.answers, given.seconds, given.at_once)
        figures = asyncio.run(drive.run())
    print(json.dumps(figures, indent=2, ensure_ascii=False))
    sys.exit(bool(figures["VIOLATIONS"]))


if __name__ == "__main__":
    main()
