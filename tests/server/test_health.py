"""For whoever runs the server."""

from __future__ import annotations

import os
from pathlib import Path

import httpx2

from argus_core.domain import SignedIn
from argus_core.providers.scripted import ScriptedProvider
from argus_core.settings import Secret
from tests.server.conftest import Web
from tests.support.server import RunningServer, open_server


async def test_it_lives_and_can_serve(web: Web) -> None:
    assert (await web("GET", "/healthz")).json() == {"status": "ok"}
    assert (await web("GET", "/readyz")).json() == {"status": "ok"}


async def test_it_is_not_ready_while_it_drains_and_takes_no_question(
    web: Web, server: RunningServer, sara: SignedIn
) -> None:
    server.context.draining.set()
    assert (await web("GET", "/healthz")).status_code == 200
    assert (await web("GET", "/readyz")).status_code == 503
    refused = await web("POST", "/conversations/any/retry", sara)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


async def test_it_is_not_ready_when_the_store_is_away(web: Web, server: RunningServer) -> None:
    await server.services.storage.close()
    assert (await web("GET", "/readyz")).status_code == 503


async def test_it_is_not_ready_when_the_file_of_the_store_is_gone(
    tmp_path: Path, web: Web, sara: SignedIn, server: RunningServer
) -> None:
    path = Path(str((await server.services.storage.statistics())["path"]))
    os.replace(path, tmp_path / "aside.db")  # noqa: PTH105
    assert (await web("GET", "/readyz")).status_code == 503
    refused = await web("POST", "/conversations", sara, {"title": "lost"})
    assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
    assert "deleted or replaced" in refused.json()["hint"]
    os.replace(tmp_path / "aside.db", path)  # noqa: PTH105
    assert (await web("GET", "/readyz")).status_code == 200


async def test_numbers_are_for_this_machine(web: Web, sara: SignedIn) -> None:
    await web("GET", "/account", sara)
    text = (await web("GET", "/metrics")).text
    assert 'argus_requests_total{method="GET",route="/api/v1/account",status="200"} 1.0' in text
    assert sara.user.id not in text
    through_a_proxy = await web("GET", "/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert through_a_proxy.status_code == 404


async def test_with_a_key_numbers_are_for_who_sends_it(tmp_path: Path, provider: ScriptedProvider) -> None:
    async with (
        open_server(tmp_path, provider, metrics_key=Secret("a-key")) as server,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        assert (await http.get(f"{server.url}/metrics")).status_code == 404
        sent = {"Authorization": "Bearer a-key", "X-Forwarded-For": "192.0.2.1"}
        assert (await http.get(f"{server.url}/metrics", headers=sent)).status_code == 200
