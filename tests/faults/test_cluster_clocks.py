"""One server's clock is wrong by ten minutes, either way: case 11.

Only leases and tokens look at a clock of ours. A server that is ahead takes the answers of others for abandoned and
ends them; what one that is behind starts may be ended by others. Nothing is lost, doubled or left running.
"""

from __future__ import annotations

import pytest

from tests.faults.cluster import LIBFAKETIME, Cluster
from tests.faults.line import Request, send
from tests.faults.scene import TIMES, set_scene
from tests.faults.witness import API
from tests.support.mongod import LEFT_OPEN

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]


@pytest.mark.parametrize("offset", ["+600", "-600"])
async def test_case_11_a_clock_that_is_wrong_by_ten_minutes(cluster: Cluster, offset: str) -> None:
    assert LIBFAKETIME.exists(), "install the Debian package libfaketime"
    scene = await set_scene(cluster)
    wrong = cluster.add("wrong", LD_PRELOAD=str(LIBFAKETIME), FAKETIME=offset, FAKETIME_DONT_FAKE_MONOTONIC="1")
    try:
        await scene.nemesis.start(wrong)
        scene.net.ports = cluster.ports
        for witness in scene.witnesses:
            await witness.begin()
        for witness in scene.witnesses * 2 * TIMES:
            await witness.converse_on(1)
        request = Request("GET", "/readyz")
        date = (await send(wrong.port, request)).headers["date"]
        right = (await send(cluster.ports[0], request)).headers["date"]
        assert date[:22] != right[:22], "its clock is not wrong"
        await scene.judge()
        server = (await send(wrong.port, Request("GET", f"{API}/server"))).json
        assert server["name"] == "argus"
    finally:
        cluster.remove(wrong)
