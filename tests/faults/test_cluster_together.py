"""Two who do things at the same moment, on two servers: cases 9 and 14."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from argus_core.ids import new_id
from tests.faults.cluster import Cluster
from tests.faults.line import Request, send
from tests.faults.scene import TIMES, Scene, set_scene
from tests.faults.witness import API, Account, Asked, Witness
from tests.support.mongod import LEFT_OPEN

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]


async def cancel(witness: Witness, asked: Asked, after_s: float) -> None:
    await asyncio.sleep(after_s)
    await witness.account.insist("POST", f"/generations/{asked.generation_id}/cancel")


async def test_case_9_cancel_races_the_end(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=3, words=10, rate=40)

    async def talk(witness: Witness) -> None:
        await witness.begin()
        for _ in range(6 * TIMES):
            asked = await witness.ask()
            late_s = scene.chance.uniform(0.0, 0.35)
            await asyncio.gather(witness.read(asked), cancel(witness, asked, late_s), cancel(witness, asked, late_s))

    await asyncio.gather(*(talk(each) for each in scene.witnesses))

    found = await scene.judge()
    assert set(found.statuses) <= {"completed", "cancelled"}
    assert found.statuses["cancelled"] > 0


async def test_case_9_cancel_races_the_reaper(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=2, words=400)
    asked = []
    for witness in scene.witnesses:
        await witness.begin()
        asked.append(await witness.ask())
    killed, *others = cluster.replicas
    scene.net.ports = [each.port for each in others]
    killed.kill()
    racing = [
        cancel(witness, one, 0.3 * n) for n, (witness, one) in enumerate(zip(scene.witnesses, asked, strict=True))
    ]
    await asyncio.gather(*(w.read(one) for w, one in zip(scene.witnesses, asked, strict=True)), *racing)

    found = await scene.judge()
    assert set(found.statuses) <= {"cancelled", "interrupted"}


async def test_case_14_two_tabs_send_edit_and_regenerate_at_once(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=1, words=6, rate=60, lose_share=0.0)
    for witness in scene.witnesses:
        await witness.converse(2)
        for _ in range(4 * TIMES):
            await two_tabs(cluster, scene, witness)
    await scene.judge()
    for witness in scene.witnesses:
        check_tree(cluster, witness.id)


async def two_tabs(cluster: Cluster, scene: Scene, witness: Witness) -> None:
    """Do two of these at once, on two servers; each is carried out whole or refused."""
    first = cluster.db.messages.find_one({"conversation_id": witness.id, "parent_id": None})
    assert first is not None
    questions = [witness.next_question() for _ in range(3)]
    place = f"/conversations/{witness.id}"
    acts: list[tuple[str, Any, Asked | None]] = [
        (f"{place}/questions", _body(questions[0]), questions[0]),
        (f"{place}/questions", _body(questions[1]), questions[1]),
        (f"{place}/questions", _body(questions[2]) | {"parent_id": ""}, questions[2]),
        (f"{place}/retry", None, None),
    ]
    chosen = scene.chance.sample(acts, 2)
    if scene.chance.random() < 0.4:
        chosen = [chosen[0]] * 2  # a double click
    ports = scene.chance.sample(cluster.ports, 2)
    replies = await asyncio.gather(
        *(_post(witness.account, port, path, body) for port, (path, body, _) in zip(ports, chosen, strict=True))
    )
    sent = {id(asked) for _, _, asked in chosen}
    witness.asked[:] = [each for each in witness.asked if each not in questions or id(each) in sent]
    running = []
    for (status, turn), (_, _, asked) in zip(replies, chosen, strict=True):
        assert status in (201, 409), status
        if status == 201:
            running.append(turn["generation"]["id"])
            if asked is not None:
                witness.acknowledge(asked, turn)
    assert running, "neither was carried out"
    for asked in [each for each in witness.asked if each in questions]:
        if asked.acknowledged:
            await witness.read(asked)
        else:
            witness.asked.remove(asked)
    await _until_ended(witness.account, running)


def _body(asked: Asked) -> dict[str, Any]:
    return {"text": asked.text, "client_msg_id": asked.client_msg_id}


async def _post(account: Account, port: int, path: str, body: Any) -> tuple[int, Any]:
    reply = await send(port, Request("POST", f"{API}{path}", await account.token(), body))
    return reply.status, reply.json


async def _until_ended(account: Account, generations: list[str]) -> None:
    for each in generations:
        await account.insist("GET", f"/generations/{each}/events")  # a stream that ends when the answer has


def check_tree(cluster: Cluster, conversation_id: str) -> None:
    """Every message hangs below one that is there, and no two have one number."""
    messages = {each["_id"]: each for each in cluster.db.messages.find({"conversation_id": conversation_id})}
    assert all(each["parent_id"] is None or each["parent_id"] in messages for each in messages.values())
    assert len({each["seq"] for each in messages.values()}) == len(messages)
    conversation = cluster.db.conversations.find_one({"_id": conversation_id})
    assert conversation is not None
    assert conversation["head_id"] in messages


async def test_case_14_a_double_click_of_two_clients_makes_one_conversation_and_one_question(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=1, words=4, rate=80)
    account = scene.witnesses[0].account
    made = {"id": new_id(), "model": "echo-4-80"}
    replies = await asyncio.gather(*(_post(account, port, "/conversations", made) for port in cluster.ports * 2))
    assert {status for status, _ in replies} == {201}
    assert len({reply["id"] for _, reply in replies}) == 1

    await scene.judge()


async def test_promise_9_no_day_is_overdrawn_by_many_questions_at_once(cluster: Cluster) -> None:
    """Three servers, one budget: as many questions are taken as it says, and a killed server changes nothing."""
    cap = 7
    limited = [cluster.add(f"limited-{n}", ARGUS_REQUESTS_PER_DAY=str(cap)) for n in range(3)]
    try:
        for each in limited:
            each.start(wait=False)
        for each in limited:
            await asyncio.to_thread(each.wait_until_ready)
        scene = await set_scene(cluster, talks=12, words=20, rate=20, lose_share=0.0)
        for witness in scene.witnesses:
            await witness.begin()
        asking = [ask_once(witness, scene.chance.choice(limited).port) for witness in scene.witnesses]
        taken = [witness for witness, status in await asyncio.gather(*asking) if status == 201]
        await scene.nemesis.kill_server(limited[0])
        await asyncio.gather(*(each.read(each.asked[0]) for each in taken))
        assert len(taken) == 2 * cap
        scene.witnesses = taken
        await scene.judge(caps={"requests": cap})
    finally:
        for each in limited:
            cluster.remove(each)


async def ask_once(witness: Witness, port: int) -> tuple[Witness, int]:
    """Ask one question and take whatever is answered."""
    asked = witness.next_question()
    status, turn = await _post(witness.account, port, f"/conversations/{witness.id}/questions", _body(asked))
    if status == 201:
        witness.acknowledge(asked, turn)
    return witness, status
