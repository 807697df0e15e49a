"""Every kind of `ChatClient`, for the contract suite: each over an empty store, answered by a provider of the test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from argus_core.client.base import ChatClient
from argus_core.providers.base import Provider
from tests.support.clients import OTHER_USER_ID, client_of, open_services


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


DRIVERS: dict[str, ClientDriver] = {"local": _local}
