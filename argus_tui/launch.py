"""Starts the Textual app on the settings, and lets answers finish when the screen is gone."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from argus_core.errors import ArgusError
from argus_tui.app import ArgusApp
from argus_tui.bug_log import write_bug_log
from argus_tui.faults import go_on_after_faults
from argus_tui.options import AppOptions
from argus_tui.sixteen_colors import has_few_colors
from argus_tui.terminal_driver import steady

if TYPE_CHECKING:
    from argus_core.client.base import ChatClient, Entrance
    from argus_core.settings import Settings


def run(settings: Settings) -> int:
    """Show the program until the user leaves; return the exit code."""
    app = ArgusApp(lambda: open_client(settings), options_from(settings))
    app.driver_class = steady(app.driver_class)
    if has_few_colors(app.console.color_system):
        app.use_few_colors()
    go_on_after_faults()
    return asyncio.run(_run(app))


async def _run(app: ArgusApp) -> int:
    code = await app.run_async()
    if app.hung_up:
        _let_go_of_terminal()
    if app.bug is not None:
        await app.keep_draft()
    await app.close_client()
    if app.bug is not None:
        raise app.bug
    if app.hung_up:
        os._exit(0)  # all is kept: no thread that waits for a disk or a decoder may hold the end up
    return app.return_code or code or 0


def _keep_fault(settings: Settings, error: BaseException) -> str:
    """Write a fault to a log of its own and return its name."""
    from argus_core.settings import data_dir

    try:
        return write_bug_log(data_dir(settings), error).name
    except (OSError, ArgusError):
        return "that could not be written"


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncGenerator[ChatClient, None]:
    """Open the client of this machine; its modules are loaded in a thread, so that the screen lives meanwhile."""
    bootstrap = await asyncio.to_thread(_bootstrap)
    async with bootstrap.open_client(settings) as client:
        yield client


@asynccontextmanager
async def open_entrance(settings: Settings) -> AsyncGenerator[Entrance, None]:
    """Open the door of the server or the store that has accounts."""
    bootstrap = await asyncio.to_thread(_bootstrap)
    async with bootstrap.open_entrance(settings) as entrance:
        yield entrance


def _bootstrap():  # type: ignore[no-untyped-def]
    from argus_core import bootstrap

    return bootstrap


def options_from(settings: Settings) -> AppOptions:
    """Return what the app needs of the settings."""
    from argus_core.settings import data_dir, home_folder

    root = settings.attach_root or home_folder() or data_dir(settings)
    return AppOptions(
        theme=settings.theme,
        plain_glyphs=_plain_glyphs(settings),
        images=settings.images != "off",
        attach_root=root,
        read_attachment=_read_attachment,
        keep_fault=partial(_keep_fault, settings),
        answers_run_here=settings.server is None,
        open_entrance=(lambda: open_entrance(settings)) if has_accounts(settings) else None,
    )


def has_accounts(settings: Settings) -> bool:
    """Return whether one signs in where the settings point to."""
    return settings.server is not None or settings.mongo_uri is not None


def _read_attachment(path: Path, root: Path) -> bytes:
    from argus_core.attachments import open_attachment

    return open_attachment(path, root)


def _plain_glyphs(settings: Settings) -> bool:
    if settings.glyphs != "auto":
        return settings.glyphs == "plain"
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return os.environ.get("TERM") == "linux" or encoding != "utf8"


def _let_go_of_terminal() -> None:
    """Point the standard streams at nothing: the terminal is gone, and writing to it would end us."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nothing, fd)
