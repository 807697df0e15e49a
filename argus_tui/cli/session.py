"""From the options of a command to the settings and an open client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from argus_core.errors import ConfigError
from argus_core.settings import STORE_FILE, LoadedSettings, Settings, data_dir, data_path, load_settings, working_folder
from argus_tui.cli import log
from argus_tui.cli.failures import catch_bugs

if TYPE_CHECKING:
    from argus_core.client.base import AdminRole, ChatClient, Entrance
    from argus_core.client.local_admin import LocalAdmin

T = TypeVar("T")


def load(overrides: Mapping[str, object]) -> LoadedSettings:
    """Return the settings; from now on the log of a bug goes to their data folder.

    Raises:
        ConfigError: One of them cannot work.
    """
    loaded = load_settings(overrides, environ=os.environ, cwd=working_folder())
    catch_bugs(lambda: data_dir(loaded.settings))
    log.start(loaded.settings.log_file)
    return loaded


def has_store(settings: Settings) -> bool:
    """Return whether there is a store in the data folder already; neither is made."""
    folder = data_path(settings)
    return folder is not None and os.path.isfile(folder / STORE_FILE)  # noqa: PTH113 - False also where we may not look


def with_client(settings: Settings, work: Callable[[ChatClient], Awaitable[T]], *, kept: bool = True) -> T:
    """Open the client, do the work with it and close it; with `kept` false nothing is left of what it did."""

    async def run() -> T:
        from argus_core import bootstrap  # loads the storage and, later, a provider: only where one is needed

        async with bootstrap.open_client(settings, kept=kept) as client:
            return await work(client)

    return asyncio.run(run())


def with_entrance(settings: Settings, work: Callable[[Entrance], Awaitable[T]]) -> T:
    """Do the work at the entrance of the server or store with accounts.

    Raises:
        ConfigError: Nobody signs in on one machine.
    """
    require_accounts(settings)

    async def run() -> T:
        from argus_core import bootstrap

        async with bootstrap.open_entrance(settings) as entrance:
            return await work(entrance)

    return asyncio.run(run())


def with_administration(settings: Settings, work: Callable[[AdminRole], Awaitable[T]]) -> T:
    """Do the work as an admin of the server, or on the store itself, whose holder needs no sign-in."""
    if settings.server is not None:
        return with_client(settings, lambda client: work(client.admin))
    return with_store_administration(settings, work)


def with_store_administration(settings: Settings, work: Callable[[LocalAdmin], Awaitable[T]]) -> T:
    """Do the work on the store itself, as whoever may open it."""

    async def run() -> T:
        from argus_core import bootstrap

        async with bootstrap.open_administration(settings) as administration:
            return await work(administration)

    return asyncio.run(run())


def require_accounts(settings: Settings) -> None:
    """Refuse where nobody signs in: with neither a server nor a store of a team.

    Raises:
        ConfigError: It says what to set.
    """
    if settings.server is None and settings.mongo_uri is None:
        raise ConfigError(
            "Name a server with --server or ARGUS_SERVER; on one machine alone nobody signs in.",
            title="There is nothing to sign in to",
        )
