"""A server, a user and an admin on it, plain requests to it; and three servers on one store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from _pytest.mark import ParameterSet

from argus_core.domain import SignedIn
from argus_core.providers.scripted import ScriptedProvider, saying
from tests.security.team import Team, open_team
from tests.server.conftest import Web
from tests.support.mongod import LEFT_OPEN
from tests.support.server import RunningServer, open_server
from tests.support.store_drivers import DRIVERS, StoreDriver


@pytest.fixture
def provider() -> ScriptedProvider:
    return ScriptedProvider(saying("Because so."))


@pytest.fixture
async def server(tmp_path: Path, provider: ScriptedProvider) -> AsyncIterator[RunningServer]:
    async with open_server(tmp_path, provider) as opened:
        yield opened


@pytest.fixture
async def web(server: RunningServer) -> AsyncIterator[Web]:
    async with httpx2.AsyncClient(timeout=30, trust_env=False) as http:
        yield Web(http, server)


@pytest.fixture
async def sara(server: RunningServer) -> SignedIn:
    return await server.sign_up("Sara")


@pytest.fixture
async def admin(server: RunningServer) -> SignedIn:
    return await server.sign_up("Admin", role="admin")


def _parameter(name: str) -> ParameterSet:
    marks = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)] if DRIVERS[name].slow else []
    return pytest.param(name, marks=marks)


@pytest.fixture(params=[_parameter(name) for name in ("sqlite", "mongo")])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreDriver]:
    """An empty store that several processes can share, on each driver."""
    driver = DRIVERS[request.param](tmp_path)
    yield driver
    driver.discard()


@pytest.fixture
async def team(store: StoreDriver, tmp_path: Path) -> AsyncIterator[Team]:
    """Three servers, each with memory of its own, on one store."""
    async with open_team(store, tmp_path) as opened:
        yield opened
