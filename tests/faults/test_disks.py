"""What befalls files: killed in the middle of a checkpoint, two programs on one store, a full disk: cases 10 and 12."""

from __future__ import annotations

import asyncio
import random
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from pymongo.errors import PyMongoError

from argus_core.client.base import ChatClient
from argus_core.errors import StorageError
from argus_core.storage.sqlite import SqliteStorage
from tests.faults.conftest import LONG_S, Streamers
from tests.faults.scene import TIMES
from tests.faults.test_kill import check_reply, whole_path
from tests.support.clients import open_local
from tests.support.fake_gemini import png
from tests.support.mongod import LEFT_OPEN, Mongod
from tests.support.streamer import WordProvider, words

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]

CHECKPOINTING = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], timeout=10, isolation_level=None)
while True:
    store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
"""
BALLAST = "ballast"
ENOUGH_BYTES = 1 << 20
"""Of one file, where there is no disk of its own."""
SMALL = "16m"
ROOM_FOR_MONGOD = "420m"
"""Its journal alone takes 200 MB at the start."""


async def test_case_10_killed_in_the_middle_of_a_checkpoint(streamers: Streamers, tmp_path: Path) -> None:
    """A second program has the store open and is killed while it moves pages from the log into the file."""
    moments = random.Random(1)
    streamer = await streamers.start(tmp_path, "s")
    await streamer.until(lambda said: "opened" in said)
    for _ in range(20 * TIMES):
        program = await asyncio.create_subprocess_exec(sys.executable, "-c", CHECKPOINTING, str(tmp_path / "argus.db"))
        await streamer.read_for(moments.uniform(0.05, 0.3))
        program.kill()
        await program.wait()
    await streamer.kill()

    sent = {said["sent"]: said for said in streamer.told if "sent" in said}
    assert sent
    with closing(sqlite3.connect(tmp_path / "argus.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    async with open_local(tmp_path, WordProvider(0)) as client:
        storage = SqliteStorage(tmp_path / "argus.db")
        await storage.open()
        found: set[str | None] = set()
        for place in {said["conversation"] for said in sent.values()}:
            path = await whole_path(client, place)
            for question, reply in zip(path[::2], path[1::2], strict=True):
                found.add(question.client_msg_id)
                shown = [said for said in streamer.told if said.get("shown") == reply.generation_id]
                await check_reply(storage, question, reply, shown)
        await storage.close()
    assert set(sent) <= found


@dataclass
class Disk:
    """A small disk of its own; where nothing may be mounted, no file may grow past a limit instead."""

    place: Path
    is_real: bool

    def fill(self, pid: int = 0) -> None:
        """Leave no room, for a process that writes there."""
        if not self.is_real:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (ENOUGH_BYTES, resource.RLIM_INFINITY))
            return
        with (self.place / BALLAST).open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(1 << 16))

    def make_room(self) -> None:
        (self.place / BALLAST).unlink(missing_ok=True)
        resource.prlimit(0, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Disk]:
    yield from mounted(tmp_path / "small", SMALL)


@pytest.fixture
def disk_for_mongod(tmp_path: Path) -> Iterator[Disk]:
    yield from mounted(tmp_path / "mongod", ROOM_FOR_MONGOD)


def mounted(place: Path, size: str) -> Iterator[Disk]:
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    disk = Disk(place, is_real=subprocess.run(mount, check=False, capture_output=True).returncode == 0)
    yield disk
    disk.make_room()
    if disk.is_real:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


async def test_case_12_the_disk_of_the_store_and_the_pictures_is_full(small_disk: Disk) -> None:
    async with open_local(small_disk.place, WordProvider(0)) as client:
        conversation = await client.conversations.create()
        first = await client.generations.ask(conversation.id, "q0 20", client_msg_id="m0")
        assert await client.drain(LONG_S)
        before = await client.messages.get(first.reply.id)
        small_disk.fill()
        with pytest.raises(StorageError):
            await create_many(client)
        if small_disk.is_real:  # a picture is a file of its own and below any limit
            with pytest.raises(StorageError):
                await client.attachments.add("roof.png", png(64, 64))
        assert await client.messages.get(first.reply.id) == before

        small_disk.make_room()
        second = await client.generations.ask(conversation.id, "q1 20", client_msg_id="m1")
        assert await client.drain(LONG_S)
        reply = await client.messages.get(second.reply.id)
        assert (reply.status, reply.text) == ("completed", "".join(words("q1 20")))
        kept = await client.attachments.add("roof.png", png(64, 64))
        assert await client.attachments.read(kept)
    with closing(sqlite3.connect(small_disk.place / "argus.db")) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def create_many(client: ChatClient) -> None:
    """Use up what the files of the store still hold free."""
    for number in range(1000):
        await client.conversations.create(title=f"{number} " * 60)


async def test_case_12_an_answer_is_written_while_the_disk_is_full(small_disk: Disk) -> None:
    """It waits for room, shows nothing that is not kept, and goes on when there is room again."""
    async with open_local(small_disk.place, WordProvider(0.002)) as client:
        conversation = await client.conversations.create()
        turn = await client.generations.ask(conversation.id, "q 4000")
        small_disk.fill()
        await asyncio.sleep(2)
        small_disk.make_room()
        async with asyncio.timeout(LONG_S):
            events = [logged async for logged in client.generations.events(turn.generation.id)]
        reply = await client.messages.get(turn.reply.id)

    assert [logged.n for logged in events] == list(range(1, len(events) + 1))
    assert reply.text == "".join(getattr(logged.event, "text", "") for logged in events)
    assert "".join(words("q 4000")).startswith(reply.text)


def test_case_12_mongod_dies_of_a_full_disk_and_has_all_when_there_is_room(disk_for_mongod: Disk) -> None:
    """What was acknowledged before is there after it; the servers bear its death as they bear a kill (case 3)."""
    server = Mongod(replica_set=True, folder=disk_for_mongod.place / "db")
    server.start()
    try:
        acknowledged = write_until_refused(server, disk_for_mongod)
        server.kill()
        disk_for_mongod.make_room()
        server.start()
        with server.client() as client:
            found = {each["_id"] for each in client.full.things.find({}, {"_id": 1})}
    finally:
        server.stop()
    assert acknowledged
    assert acknowledged <= found


def write_until_refused(server: Mongod, disk: Disk) -> set[int]:
    """Write with a majority's word while the disk fills up; return what was acknowledged."""
    done: set[int] = set()
    with server.client(w="majority", timeoutMS=3000) as client:
        for number in range(200):
            if number == 100:
                disk.fill(server.pid)
            try:
                client.full.things.insert_one({"_id": number, "bytes": bytes(1 << 20)})
            except PyMongoError:
                break
            done.add(number)
    return done
