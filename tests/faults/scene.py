"""What the tests of the cluster begin and end with."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Any

from tests.faults.cluster import Cluster
from tests.faults.invariants import Found, check
from tests.faults.nemesis import Nemesis
from tests.faults.witness import Net, Witness, sign_up

TIMES = int(os.environ.get("ARGUS_TEST_FAULT_TIMES", "1"))
"""How many times as often everything is done as in a short run."""


class Scene:
    """Two users who talk in some conversations each, what befalls them, and the judgement at the end."""

    def __init__(self, cluster: Cluster, net: Net, witnesses: list[Witness]) -> None:
        self.cluster = cluster
        self.net = net
        self.witnesses = witnesses
        self.chance = net.random
        self.nemesis = Nemesis(cluster, net.random)

    @property
    def user_ids(self) -> set[str]:
        return {each.account.user_id for each in self.witnesses}

    async def judge(self, **more: Any) -> Found:
        """Check every promise, and return what else was found."""
        self.cluster.start_all()
        self.net.ports = self.cluster.ports
        found = await check(self.cluster, self.witnesses, **more)
        assert found.violations == [], "\n".join(found.violations)
        assert self.nemesis.late == [], f"these took too long to end: {self.nemesis.late}"
        assert found.statuses.total() == sum(len(each.asked) for each in self.witnesses)
        return found


async def set_scene(
    cluster: Cluster,
    *,
    ports: Sequence[int] = (),
    talks: int = 2,
    words: int = 30,
    rate: int = 30,
    seed: int = 1,
    **net: Any,
) -> Scene:
    """Make two users and their witnesses; nothing is asked yet.

    Args:
        cluster: Where.
        ports: Where the servers are reached, by default at their own ports.
        talks: Conversations of each user.
        words: Of each answer.
        rate: Words in a second.
        seed: Of all that is left to chance.
        net: Fields of `Net`.
    """
    chance = random.Random(seed)
    direct = Net(cluster.ports, chance)
    accounts = await sign_up(cluster, direct, 2)
    through = Net(ports or cluster.ports, chance, **net)
    for each in accounts:
        each.net = through
    return Scene(cluster, through, [Witness(each, words, rate) for each in accounts for _ in range(talks)])
