"""A real Argus server for tests: the application on a free port, over a real store, answered by the test's provider."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from argus_core.auth.passwords import Passwords
from argus_core.auth.service import Auth, Origin
from argus_core.auth.tokens import Tokens
from argus_core.client.local import Services
from argus_core.domain import RoleLimits, SignedIn, SignUpPolicy, UserRole
from argus_core.errors import Conflict
from argus_core.providers.base import Provider
from argus_core.server.app import create_app
from argus_core.server.context import ServerContext
from argus_core.server.metrics import Metrics
from argus_core.server.protocol import BoundedProtocol
from argus_core.server.streams import Streams
from argus_core.settings import Secret
from argus_core.shares import ShareLimits
from argus_core.storage.accounts import FullStorage
from tests.support.clients import open_services

KEY = Secret("a key of the tests that is long enough for anybody")
PASSWORD = "correct horse battery"
QUICK_COST = 4


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers at `url`."""

    url: str
    context: ServerContext

    @property
    def services(self) -> Services:
        return self.context.services

    @property
    def api(self) -> str:
        return f"{self.url}/api/v1"

    async def sign_up(self, name: str, *, role: UserRole = "member") -> SignedIn:
        """Make an account, unless it is there, without asking over the network, and sign in to it."""
        email = f"{name.lower()}@example.org"
        administration = self.context.auth.administration(None)
        with suppress(Conflict):
            await administration.create_user(email, name, role=role, password=PASSWORD)
        return await self.context.auth.sign_in(email, PASSWORD, Origin(address="", client=f"argus of {name}"))


def auth_over(storage: FullStorage, *, signup: SignUpPolicy = "open") -> Auth:
    """Return the accounts of a store, with passwords that hash quickly."""
    return Auth(storage, Passwords(cost=QUICK_COST), Tokens([KEY]), signup=signup)


@asynccontextmanager
async def open_context(
    folder: Path,
    provider: Provider,
    *,
    storage: FullStorage | None = None,
    signup: SignUpPolicy = "open",
    roles: dict[UserRole, RoleLimits] | None = None,
    provider_per_minute: int | None = None,
    titles_by_model: bool = False,
    shares: ShareLimits | None = None,
    **more: Any,
) -> AsyncGenerator[ServerContext, None]:
    """Open what a server shares, over the store in `folder` or the one given."""
    opening = open_services(
        folder,
        provider,
        storage=storage,
        titles_by_model=titles_by_model,
        roles=roles,
        provider_per_minute=provider_per_minute,
        make_auth=lambda store: auth_over(store, signup=signup),
        shares=shares,
    )
    async with opening as services:
        assert services.auth is not None
        metrics = Metrics()
        streams = Streams(services.auth.find_alive, metrics)
        yield ServerContext(
            services=services, auth=services.auth, metrics=metrics, streams=streams, version="0", **more
        )


@asynccontextmanager
async def running(
    context: ServerContext, wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app
) -> AsyncGenerator[RunningServer, None]:
    """Serve a context on a free port of this machine; `wrap` may put something around the application."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ServerContext, None]:
        yield context

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        wrap(create_app(opened)),
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        lifespan="on",
    )
    server = _QuietServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
            await asyncio.sleep(0.005)
        yield RunningServer(f"http://127.0.0.1:{listener.getsockname()[1]}", context)
    finally:
        await context.streams.drain()
        server.should_exit = True
        await task
        listener.close()


@asynccontextmanager
async def open_server(
    folder: Path, provider: Provider, *, wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app, **more: Any
) -> AsyncGenerator[RunningServer, None]:
    """Open a context and serve it."""
    async with open_context(folder, provider, **more) as context, running(context, wrap) as server:
        yield server


class _QuietServer(uvicorn.Server):
    """Leaves the signals of the test process alone."""

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        await self._serve(sockets)
