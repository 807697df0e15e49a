"""A running server with two accounts, and plain requests to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from argus_core.domain import SignedIn
from argus_core.providers.scripted import ScriptedProvider
from tests.support.server import RunningServer, open_server


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider()


@pytest.fixture
async def server(tmp_path: Path, provider: ScriptedProvider) -> AsyncIterator[RunningServer]:
    async with open_server(tmp_path, provider) as opened:
        yield opened


@pytest.fixture
async def sara(server: RunningServer) -> SignedIn:
    return await server.sign_up("Sara")


class Web:
    """Requests as somebody, without any of the product's client."""

    def __init__(self, http: httpx2.AsyncClient, server: RunningServer) -> None:
        self._http = http
        self._server = server

    async def __call__(
        self, method: str, path: str, who: SignedIn | None = None, body: Any = None, **more: Any
    ) -> httpx2.Response:
        """Send one request; `path` is below `/api/v1` unless it names a page of the server itself."""
        base = self._server.url if path in ("/healthz", "/readyz", "/metrics") else self._server.api
        headers = more.pop("headers", {})
        if who is not None:
            headers["Authorization"] = f"Bearer {who.access_token}"
        if body is not None:
            more["json"] = body
        return await self._http.request(method, base + path, headers=headers, **more)


@pytest.fixture
async def web(server: RunningServer) -> AsyncIterator[Web]:
    async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        yield Web(http, server)
