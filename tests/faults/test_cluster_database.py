"""The database itself goes wrong under fifty answers: a primary dies and others go on, one hangs: cases 21 and 22."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.faults.cluster import Cluster, SetCluster
from tests.faults.scene import Scene, set_scene
from tests.faults.witness import Asked, Witness
from tests.support.mongod import LEFT_OPEN

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]

ANSWERS = 50
HANG_S = 40.0


@pytest.fixture
def set_cluster() -> Iterator[SetCluster]:
    with SetCluster(ARGUS_READ_TIMEOUT_S="3") as cluster:
        yield cluster


async def fifty_answers(cluster: Cluster) -> Scene:
    """Return fifty witnesses, whose answers take ten seconds each."""
    # no question is repeated: it would wait for the one before
    return await set_scene(
        cluster, talks=ANSWERS // 2, words=100, rate=10, drop_every_s=4.0, pictures=0.05, lose_share=0.0
    )


async def running(cluster: Cluster, scene: Scene) -> int:
    """Return how many of their answers are being written."""
    wanted = {"user_id": {"$in": list(scene.user_ids)}, "status": "running"}
    return await asyncio.to_thread(cluster.db.generations.count_documents, wanted)


async def until_all_run(cluster: Cluster, scene: Scene) -> None:
    """Wait until every question was acknowledged; an answer whose question is just being stored may be given up."""
    async with asyncio.timeout(60):
        while not all(each.asked and each.asked[0].acknowledged for each in scene.witnesses):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert await running(cluster, scene) > ANSWERS * 0.8


@pytest.mark.parametrize("harm", ["killed", "frozen"])
async def test_case_21_the_primary_of_three_is_lost_in_the_midst_of_fifty_answers(
    set_cluster: SetCluster, harm: str
) -> None:
    scene = await fifty_answers(set_cluster)
    talking = asyncio.gather(*(each.converse(1) for each in scene.witnesses))
    await until_all_run(set_cluster, scene)
    primary = await asyncio.to_thread(set_cluster.set.wait_for_primary)
    if harm == "killed":
        primary.kill()
    else:
        primary.pause()
    other = await asyncio.to_thread(set_cluster.set.wait_for_primary)
    assert other is not primary
    assert await running(set_cluster, scene) > ANSWERS // 2
    if harm == "frozen":
        primary.resume()  # it does not know yet that another was elected
    await talking
    await asyncio.gather(*(each.converse_on(1) for each in scene.witnesses[:4]))

    found = await scene.judge(holds_may_be_left=True)
    assert set(found.statuses) == {"completed"}


async def refused(witness: Witness, method: str, path: str, body: object) -> None:
    """Send what nobody can store now; it must be said soon, and when to come again."""
    reply = await witness.account.send(method, f"/conversations/{witness.id}{path}", body)
    assert (reply.status, reply.json["code"]) == (503, "storage_unavailable")
    assert int(reply.headers["retry-after"]) >= 1


async def test_case_22_mongod_hangs_for_forty_seconds_in_the_midst_of_fifty_answers(cluster: Cluster) -> None:
    scene = await fifty_answers(cluster)
    talking = asyncio.gather(*(each.converse(1) for each in scene.witnesses))
    await until_all_run(cluster, scene)
    askers = scene.witnesses[:: ANSWERS // 6]
    cluster.mongod.pause()
    try:
        resumes_at = time.monotonic() + HANG_S
        questions = [each.next_question() for each in askers]
        drafts = [refused(each, "PUT", "/draft", {"draft": "kept later"}) for each in askers]
        asks = [
            refused(each, "POST", "/questions", {"text": asked.text, "client_msg_id": asked.client_msg_id})
            for each, asked in zip(askers, questions, strict=True)
        ]
        await asyncio.gather(*drafts, *asks)
        assert [await asyncio.to_thread(each.is_ready) for each in cluster.replicas] == [False] * len(cluster.replicas)
        assert not talking.done()
        await asyncio.sleep(resumes_at - time.monotonic())
    finally:
        cluster.mongod.resume()
    await talking

    async def ask_again(witness: Witness, asked: Asked) -> None:
        await witness.account.insist("PUT", f"/conversations/{witness.id}/draft", {"draft": "kept later"})
        await witness.repeat(asked)
        await witness.read(asked)

    await asyncio.gather(*map(ask_again, askers, questions))
    found = await scene.judge(holds_may_be_left=True)
    assert set(found.statuses) == {"completed"}
