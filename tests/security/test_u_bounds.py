"""U1 and U3: work is bounded before it is done, and who does not read keeps nobody waiting (ASVS 5.0, 13.1 and 15.2).

The small form of it; how much memory and time it takes beside somebody who works is in `test_u_neighbours.py`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from argus_core.providers.base import EndChunk, TextChunk
from argus_core.providers.scripted import ScriptedProvider
from argus_core.server import protocol, streams
from tests.security.team import Team, open_team
from tests.server.test_bounds import deaf, until
from tests.server.test_streams import ask, reading
from tests.support.store_drivers import StoreDriver

pytestmark = pytest.mark.slow

HOSTILE = {
    "fields": b"{" + b",".join(b'"k%d":1' % n for n in range(300_000)) + b"}",
    "depth": b'{"text":' + b"[" * 3_000_000,
    "ids": b'{"text":"x","attachment_ids":[' + b'"a",' * 700_000 + b'"a"]}',
    "digits": b'{"text":' + b"9" * 3_000_000 + b"}",
    "twice": b'{"text":"' + b"x" * 1_000_000 + b'","text":"y"}',
    "spaces": b'{"text":' + b" " * 3_000_000 + b'"x"}',
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
async def test_u1_a_hostile_body_ends_at_its_first_fault(team: Team, body: bytes) -> None:
    [web, *_] = team.webs
    sara, ali = [await team.servers[0].sign_up(name) for name in ("Sara", "Ali")]
    made = (await web("POST", "/conversations", sara, {})).json()["id"]
    sent = {"Content-Type": "application/json"}
    hostile = [
        web("POST", f"/conversations/{made}/questions", sara, content=body, headers=dict(sent)) for _ in range(4)
    ]
    answers = await asyncio.gather(*hostile, *(web("GET", "/account", ali) for _ in range(4)))
    assert {answer.status_code for answer in answers[:4]} <= {422, 429}
    assert 422 in {answer.status_code for answer in answers[:4]}
    assert all(len(answer.content) < 1_000 for answer in answers)
    assert {answer.status_code for answer in answers[4:]} == {200}
    assert team.servers[0].context.rooms.bodies.held == 0


@pytest.mark.parametrize("path", ["/auth/login", "/auth/signup", "/auth/refresh"])
async def test_u1_strangers_are_counted_whatever_they_send(store: StoreDriver, tmp_path: Path, path: str) -> None:
    async with open_team(store, tmp_path, count=1, address_requests_per_minute=10) as team:
        sent = {"Content-Type": "application/json"}
        sending = [team.webs[0]("POST", path, None, content=b"{" * 4_000, headers=dict(sent)) for _ in range(15)]
        statuses = [answer.status_code for answer in await asyncio.gather(*sending)]
        assert statuses.count(429) >= 4
        assert set(statuses) == {422, 429}


async def test_u3_a_stream_that_is_not_read_keeps_nobody_waiting_and_is_cut(
    store: StoreDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEAT_S", 0.05)
    monkeypatch.setattr(streams, "TICK_S", 0.02)
    monkeypatch.setattr(protocol, "STUCK_S", 2.0)
    provider = ScriptedProvider()
    async with open_team(store, tmp_path, provider, count=1) as team:
        [server] = team.servers
        sara, ali = [await server.sign_up(name) for name in ("Sara", "Ali")]
        turn = await ask(team.webs[0], sara)
        provider.feed(*[TextChunk("word " * 3_000) for _ in range(1_000)], EndChunk())
        path = f"/generations/{turn['generation']['id']}/events"
        async with deaf(server, path, sara), deaf(server, path, sara):
            await until(lambda: sum(each.waiting_bytes > 0 for each in server.context.streams._open) == 2)
            async with reading(server, f"/account/events?client_id={'c' * 32}", ali) as frames, asyncio.timeout(20):
                while (await anext(frames)) != {"comment": "beat"}:
                    pass
            await until(lambda: not server.context.streams._open)
        async with reading(server, path, sara) as frames:  # the answer itself lost nothing
            assert [frame["event"] async for frame in frames][-1] == "completed"
