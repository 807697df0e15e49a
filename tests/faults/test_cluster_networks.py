"""Bad networks between client and server and between server and database: cases 4, 5, 6 and 17."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tests.faults.cluster import Cluster
from tests.faults.line import LineBroke, Request, send
from tests.faults.program import Program, go_on_elsewhere
from tests.faults.scene import TIMES, Scene, set_scene
from tests.faults.witness import API, Asked
from tests.support.mongod import LEFT_OPEN
from tests.support.netproxy import NetProxy

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]

HISTORY_LOST = 286
NO_STREAMS = 40573


async def spoil(proxies: list[NetProxy], hole_s: float) -> None:
    """Be slow, then cut lines, then a hole, then deaf on one side, and at the end a good network."""
    for each in proxies:
        each.latency_s = 0.1
    await asyncio.sleep(2)
    for each in proxies:
        each.heal()
        each.reset_share = 0.05
    await asyncio.sleep(2)
    for each in proxies:
        each.reset_all()
    await asyncio.sleep(1)
    for each in proxies:
        each.heal()
        each.blackhole()
    await asyncio.sleep(hole_s)
    for each in proxies:
        each.heal()
    await asyncio.sleep(1)
    for each in proxies:
        each.blackhole("down")
    await asyncio.sleep(3)
    for each in proxies:
        each.heal()


async def converse_over(scene: Scene, proxies: list[NetProxy], hole_s: float) -> None:
    """Let the witnesses talk for as long as the network is bad, and a little longer."""
    spoiling = asyncio.create_task(spoil(proxies, hole_s))
    await asyncio.gather(*(each.converse(1000, until=spoiling.done) for each in scene.witnesses))
    await asyncio.gather(spoiling, *(each.converse_on(1) for each in scene.witnesses))


async def test_case_4_a_bad_network_between_clients_and_servers(cluster: Cluster) -> None:
    async with AsyncExitStack() as opened:
        proxies = [await opened.enter_async_context(NetProxy(port)) for port in cluster.ports]
        scene = await set_scene(cluster, ports=[each.port for each in proxies])
        await converse_over(scene, proxies, hole_s=3.0 * TIMES)
        assert sum(each.resets for each in proxies) > 0

    found = await scene.judge()
    assert set(found.statuses) == {"completed"}


async def test_case_4_a_bad_network_between_a_server_and_the_database(cluster: Cluster) -> None:
    async with NetProxy(cluster.mongod.port) as proxy:
        far = cluster.add("far", MONGO_URI=cluster.uri_at(proxy.port))
        try:
            scene = await set_scene(cluster, ports=[far.port, far.port, cluster.ports[0]])
            await scene.nemesis.start(far)
            await converse_over(scene, [proxy], hole_s=10.0)
            assert proxy.resets > 0
            found = await scene.judge(holds_may_be_left=True)
        finally:
            cluster.remove(far)
    assert found.statuses["completed"] > 0


async def test_case_5_a_client_program_is_killed_and_another_reads_on(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=1)
    ports = [each.port for each in cluster.replicas]
    program = Program(cluster, scene.witnesses[0].account, ports[0], cluster.folder)
    await program.sign_in()
    for after_words in (1, 12, 25):
        left = await program.ask_and_die(words=40, rate=40, after_words=after_words)
        assert left is not None
        shown, asked = left
        scene.net.ports = ports[1:]
        scene.witnesses.append(await go_on_elsewhere(program, shown, asked))

    found = await scene.judge()
    assert found.statuses == {"completed": 3}


async def test_case_6_an_acknowledgement_is_lost_and_the_question_sent_to_every_server(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=1, lose_share=0.0)
    for witness in scene.witnesses:
        await witness.begin()
        for number in range(4 * TIMES):
            asked = witness.next_question()
            async with NetProxy(cluster.ports[number % 3], swallow=frozenset(["down"])) as deaf:
                with pytest.raises(LineBroke):
                    await send(deaf.port, question_of(asked, await witness.account.token()), timeout_s=0.3)
            token = await witness.account.token()
            replies = await asyncio.gather(*(send(port, question_of(asked, token)) for port in cluster.ports))
            for reply in replies:
                assert reply.status == 201
                witness.acknowledge(asked, reply.json)
            await witness.read(asked)

    found = await scene.judge()
    assert found.statuses == {"completed": 8 * TIMES}


def question_of(asked: Asked, token: str) -> Request:
    body = {"text": asked.text, "client_msg_id": asked.client_msg_id}
    return Request("POST", f"{API}/conversations/{asked.conversation_id}/questions", token, body)


@asynccontextmanager
async def failing(cluster: Cluster, mode: Any, **data: Any) -> AsyncGenerator[None, None]:
    """Let the database refuse commands of the servers."""
    point: dict[str, Any] = {"configureFailPoint": "failCommand"}
    cluster.admin(point | {"mode": mode, "data": data | {"appName": "argus"}})
    try:
        yield
    finally:
        cluster.admin(point | {"mode": "off"})


async def test_case_17_change_streams_break_again_and_again(cluster: Cluster) -> None:
    scene = await set_scene(cluster)
    async with failing(cluster, {"activationProbability": 0.5}, failCommands=["getMore"], errorCode=HISTORY_LOST):
        await asyncio.gather(*(each.converse(3 * TIMES) for each in scene.witnesses))

    found = await scene.judge()
    assert set(found.statuses) == {"completed"}


async def test_case_17_change_streams_never_start(cluster: Cluster) -> None:
    # What users keep is counted by an aggregation too: here nothing is limited, and nothing counted.
    for replica in cluster.replicas:
        replica.kill()
        replica.start(ARGUS_USER_CONVERSATIONS="0", ARGUS_USER_TEXT_MB="0", ARGUS_USER_STORAGE_MB="0")
    try:
        scene = await set_scene(cluster, pictures=0.0)
        async with failing(cluster, "alwaysOn", failCommands=["aggregate"], errorCode=HISTORY_LOST):
            await asyncio.gather(*(each.converse(2 * TIMES) for each in scene.witnesses))
        async with failing(cluster, "alwaysOn", failCommands=["aggregate"], errorCode=NO_STREAMS):
            await asyncio.gather(*(each.converse_on(2 * TIMES) for each in scene.witnesses))

        found = await scene.judge()
        assert set(found.statuses) == {"completed"}
    finally:
        for replica in cluster.replicas:
            replica.kill()  # the next test starts them as they were


async def test_case_17_the_log_of_an_answer_is_dropped_under_its_readers(cluster: Cluster) -> None:
    """What invalidates a stream: the collection is gone. Nobody may hang, and the message keeps what it said."""
    scene = await set_scene(cluster, talks=1, words=10)
    await asyncio.gather(*(each.converse(1) for each in scene.witnesses))
    await scene.judge()
    cluster.db.generation_events.rename("kept_events")
    cluster.db["kept_events"].rename("generation_events")
    await asyncio.gather(*(each.converse_on(2) for each in scene.witnesses))

    found = await scene.judge()
    assert set(found.statuses) == {"completed"}
