"""Servers and the database are killed, frozen and restarted under load: cases 1, 2, 3 and 16."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.cluster import Cluster
from tests.faults.nemesis import converse_under
from tests.faults.scene import TIMES, set_scene
from tests.support.mongod import LEFT_OPEN

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]

MONGO = "argus_core.storage.mongo"
POINTS = {
    "an event is durable and not yet shown": (f"{MONGO}.log:_insert", "after", 6),
    "an answer is set aside for and not stored": (f"{MONGO}.limits:reserve", "after", 2),
    "a turn is decided and its messages are missing": (f"{MONGO}.turns:complete", "before", 2),
    "the messages are there and the head has not moved": (f"{MONGO}.turns:_place", "before", 2),
    "the terminator is there and nothing is charged": (f"{MONGO}.limits:settle", "before", 2),
    "it is charged and the message not yet written": (f"{MONGO}.limits:settle", "after", 2),
    "the message is written and not yet counted": (f"{MONGO}.generations:_settle", "before", 2),
    "it is counted and the generation still runs": (f"{MONGO}.generations:_settle", "after", 2),
}


async def test_case_1_servers_are_killed_at_random_moments(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=3)
    await converse_under([scene.nemesis.kill_server] * 4 * TIMES, scene.witnesses, scene.chance, questions=4 * TIMES)

    found = await scene.judge(holds_may_be_left=True)
    assert scene.nemesis.ended_after_s, "no kill hit an answer"
    assert found.statuses["completed"] > 0


@pytest.mark.parametrize("point", POINTS)
async def test_case_1_a_server_dies_where(cluster: Cluster, point: str) -> None:
    place, when, number = POINTS[point]
    module = "tests.faults.dying_server"
    dying = cluster.add("dying", program=("-m", module, place, when, str(number), "serve"))
    try:
        await scene_of_death(cluster, dying.port)
        assert not dying.is_alive
    finally:
        cluster.remove(dying)


async def scene_of_death(cluster: Cluster, port: int) -> None:
    """Talk to a server until it has died, and go on with the others."""
    [dying] = [each for each in cluster.replicas if each.port == port]
    scene = await set_scene(cluster, ports=[port], talks=1, words=8, rate=80, lose_share=0.0)
    await scene.nemesis.start(dying)

    async def go_elsewhere() -> None:
        await asyncio.to_thread(dying.wait)
        await scene.nemesis.watch_end(dying)
        cluster.replicas.remove(dying)
        scene.net.ports = cluster.ports
        cluster.replicas.append(dying)

    await asyncio.gather(go_elsewhere(), *(each.converse(4) for each in scene.witnesses))
    cluster.replicas.remove(dying)
    try:
        await scene.judge(holds_may_be_left=True)
    finally:
        cluster.replicas.append(dying)


async def test_case_2_a_server_is_frozen_for_two_leases_and_wakes(cluster: Cluster) -> None:
    scene = await set_scene(cluster, words=90)
    freezes = [scene.nemesis.freeze_server] * 2 * TIMES
    await converse_under(freezes, scene.witnesses, scene.chance, questions=3 * TIMES, pause_s=(0.5, 1.0))

    await scene.judge()


async def test_case_3_mongod_is_killed_and_steps_down(cluster: Cluster) -> None:
    scene = await set_scene(cluster)
    harm = [scene.nemesis.kill_database, scene.nemesis.step_down] * TIMES
    await converse_under(harm, scene.witnesses, scene.chance, questions=3 * TIMES, pause_s=(1.0, 3.0))

    found = await scene.judge(holds_may_be_left=True)
    assert found.statuses["completed"] > 0


async def test_case_16_a_rolling_restart_fails_no_answer(cluster: Cluster) -> None:
    scene = await set_scene(cluster, words=60)
    codes: list[int] = []

    async def restart_all() -> None:
        for replica in cluster.replicas:
            codes.append(await scene.nemesis.restart_server(replica))

    await converse_under([restart_all], scene.witnesses, scene.chance, questions=4 * TIMES)

    found = await scene.judge()
    assert set(found.statuses) == {"completed"}
    assert set(codes) == {0}
