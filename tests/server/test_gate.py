"""What every request passes."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import nullcontext, suppress
from pathlib import Path

import httpx2
import pytest
from fastapi.routing import APIRoute

from argus_core.domain import SignedIn
from argus_core.providers.scripted import ScriptedProvider
from argus_core.server.app import ROUTES, create_app
from argus_core.server.gate import OPEN
from tests.server.conftest import Web
from tests.support.server import RunningServer, open_context

pytestmark = pytest.mark.slow


def routes() -> list[tuple[str, str]]:
    """Every method and address of the application."""
    found = [
        (method, route.path)
        for module in ROUTES
        for route in module.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    ]
    assert len(found) > 50
    return sorted(found)


CLOSED = [(method, path) for method, path in routes() if path not in OPEN]


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_nobody_gets_in_without_a_token(web: Web, server: RunningServer, method: str, path: str) -> None:
    answer = await web(method, path.removeprefix("/api/v1").replace("{id}", "a").replace("{name}", "theme"))
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_authenticated"


async def test_an_address_that_is_not_there_is_no_news_to_strangers(web: Web, sara: SignedIn) -> None:
    assert (await web("GET", "/nonsense")).status_code == 401
    missing = await web("GET", "/nonsense", sara)
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")
    wrong = await web("DELETE", "/account", sara)
    assert wrong.status_code == 405
    assert "GET" in wrong.headers["allow"]


async def test_every_answer_has_an_id_and_is_kept_by_nobody(web: Web, sara: SignedIn) -> None:
    for answer in (await web("GET", "/account", sara), await web("GET", "/account"), await web("GET", "/healthz")):
        assert len(answer.headers["x-request-id"]) == 32
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers


async def test_an_error_carries_the_id_of_its_log_line(
    web: Web, sara: SignedIn, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "argus_core"):
        answer = await web("GET", "/conversations/find?id_prefix=words", sara)
    problem = answer.json()
    assert problem["type"] == "urn:argus:problem:not_found"
    assert problem["status"] == answer.status_code == 404
    line = next(record for record in caplog.records if getattr(record, "request_id", "") == problem["request_id"])
    assert (line.__dict__["route"], line.__dict__["status"]) == ("/api/v1/conversations/find", 404)
    assert "words" not in json.dumps(line.__dict__, default=str)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"null", b'{"name": {"$ne": null}}', b'{"value": "x", "user_id": "y"}', b"\xff"],
)
async def test_a_body_that_is_not_as_it_should_be(web: Web, sara: SignedIn, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await web("PUT", "/account/preferences/theme", sara, content=body, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == "invalid_input"


async def test_more_than_an_address_takes_is_refused(web: Web, sara: SignedIn) -> None:
    answer = await web("PUT", "/account/preferences/theme", sara, {"value": "x" * (260 << 10)})
    assert (answer.status_code, answer.json()["title"]) == (422, "The request is too large")


async def test_a_body_without_end_is_cut_while_it_comes(server: RunningServer, sara: SignedIn) -> None:
    _, writer = await connected(server)
    head = f"PUT /api/v1/account/preferences/theme HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {sara.access_token}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    sent = 0
    with suppress(ConnectionError):
        while sent < 64 << 20:
            writer.write(b"10000\r\n" + b"x" * (64 << 10) + b"\r\n")
            await writer.drain()
            sent += 64 << 10
    assert sent < 32 << 20
    await left(writer)


async def connected(server: RunningServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = server.url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def left(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_too_many_headers_are_refused(server: RunningServer) -> None:
    reader, writer = await connected(server)
    many = "".join(f"X-{number}: y\r\n" for number in range(10_000))
    writer.write(f"GET /healthz HTTP/1.1\r\nHost: x\r\n{many}\r\n".encode())
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400")
    await left(writer)


async def test_a_network_of_ipv6_counts_as_one_address(tmp_path: Path, provider: ScriptedProvider) -> None:
    async with open_context(tmp_path, provider, address_requests_per_minute=2) as context:
        app = create_app(lambda: nullcontext(context))
        app.state.context = context
        statuses = []
        for last in ("1", "2", "ffff"):
            transport = httpx2.ASGITransport(app, client=(f"2001:db8::{last}", 1))
            async with httpx2.AsyncClient(transport=transport, base_url="http://server") as http:
                body = {"email": "nobody@example.org", "password": "not this one"}
                statuses.append((await http.post("/api/v1/auth/login", json=body)).status_code)
        assert statuses == [401, 401, 429]
