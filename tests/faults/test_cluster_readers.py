"""Readers that ask for strange things, never read, or come too late: cases 7, 8, 15 and 20."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest

from argus_core.ids import utc_now
from argus_core.storage.mongo import MongoStorage
from tests.faults.cluster import Cluster
from tests.faults.line import Frame, Reply, Request, follow, send
from tests.faults.scene import TIMES, set_scene
from tests.faults.witness import API, Account, Asked, Witness
from tests.support.mongod import LEFT_OPEN

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]


async def read(account: Account, port: int, generation_id: str, last_event_id: str) -> list[Frame | Reply]:
    """Return all that one server sends after that event."""
    request = Request(
        "GET",
        f"{API}/generations/{generation_id}/events",
        await account.token(),
        headers=(("Last-Event-ID", last_event_id),),
    )
    async with asyncio.timeout(30), aclosing(follow(port, request)) as frames:
        return [frame async for frame in frames]


def without_id(reply: Any) -> dict[str, Any]:
    assert isinstance(reply, Reply)
    return {name: value for name, value in reply.json.items() if name != "request_id"}


async def test_case_7_strange_ids_of_the_last_event(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=1, words=8, rate=80)
    await asyncio.gather(*(each.converse(2) for each in scene.witnesses))
    mine, other = scene.witnesses
    [first, second] = mine.asked
    for port in cluster.ports:
        for strange in ("-1", "x", "1.5", "٣", "9" * 40, "1 or 1=1"):
            [refused] = await read(mine.account, port, first.generation_id, strange)
            assert isinstance(refused, Reply)
            assert refused.status == 422
        for late in (len(first.events), len(first.events) + 1, 2**40 % 10**10):
            assert await read(mine.account, port, first.generation_id, str(late)) == []
        frames = await read(mine.account, port, second.generation_id, str(len(first.events) - 1))
        assert [frame.id for frame in frames if isinstance(frame, Frame)] == [
            str(n) for n in sorted(second.events) if n >= len(first.events)
        ]
        [theirs] = await read(other.account, port, first.generation_id, "0")
        [nowhere] = await read(other.account, port, "0" * 32, "0")
        assert without_id(theirs) == without_id(nowhere)

    await scene.judge()


async def test_case_8_an_answer_without_a_word_and_one_of_eight_megabytes(cluster: Cluster) -> None:
    """Each ends with a word on why: no model says eight megabytes in one event, and reading them would keep others."""
    scene = await set_scene(cluster, talks=1, lose_share=0.0)
    size = 8 << 20
    quiet, loud = scene.witnesses
    await quiet.begin("empty")
    await loud.begin(f"once-{size}")
    nothing, much = quiet.next_question(""), loud.next_question("0123456789abcde " * (size // 16))
    await asyncio.gather(quiet.repeat(nothing), loud.repeat(much))
    await asyncio.gather(quiet.read(nothing), loud.read(much))

    await scene.judge()
    assert (nothing.ended, nothing.shown) == ("failed", "")
    assert (much.ended, much.shown) == ("failed", "")


async def test_case_15_a_subscriber_that_never_reads_harms_nobody(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=1, words=30_000, rate=0, drop_every_s=None)
    deaf = [await never_read(cluster, witness, await start(witness)) for witness in scene.witnesses for _ in range(3)]
    for witness in scene.witnesses:
        for asked in witness.asked:
            await witness.read(asked)
    for each in deaf:
        each.close()

    found = await scene.judge()
    assert set(found.statuses) == {"completed"}


async def start(witness: Witness) -> Asked:
    """Ask in the witness's conversation, unless an answer is being written there."""
    if not witness.asked:
        await witness.begin()
        await witness.ask()
    return witness.asked[-1]


async def never_read(cluster: Cluster, witness: Witness, asked: Asked) -> socket.socket:
    """Open a stream of every server and take nothing from it."""
    port = witness.account.net.port()
    request = Request("GET", f"{API}/generations/{asked.generation_id}/events", await witness.account.token())
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", port))
    line.sendall(request.bytes(port))
    return line


async def test_case_20_a_log_is_purged_while_a_reader_comes_back(cluster: Cluster) -> None:
    """It gets a beginning of what it has not seen, never a gap; the message holds all of it."""
    scene = await set_scene(cluster, talks=1, words=4000, rate=0, drop_every_s=None, forget_share=0.0)
    for witness in scene.witnesses:
        await witness.converse(2 * TIMES)
    storage = MongoStorage(cluster.uri)
    await storage.open()
    ids = [asked.generation_id for witness in scene.witnesses for asked in witness.asked]
    try:
        await scene.judge()
        long_ago = {"ended_at": utc_now() - timedelta(days=2)}
        cluster.db.generations.update_many({"_id": {"$in": ids}}, {"$set": long_ago})
        reading = asyncio.gather(
            *(
                come_back(cluster, witness.account, asked)
                for witness in scene.witnesses
                for asked in witness.asked
                for _ in range(3)
            )
        )
        await storage.purge_events(utc_now() - timedelta(days=1))
        assert await reading
    finally:
        await storage.close()
    for witness in scene.witnesses:
        for asked in witness.asked:
            assert await read(witness.account, cluster.ports[0], asked.generation_id, "0") == []
            request = Request("GET", f"{API}/messages/{asked.reply_id}", await witness.account.token())
            message = (await send(cluster.ports[1], request)).json
            assert message["parts"] == [{"type": "text", "text": asked.expected}]


async def come_back(cluster: Cluster, account: Account, asked: Asked) -> bool:
    """Ask for all but the first event again; what comes must be what came before, without a gap."""
    frames = await read(account, account.net.port(), asked.generation_id, "1")
    numbers = [int(frame.id) for frame in frames if isinstance(frame, Frame)]
    assert numbers == list(range(2, 2 + len(numbers)))
    assert all(isinstance(frame, Frame) and asked.events[int(frame.id)] == frame.data for frame in frames)
    return True


async def test_case_20_half_of_a_log_is_purged(cluster: Cluster) -> None:
    """The database removes documents in any order: behind the first that is missing there is nothing to read."""
    scene = await set_scene(cluster, talks=1, words=40, drop_every_s=None, forget_share=0.0)
    await asyncio.gather(*(each.converse(1) for each in scene.witnesses))
    await scene.judge()
    for witness in scene.witnesses:
        [asked] = witness.asked
        pieces = list(cluster.db.generation_events.find({"generation_id": asked.generation_id}).sort("first", 1))
        gone = pieces[len(pieces) // 2]
        cluster.db.generation_events.delete_one({"_id": gone["_id"]})
        frames = await read(witness.account, cluster.ports[0], asked.generation_id, "0")
        numbers = [int(frame.id) for frame in frames if isinstance(frame, Frame)]
        assert numbers == list(range(1, gone["first"]))
        assert await read(witness.account, cluster.ports[1], asked.generation_id, str(gone["first"] - 1)) == []
