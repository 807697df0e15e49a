"""What only MongoDB has of accounts and limits: its clock, its indexes, databases an older Argus wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any, cast

import pytest
from pymongo import AsyncMongoClient

from argus_core.domain import User
from argus_core.errors import InvalidInput
from argus_core.ids import new_id, utc_now
from argus_core.storage.accounts import Caps, Rate
from argus_core.storage.mongo import MongoStorage, schema
from tests.support import mongod
from tests.support.account_builders import TODAY, a_hold, a_login, a_presence, a_session, an_invite
from tests.support.builders import ALICE, NOON, later

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(mongod.LEFT_OPEN)]
Document = dict[str, Any]


@pytest.fixture
def uri() -> Iterator[str]:
    made = mongod.with_database(mongod.replica_set_uri(), f"argus_{new_id()}")
    yield made
    mongod.drop_database(made)
    mongod.collect_left_open()


@pytest.fixture
async def storage(uri: str) -> AsyncIterator[MongoStorage]:
    opened = MongoStorage(uri)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def raw(uri: str) -> AsyncIterator[AsyncMongoClient[Document]]:
    async with AsyncMongoClient[Document](uri) as client:
        yield client


async def _fill(storage: MongoStorage) -> None:
    await storage.create_login(a_login(ALICE))
    await storage.create_session(a_session("s"))
    await storage.create_invite(an_invite("i"), "digest")
    await storage.reserve(a_hold("g"), Caps())
    await storage.note_presence([a_presence("c", seen_at=utc_now())])
    await storage.take_from_bucket("k", Rate(burst=1, per_s=1))


async def test_processes_whose_clocks_differ_share_one_bucket(uri: str) -> None:
    rate = Rate(burst=2, per_s=1 / 3600)
    allowed = []
    for ahead_s in (0.0, -1e8, 1e8):
        storage = MongoStorage(uri, clock=partial(later, ahead_s))
        await storage.open()
        allowed.append((await storage.take_from_bucket("k", rate)).allowed)
        await storage.close()
    assert allowed == [True, True, False]


async def test_users_of_a_database_without_accounts_are_read_and_can_get_one(
    uri: str, raw: AsyncMongoClient[Document]
) -> None:
    db = raw.get_default_database()
    await schema.STEPS[0](db)
    await db.meta.insert_one({"_id": "schema", "version": 1})
    old = [{"_id": id, "user_id": id, "name": "Old", "created_at": NOON, "schema_v": 1} for id in ("a", "b")]
    await db.users.insert_many(old)
    storage = MongoStorage(uri)
    await storage.open()
    try:
        assert await storage.get_user("a") == User(id="a", name="Old", created_at=NOON)
        assert (await storage.get_login("b")).password_hash is None
        assert (await storage.list_users()).items == ()
        assert await storage.count_admins() == 0
        await storage.set_password_hash("a", "scheme$hash")
        assert (await storage.get_login("a")).password_hash == "scheme$hash"
        assert (await storage.statistics())["version"] == schema.VERSION
    finally:
        await storage.close()


async def test_what_passes_is_forgotten_by_the_server(storage: MongoStorage, raw: AsyncMongoClient[Document]) -> None:
    await _fill(storage)
    db = raw.get_default_database()
    assert (await db.presence.index_information())["forgotten"]["expireAfterSeconds"] == 3600
    assert (await db.buckets.index_information())["full"]["expireAfterSeconds"] == 60
    bucket = await db.buckets.find_one({}, {"since": {"$toLong": "$full_at"}, "full_at_us": 1})
    assert bucket is not None
    assert bucket["since"] == bucket["full_at_us"] // 1000


@pytest.mark.parametrize(
    ("collection", "where", "sort"),
    [
        ("users", {"email": "a@example.org"}, None),
        ("users", {"email": {"$gt": ""}}, {"email": 1}),
        ("sessions", {"user_id": ALICE, "ended_at": None}, {"seen_at": -1, "_id": 1}),
        ("sessions", {"$or": [{"ended_at": {"$lt": NOON}}, {"seen_at": {"$lt": NOON}}]}, None),
        ("invites", {"code_digest": "digest"}, None),
        ("invites", {}, {"created_at": -1, "_id": 1}),
        ("usage_days", {"holds.created_at": {"$lt": NOON}}, None),
        ("usage_days", {"day": {"$lt": "2026-01-01"}, "holds": []}, None),
        ("presence", {"user_id": {"$in": [ALICE]}, "seen_at": {"$gte": NOON}}, None),
    ],
)
async def test_what_is_asked_often_reads_an_index_and_sorts_nothing(
    storage: MongoStorage,
    raw: AsyncMongoClient[Document],
    collection: str,
    where: Document,
    sort: Document | None,
) -> None:
    await _fill(storage)
    command: Document = {"find": collection, "filter": where} | ({"sort": sort} if sort else {})
    plan = await raw.get_default_database().command("explain", command, verbosity="queryPlanner")
    stages = str(plan["queryPlanner"]["winningPlan"])
    assert "IXSCAN" in stages
    assert "COLLSCAN" not in stages
    assert "'SORT'" not in stages


async def test_every_document_tells_its_schema(storage: MongoStorage, raw: AsyncMongoClient[Document]) -> None:
    await _fill(storage)
    for name in ("users", "sessions", "invites", "usage_days", "presence"):
        found = await raw.get_default_database()[name].find().to_list()
        assert [each["schema_v"] for each in found] == [1]
        assert type(found[0]["_id"]) is str


async def test_an_operator_is_no_email_id_or_code(storage: MongoStorage) -> None:
    await _fill(storage)
    operator = cast(str, {"$ne": ""})
    calls = (
        storage.find_login(operator),
        storage.get_login(operator),
        storage.set_password_hash(operator, "x"),
        storage.set_password_hash(ALICE, operator),
        storage.list_users(cursor=operator),
        storage.find_session(operator),
        storage.advance_session(operator, 0, NOON),
        storage.end_sessions(operator, NOON),
        storage.end_sessions(ALICE, NOON, only=operator),
        storage.end_sessions(ALICE, NOON, but=operator),
        storage.find_invite(operator),
        storage.use_invite(operator, ALICE, later(1)),
        storage.delete_invite(operator),
        storage.take_from_bucket(operator, Rate(burst=1, per_s=1)),
        storage.settle(operator, TODAY, "g", a_hold().amounts),
        storage.settle(ALICE, TODAY, operator, a_hold().amounts),
        storage.list_presence([operator], NOON),
        storage.forget_presence([operator]),
    )
    for call in calls:
        with pytest.raises(InvalidInput):
            await call
    assert len(await storage.list_sessions(ALICE)) == 1
    assert (await storage.get_day(ALICE, TODAY)).held == a_hold().amounts


async def test_an_id_that_looks_like_a_field_is_only_text(storage: MongoStorage) -> None:
    hold = a_hold("$holds.tokens", user_id="$used.requests")
    assert await storage.reserve(hold, Caps(tokens=150))
    assert await storage.list_holds(later(1)) == [hold]
    assert not await storage.reserve(a_hold("g", user_id="$used.requests"), Caps(tokens=150))
    assert await storage.settle(hold.user_id, TODAY, hold.generation_id, hold.amounts)
    assert (await storage.get_day("$used.requests", TODAY)).used == hold.amounts
