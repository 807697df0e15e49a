"""Every kind of `ChatClient`, for the contract suite: each over an empty store, answered by a provider of the test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from argus_core.client.base import ChatClient
from argus_core.client.http import HttpClient
from argus_core.credentials import KeptSession
from argus_core.providers.base import Provider
from tests.support.clients import OTHER_USER_ID, client_of, open_services
from tests.support.server import RunningServer, open_server


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of two users who share one Argus."""

    client: ChatClient
    stranger: ChatClient


ClientDriver = Callable[[Path, Provider, bool], AbstractAsyncContextManager[Clients]]
"""Opens both over the store in a folder; the flag lets the model name conversations."""


@asynccontextmanager
async def _local(folder: Path, provider: Provider, titles_by_model: bool) -> AsyncGenerator[Clients, None]:
    async with open_services(folder, provider, titles_by_model=titles_by_model) as services:
        yield Clients(await client_of(services), await client_of(services, OTHER_USER_ID))


@asynccontextmanager
async def _http(folder: Path, provider: Provider, titles_by_model: bool) -> AsyncGenerator[Clients, None]:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(open_server(folder, provider, titles_by_model=titles_by_model))
        opened = [await stack.enter_async_context(signed_up(server, name, folder)) for name in ("Sara", "Stranger")]
        yield Clients(*opened)


@asynccontextmanager
async def signed_up(server: RunningServer, name: str, folder: Path) -> AsyncGenerator[HttpClient, None]:
    """Make an account and open its client over the network."""
    config = folder / f"config of {name}"
    config.mkdir(mode=0o700, exist_ok=True)
    kept = KeptSession(config, server.url, use_keyring=False)
    kept.keep(await server.sign_up(name))
    client = HttpClient(server.url, kept)
    try:
        await client.open()
        yield client
    finally:
        await client.close()


DRIVERS: dict[str, ClientDriver] = {"http": _http, "local": _local}
