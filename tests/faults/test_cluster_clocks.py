"""One server's clock is wrong by ten minutes, either way: case 11.

Only tokens look at a clock of ours: whose answers are abandoned is seen by watching leases. So it ends no answer.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.cluster import LIBFAKETIME, Cluster
from tests.faults.line import Request, send
from tests.faults.scene import TIMES, set_scene
from tests.support.mongod import LEFT_OPEN

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]

READY = Request("GET", "/readyz")


@pytest.mark.parametrize("offset", ["+600", "-600"])
async def test_case_11_a_clock_that_is_wrong_by_ten_minutes(cluster: Cluster, offset: str) -> None:
    assert LIBFAKETIME.exists(), "install the Debian package libfaketime"
    scene = await set_scene(cluster, talks=1, words=90)
    wrong = cluster.add("wrong", LD_PRELOAD=str(LIBFAKETIME), FAKETIME=offset, FAKETIME_DONT_FAKE_MONOTONIC="1")
    try:
        await scene.nemesis.start(wrong)
        date = (await send(wrong.port, READY)).headers["date"]
        right = (await send(cluster.ports[0], READY)).headers["date"]
        assert date[:22] != right[:22], "its clock is not wrong"
        for witness in scene.witnesses:
            await witness.begin()
        for asker, reader in ((wrong.port, cluster.ports[0]), (cluster.ports[0], wrong.port)) * TIMES:
            scene.net.ports = [asker]
            asked = [await each.ask() for each in scene.witnesses]
            scene.net.ports = [reader]
            await asyncio.gather(*(each.read(one) for each, one in zip(scene.witnesses, asked, strict=True)))
        owners = cluster.db.generations.distinct("owner", {"user_id": {"$in": list(scene.user_ids)}})
        assert len(owners) == 2, "one of the two has answered nothing"
    finally:
        cluster.remove(wrong)
    found = await scene.judge()
    assert set(found.statuses) == {"completed"}
