"""The `storage` fixture: every driver in turn, opened on an empty store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from argus_core.storage.transfer import PortableStorage
from tests.support.builders import ALICE, BOB, a_user
from tests.support.mongod import LEFT_OPEN
from tests.support.store_drivers import DRIVERS, StoreDriver


def _parameter(name: str) -> ParameterSet:
    server = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]
    return pytest.param(name, marks=server if DRIVERS[name].slow else [])


@pytest.fixture(params=[_parameter(name) for name in sorted(DRIVERS)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreDriver]:
    driver = DRIVERS[request.param](tmp_path)
    yield driver
    driver.discard()


@pytest.fixture
async def storage(store: StoreDriver) -> AsyncIterator[PortableStorage]:
    """An open storage that knows Alice and Bob."""
    opened = store.connect()
    await opened.open()
    for user_id in (ALICE, BOB):
        await opened.ensure_user(a_user(user_id))
    yield opened
    await opened.close()


@pytest.fixture
async def other_storage(store: StoreDriver, storage: PortableStorage) -> AsyncIterator[PortableStorage]:
    """A second storage on the same store, as another process has it."""
    opened = store.connect()
    await opened.open()
    yield opened
    await opened.close()
