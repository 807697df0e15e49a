"""The schema moves on and the store moves house while people talk: cases 18 and 19."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from argus_core.storage.mongo import MongoStorage, schema
from argus_core.storage.sqlite import SqliteStorage
from argus_core.storage.transfer import KINDS, PortableStorage
from argus_core.wire import encode
from tests.faults.cluster import Cluster, Replica
from tests.faults.scene import set_scene
from tests.support.mongod import LEFT_OPEN, with_database

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]

DIES = ("-m", "tests.faults.dying_server", "argus_core.storage.mongo.schema:_write_version")
NEWER = ("-m", "tests.faults.newer_server", "serve")


def elsewhere(cluster: Cluster, name: str) -> str:
    """Return the address of a database that is empty."""
    return with_database(f"mongodb://127.0.0.1:{cluster.mongod.port}/?directConnection=true", name)


@pytest.mark.parametrize("step", range(1, len(schema.STEPS) + 1))
async def test_case_18_a_migration_is_killed_after_a_step_and_run_again(cluster: Cluster, step: int) -> None:
    uri = elsewhere(cluster, f"half_way_{step}")
    db = cluster.client[f"half_way_{step}"]
    new = cluster.add("new", program=(*DIES, "before", str(step), "serve"), MONGO_URI=uri)
    try:
        new.start(wait=False)
        await asyncio.to_thread(new.wait)
        assert not new.is_alive
        assert db.meta.find_one({"_id": "schema"}) == (None if step == 1 else {"_id": "schema", "version": step - 1})
        db.meta.update_one({"_id": "lock"}, {"$set": {"until": datetime(1970, 1, 2, tzinfo=UTC)}})  # its lease runs out
        new.program = ("-m", "argus_tui", "serve")
        new.start()
        assert db.meta.find_one({"_id": "schema"}) == {"_id": "schema", "version": schema.VERSION}
        assert db.meta.find_one({"_id": "lock"}) is None
    finally:
        cluster.remove(new)


async def test_case_18_old_and_new_servers_work_side_by_side(cluster: Cluster) -> None:
    """Those that run go on; an old one that is started afterwards says why it does not."""
    scene = await set_scene(cluster)
    newer = cluster.add("newer", program=NEWER)
    try:
        talking = asyncio.gather(*(each.converse(6) for each in scene.witnesses))
        await scene.nemesis.start(newer)
        scene.net.ports = [newer.port, *cluster.ports]
        await talking
        await asyncio.gather(*(each.converse_on(1) for each in scene.witnesses))
        assert cluster.db.meta.find_one({"_id": "schema"}) == {"_id": "schema", "version": schema.VERSION + 1}
        assert await refused(cluster)
        found = await scene.judge()
    finally:
        cluster.remove(newer)
        cluster.db.meta.update_one({"_id": "schema"}, {"$set": {"version": schema.VERSION}})
    assert set(found.statuses) == {"completed"}


async def refused(cluster: Cluster) -> bool:
    """Start an old server; return whether it ended by itself and said that the store is newer."""
    old = Replica("old", cluster.folder, cluster.settings)
    old.start(wait=False)
    code = await asyncio.to_thread(old.wait)
    return code != 0 and f"{schema.VERSION + 1}" in old.log.read_text()


async def test_case_19_a_copy_made_under_load_is_refused_or_whole_and_one_made_at_rest_is_the_same(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Every Argus is to be stopped before a store is copied; who forgets it must not get half a copy unawares."""
    scene = await set_scene(cluster)
    talking = asyncio.gather(*(each.converse(4) for each in scene.witnesses))
    await asyncio.sleep(1)
    code, said, complaint = await copy(cluster, tmp_path / "under-load")
    await talking
    await scene.judge()
    assert (code == 0 and json.loads(said)) or "argus: " in complaint

    code, said, complaint = await copy(cluster, tmp_path / "at-rest")
    assert code == 0, complaint
    assert json.loads(said)["messages"] == cluster.db.messages.count_documents({})  # an estimate is wrong after a kill
    source, target = MongoStorage(cluster.uri), SqliteStorage(tmp_path / "at-rest" / "argus.db")
    here, there = await manifest(source), await manifest(target)
    assert {kind: sorted(here[kind] ^ there[kind])[:2] for kind in KINDS if here[kind] != there[kind]} == {}


async def copy(cluster: Cluster, folder: Path) -> tuple[int | None, str, str]:
    """Copy the whole store into a folder, as an operator does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "argus_tui",
        "migrate-store",
        "MONGO_URI",
        str(folder),
        "--json",
        env=cluster.settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, complaint = await process.communicate()
    return process.returncode, out.decode(), complaint.decode()


async def manifest(store: PortableStorage) -> dict[str, set[str]]:
    """Return all that a store holds, by its kind."""
    await store.open()
    try:
        return {kind: {_line(each) async for batch in store.export(kind) for each in batch} for kind in KINDS}
    finally:
        await store.close()


def _line(record: Any) -> str:
    return json.dumps(encode(record), sort_keys=True)
