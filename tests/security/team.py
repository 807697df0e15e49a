"""Several servers on one store, as replicas behind a load balancer are, and one who asks each of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from argus_core.domain import SignedIn
from argus_core.providers.base import Provider
from argus_core.providers.scripted import ScriptedProvider, saying
from tests.server.conftest import Web
from tests.support.server import RunningServer, open_server
from tests.support.store_drivers import StoreDriver


@dataclass(frozen=True, slots=True)
class Team:
    """The servers, and requests to each."""

    servers: tuple[RunningServer, ...]
    webs: tuple[Web, ...]

    async def statuses(self, who: SignedIn) -> list[int]:
        """Return what each server answers to that user."""
        return [(await web("GET", "/account", who)).status_code for web in self.webs]


@asynccontextmanager
async def open_team(
    store: StoreDriver, folder: Path, provider: Provider | None = None, *, count: int = 3, **more: Any
) -> AsyncGenerator[Team, None]:
    """Open servers on one store; each has a connection, caches and streams of its own."""
    provider = provider or ScriptedProvider(saying("Because so."))
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=30, trust_env=False))
        opening = [open_server(folder, provider, storage=store.connect(), **more) for _ in range(count)]
        servers = tuple([await stack.enter_async_context(each) for each in opening])
        yield Team(servers, tuple(Web(http, each) for each in servers))
