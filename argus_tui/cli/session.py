"""From the options of a command to the settings and an open client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from argus_core.settings import LoadedSettings, Settings, data_dir, load_settings
from argus_tui.cli import log
from argus_tui.cli.failures import catch_bugs

if TYPE_CHECKING:
    from argus_core.client.base import ChatClient

T = TypeVar("T")


def load(overrides: Mapping[str, object]) -> LoadedSettings:
    """Return the settings; from now on the log of a bug goes to their data folder.

    Raises:
        ConfigError: One of them cannot work.
    """
    loaded = load_settings(overrides, environ=os.environ, cwd=Path.cwd())
    catch_bugs(lambda: data_dir(loaded.settings))
    log.start(loaded.settings.log_file)
    return loaded


def with_client(settings: Settings, work: Callable[[ChatClient], Awaitable[T]]) -> T:
    """Open the client, do the work with it and close it."""

    async def run() -> T:
        from argus_core import bootstrap  # loads the storage and, later, a provider: only where one is needed

        async with bootstrap.open_client(settings) as client:
            return await work(client)

    return asyncio.run(run())
