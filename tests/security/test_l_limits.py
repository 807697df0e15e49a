"""L1 and L2: what one may use, and what one may take up (ASVS 5.0, 2.3, 2.4, 13.1 and 15.2)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from argus_core.auth.passwords import MAX_WAITING, THREADS
from argus_core.domain import RoleLimits, SignedIn, Usage
from argus_core.providers.base import Chunk, EndChunk, Prompt, TextChunk
from argus_core.providers.scripted import ScriptedProvider, saying
from argus_core.serve import MOST_CONNECTIONS, _config
from argus_core.server import intake, protocol, streams
from argus_core.settings import Settings
from tests.security.team import Team, open_team
from tests.server.conftest import Web
from tests.server.test_gate import connected, left
from tests.server.test_streams import reading
from tests.support.server import RunningServer
from tests.support.store_drivers import StoreDriver

pytestmark = pytest.mark.slow

ASKED = 24


async def ask_at_once(team: Team, who: SignedIn) -> list[httpx2.Response]:
    """Ask many questions at the same moment, each in a conversation of its own, spread over all servers."""
    made = [await team.webs[0]("POST", "/conversations", who, {}) for _ in range(ASKED)]
    paths = [f"/conversations/{each.json()['id']}/questions" for each in made]
    webs = team.webs * ASKED
    asks = [web("POST", path, who, {"text": "Why?"}) for web, path in zip(webs, paths, strict=False)]
    return await asyncio.gather(*asks)


class Talkative(ScriptedProvider):
    """Says as much as it may; a token costs a millionth of a dollar."""

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        written = min(6_000, prompt.max_output_tokens or 6_000)
        yield TextChunk("Because")
        yield EndChunk(Usage(input_tokens=1, output_tokens=written, cost_micro_usd=1 + written))


async def settled(team: Team, who: SignedIn) -> dict[str, Any]:
    """Return what the user has used, as soon as nothing runs any more."""
    storage = team.servers[1].services.storage
    async with asyncio.timeout(60):
        while await storage.list_running(who.user.id):  # noqa: ASYNC110 - another server's answers tell nobody here
            await asyncio.sleep(0.02)
    found: dict[str, Any] = (await team.webs[2]("GET", "/account/allowance", who)).json()
    return found


async def test_l1_questions_in_a_minute_are_counted_over_three_servers(store: StoreDriver, tmp_path: Path) -> None:
    roles: Any = {"member": RoleLimits(role="member", requests_per_minute=5)}
    async with open_team(store, tmp_path, roles=roles) as team:
        sara = await team.servers[0].sign_up("Sara")
        answers = await ask_at_once(team, sara)
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses[201] <= 6  # five, and the one that a slow machine lets grow back
        assert statuses[201] >= 5
        assert statuses[201] + statuses[429] == ASKED
        for refused in (answer for answer in answers if answer.status_code == 429):
            assert refused.json()["code"] == "limit_reached"
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await settled(team, sara))["requests"] == statuses[201]


async def test_l1_who_waits_as_told_is_let_in(store: StoreDriver, tmp_path: Path) -> None:
    roles: Any = {"member": RoleLimits(role="member", requests_per_minute=60)}
    async with open_team(store, tmp_path, roles=roles) as team:
        sara = await team.servers[0].sign_up("Sara")
        path = f"/conversations/{(await team.webs[0]('POST', '/conversations', sara, {})).json()['id']}/retry"
        for _ in range(200):
            refused = await team.webs[1]("POST", path, sara)
            if refused.status_code == 429:
                break
            made = (await team.webs[0]("POST", "/conversations", sara, {})).json()["id"]
            refused = await team.webs[1]("POST", f"/conversations/{made}/questions", sara, {"text": "Why?"})
            if refused.status_code == 429:
                break
        assert refused.status_code == 429
        await asyncio.sleep(int(refused.headers["retry-after"]))
        made = (await team.webs[0]("POST", "/conversations", sara, {})).json()["id"]
        again = await team.webs[2]("POST", f"/conversations/{made}/questions", sara, {"text": "Why?"})
        assert again.status_code == 201
        assert "r=" in again.headers["ratelimit"]
        assert "q=60" in again.headers["ratelimit-policy"]


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        (RoleLimits(role="member", requests_per_day=7), {"requests": 7}),
        (RoleLimits(role="member", tokens_per_day=60_000), {"tokens": 60_000}),
        (RoleLimits(role="member", micro_usd_per_day=60_000), {"cost_micro_usd": 60_000}),
    ],
    ids=["requests", "tokens", "money"],
)
async def test_l1_no_limit_of_the_day_is_passed_over_three_servers(
    store: StoreDriver, tmp_path: Path, limits: RoleLimits, most: dict[str, int]
) -> None:
    async with open_team(store, tmp_path, Talkative(), roles={"member": limits}) as team:
        for server in team.servers:
            server.services.limits._price = lambda model, read, written: read + written
        sara = await team.servers[0].sign_up("Sara")
        for _ in range(2):
            answers = await ask_at_once(team, sara)
            used = await settled(team, sara)
            for name, cap in most.items():
                assert used[name] <= cap
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert used["requests"] >= 5
        assert {answer.status_code for answer in answers} <= {201, 429}


async def test_l1_all_users_share_what_an_address_may_ask(store: StoreDriver, tmp_path: Path) -> None:
    async with open_team(store, tmp_path, address_requests_per_minute=10) as team:
        body = {"email": "nobody@example.org", "password": "not this one"}
        tries = [web("POST", "/auth/login", None, body) for web in team.webs * 8]
        statuses = Counter(answer.status_code for answer in await asyncio.gather(*tries))
        assert statuses[401] <= 5
        assert statuses[429] >= 14
        assert statuses.total() == 24


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - it tells nobody when it happens
            await asyncio.sleep(0.01)


async def silent(server: RunningServer, text: bytes) -> bytes:
    """Send something, then nothing, and return what came until the server closed the line."""
    reader, writer = await connected(server)
    writer.write(text)
    async with asyncio.timeout(30):
        answer = await reader.read()
    await left(writer)
    return answer


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /healthz HT",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost",
    ],
    ids=["nothing", "line", "header", "second request"],
)
async def test_l2_headers_that_never_end_are_given_up(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    assert protocol.HEADERS_S <= 20
    monkeypatch.setattr(protocol, "HEADERS_S", 0.3)
    answer = await silent(server, begun)
    assert answer.count(b"HTTP/1.1 200") == begun.count(b"\r\n\r\n")


@pytest.mark.parametrize("way", ["piece", "whole"])
async def test_l2_bodies_that_come_too_slowly_are_given_up(
    server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    assert intake.BODY_PIECE_S <= 30
    assert intake.BODY_S <= 600
    monkeypatch.setattr(intake, "BODY_PIECE_S" if way == "piece" else "BODY_S", 0.3)
    reader, writer = await connected(server)
    head = f"POST /api/v1/conversations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sara.access_token}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n".encode())
    answering = asyncio.create_task(_rest(reader))
    if way == "whole":
        with suppress(ConnectionError):
            while not answering.done():
                writer.write(b" ")
                await asyncio.sleep(0.05)
    async with asyncio.timeout(30):
        answer = await answering
    if way == "piece" or answer:  # who still sends when the line is closed may lose the answer
        assert b" 422 " in answer.splitlines()[0]
        assert b"came too slowly" in answer
    await left(writer)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    answer = b""
    with suppress(ConnectionError):
        while more := await reader.read(1 << 16):
            answer += more
    return answer


@pytest.mark.parametrize(
    "head",
    [
        "".join(f"X-{number}: y\r\n" for number in range(10_000)),
        f"X-Long: {'y' * (1 << 20)}\r\n",
        f"{'X' * (1 << 20)}: y\r\n",
    ],
    ids=["many", "long", "long name"],
)
async def test_l2_ten_thousand_headers_or_a_megabyte_of_one_are_refused(server: RunningServer, head: str) -> None:
    reader, writer = await connected(server)
    with suppress(ConnectionError):
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode())
        await writer.drain()
    answer = b""
    with suppress(ConnectionError):
        answer = await reader.read()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    await left(writer)


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nX-Long: "], ids=["address", "header"])
async def test_l2_a_head_without_end_is_cut(server: RunningServer, start: bytes) -> None:
    _, writer = await connected(server)
    sent = 0
    with suppress(ConnectionError):
        writer.write(start)
        while sent < 64 << 20:
            writer.write(b"x" * (64 << 10))
            await writer.drain()
            sent += 64 << 10
    assert sent < 16 << 20
    await left(writer)


async def test_l2_a_user_has_a_bounded_number_of_streams(
    web: Web, server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (streams.MOST_OF_SESSION, streams.MOST_OF_USER, streams.MOST) == (64, 1024, 10_000)
    monkeypatch.setattr(streams, "MOST_OF_SESSION", 5)
    monkeypatch.setattr(streams, "MOST_OF_USER", 8)
    sessions = [await server.sign_up("Sara") for _ in range(3)]
    ali = await server.sign_up("Ali")
    opened, refused = 0, 0
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=20, trust_env=False))

        async def open_one(who: SignedIn, number: int) -> int:
            request = http.build_request(
                "GET",
                f"{server.api}/account/events",
                params={"client_id": f"{number:032}"},
                headers={"Authorization": f"Bearer {who.access_token}"},
            )
            answer = await http.send(request, stream=True)
            stack.push_async_callback(answer.aclose)
            return answer.status_code

        for who in sessions:
            statuses = await asyncio.gather(*(open_one(who, number) for number in range(20)))
            assert set(statuses) <= {200, 429}
            assert statuses.count(200) <= 5
            opened += statuses.count(200)
            refused += statuses.count(429)
        assert opened == 8
        assert refused == 52
        assert await open_one(ali, 0) == 200
        assert (await web("GET", "/account", sessions[0])).status_code == 200


async def test_l2_who_never_reads_is_let_go(
    web: Web, server: RunningServer, provider: ScriptedProvider, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert protocol.STUCK_S <= 60
    monkeypatch.setattr(protocol, "STUCK_S", 0.3)
    monkeypatch.setattr(streams, "TICK_S", 0.05)
    monkeypatch.setattr(streams, "LAST_WORD_S", 0.3)
    provider._scripts = (saying(" ".join(["word" * 2_000] * 2_000)),)
    conversation = (await web("POST", "/conversations", sara, {})).json()
    turn = (await web("POST", f"/conversations/{conversation['id']}/questions", sara, {"text": "Why?"})).json()
    _, writer = await connected(server)
    path = f"/generations/{turn['generation']['id']}/events"
    writer.write(f"GET /api/v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sara.access_token}\r\n\r\n".encode())
    await until(lambda: bool(server.context.streams._open))
    await until(lambda: not server.context.streams._open)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    async with reading(server, path, sara) as frames:  # the answer itself lost nothing
        events = [frame["event"] async for frame in frames]
    assert events[-1] == "completed"


def test_l2_pools_and_queues_have_a_size() -> None:
    assert THREADS <= 4
    assert MAX_WAITING <= 32
    config = _config(Settings(), None)
    assert config.limit_concurrency == MOST_CONNECTIONS <= 10_000
    assert config.http is protocol.BoundedProtocol
    assert config.timeout_keep_alive <= 120
