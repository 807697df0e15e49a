"""U2 and U5: one user's text costs nobody else, and everybody's things are counted and bounded (ASVS 5.0, 15.2).

The small form of it; how much memory and time it takes beside somebody who works is in `test_u_neighbours.py`.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from argus_core.shares import ShareLimits
from tests.security.team import Team, open_team
from tests.support.store_drivers import StoreDriver

pytestmark = pytest.mark.slow

LONG = "".join(chr(0x4E00 + number * 7 % 20_000) for number in range(2_000_000))
PATIENCE_S = 2.5
"""Far more than a write takes on a quiet machine, far less than folding `LONG` at once takes on any."""


async def test_u2_two_million_letters_keep_no_write_of_another_waiting(store: StoreDriver, tmp_path: Path) -> None:
    async with open_team(store, tmp_path, count=2) as team:
        mallory, sara = [await team.servers[0].sign_up(name) for name in ("Mallory", "Sara")]
        texts, hers = [
            (await team.webs[0]("POST", "/conversations", who, {"title": "own"})).json()["id"]
            for who in (mallory, sara)
        ]
        asking = asyncio.create_task(team.webs[0]("POST", f"/conversations/{texts}/questions", mallory, {"text": LONG}))
        waited: list[float] = []
        while not asking.done() or len(waited) < 10:
            began = time.monotonic()
            draft = await team.webs[len(waited) % 2]("PUT", f"/conversations/{hers}/draft", sara, {"draft": "mine"})
            waited.append(time.monotonic() - began)
            assert draft.status_code == 204
        assert (await asking).status_code == 201
        assert max(waited) < PATIENCE_S
        found = (await team.webs[1]("GET", "/search", mallory, params={"q": LONG[:3]})).json()["items"]
        assert [len(hit["message"]["parts"][0]["text"]) for hit in found] == [2000]


async def test_u5_a_list_carries_no_draft_and_no_system_text(team: Team) -> None:
    sara = await team.servers[0].sign_up("Sara")
    [web, *_] = team.webs
    for number in range(20):
        body = {"title": f"roof {number}", "system": "s" * 30_000}
        made = (await web("POST", "/conversations", sara, body)).json()
        assert (
            await web("PUT", f"/conversations/{made['id']}/draft", sara, {"draft": "d" * 200_000})
        ).status_code == 204
    listed = await web("GET", "/conversations", sara)
    assert len(listed.json()["items"]) == 20
    assert len(listed.content) < 20_000
    assert all(each["is_prepared"] for each in listed.json()["items"])
    whole = (await web("GET", f"/conversations/{made['id']}", sara)).json()
    assert (len(whole["system"]), len(whole["draft"])) == (30_000, 200_000)


async def test_u5_what_a_user_keeps_is_bounded_on_all_servers_and_freed_by_deletion(
    store: StoreDriver, tmp_path: Path
) -> None:
    async with open_team(store, tmp_path, shares=ShareLimits(conversations=5, text_bytes=20_000)) as team:
        sara, ali = [await team.servers[0].sign_up(name) for name in ("Sara", "Ali")]
        made = [(await team.webs[n % 3]("POST", "/conversations", sara, {"title": "t"})).json()["id"] for n in range(5)]
        for web in team.webs:
            full = await web("POST", "/conversations", sara, {"title": "one more"})
            assert (full.status_code, full.json()["code"]) == (422, "invalid_input")
            assert "delete those" in full.json()["hint"]
        assert (await team.webs[1]("DELETE", f"/conversations/{made[0]}", sara)).status_code == 204
        assert (await team.webs[2]("POST", "/conversations", sara, {"title": "instead"})).status_code == 201
        assert (await team.webs[0]("POST", f"/conversations/{made[0]}/restore", sara)).status_code == 404

        draft = await team.webs[0]("PUT", f"/conversations/{made[1]}/draft", sara, {"draft": "d" * 15_000})
        assert draft.status_code == 204
        for web in team.webs:
            refused = [
                await web("POST", f"/conversations/{made[2]}/questions", sara, {"text": "q" * 6_000}),
                await web("PUT", f"/conversations/{made[2]}/draft", sara, {"draft": "d" * 6_000}),
                await web("PATCH", f"/conversations/{made[2]}", sara, {"system": "s" * 6_000}),
            ]
            assert [each.status_code for each in refused] == [422, 422, 422]
        kept = {each["name"]: each for each in (await team.webs[1]("GET", "/account/allowance", sara)).json()["kept"]}
        assert kept["conversations"] == {"name": "conversations", "used": 5, "limit": 5}
        assert kept["text_bytes"] == {"name": "text_bytes", "used": 15_000, "limit": 20_000}
        assert (await team.webs[0]("DELETE", f"/conversations/{made[1]}", sara)).status_code == 204
        asked = await team.webs[2]("POST", f"/conversations/{made[2]}/questions", sara, {"text": "q" * 6_000})
        assert asked.status_code == 201
        assert (await team.webs[0]("POST", "/conversations", ali, {"title": "hers"})).status_code == 201


async def test_u5_a_deleted_conversation_takes_nothing(team: Team) -> None:
    sara = await team.servers[0].sign_up("Sara")
    made = (await team.webs[0]("POST", "/conversations", sara, {"title": "t"})).json()["id"]
    assert (await team.webs[0]("DELETE", f"/conversations/{made}", sara)).status_code == 204
    for method, path, body in (
        ("PUT", "/draft", {"draft": "d"}),
        ("PATCH", "", {"title": "another"}),
        ("PATCH", "", {"pinned": True}),
        ("PATCH", "", {"model": "m"}),
        ("PATCH", "", {"system": "s"}),
        ("POST", "/read", None),
        ("POST", "/undo", None),
        ("POST", "/questions", {"text": "q"}),
        ("POST", "/retry", None),
        ("POST", "/continue", None),
    ):
        answer = await team.webs[1](method, f"/conversations/{made}{path}", sara, body)
        assert answer.status_code == 404, (method, path)
    assert (await team.webs[2]("POST", f"/conversations/{made}/restore", sara)).json()["title"] == "t"


async def test_u5_preferences_are_bounded(store: StoreDriver, tmp_path: Path) -> None:
    async with open_team(store, tmp_path, count=1, shares=ShareLimits(preferences=3)) as team:
        sara = await team.servers[0].sign_up("Sara")
        statuses = [
            (await team.webs[0]("PUT", f"/account/preferences/p{number}", sara, {"value": "x"})).status_code
            for number in (1, 2, 3, 4, 1)
        ]
        assert statuses == [204, 204, 204, 422, 204]
