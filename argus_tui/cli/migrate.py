"""`argus migrate-store`: copy all accounts, conversations and pictures from one store into another."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

from argus_core.errors import InvalidInput
from argus_core.settings import MONGO_SCHEMES, STORE_FILE, Settings
from argus_tui.cli.session import load
from argus_tui.cli.streams import tell
from argus_tui.cli.terminal import is_terminal, say_json, say_table

_SETTING = "MONGO_URI"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("migrate-store")(migrate_store)


def migrate_store(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="A data folder, a mongodb:// address or MONGO_URI.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same; nothing may be in it yet.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write the counts as one JSON object.")] = False,
) -> None:
    """Copy everything from one store into another and check that it arrived.

    The word MONGO_URI stands for the address in that setting, so that a password need not be typed here. Stop every
    Argus that uses either store first.
    """
    settings = load(ctx.obj).settings
    places = _place(source, settings), _place(target, settings)
    _require_store(places[0])
    counts = asyncio.run(_copy(*places))
    if as_json:
        say_json(counts)
    else:
        say_table(("WHAT", "COUNT"), [(kind, str(count)) for kind, count in counts.items()], flexible=0)


def _place(given: str, settings: Settings) -> str:
    """Return the address or folder that an argument means."""
    if given == _SETTING:
        if settings.mongo_uri is None:
            raise InvalidInput("MONGO_URI is not set; put the address of the MongoDB there.")
        return settings.mongo_uri.value
    if "://" in given and not given.startswith(MONGO_SCHEMES):
        raise InvalidInput("A store is a folder or an address that begins with mongodb://.")
    return given if given.startswith(MONGO_SCHEMES) else str(Path(given).expanduser().absolute())


def _require_store(place: str) -> None:
    """Refuse a folder without a store rather than make an empty one there."""
    if not place.startswith(MONGO_SCHEMES) and not (Path(place) / STORE_FILE).is_file():
        raise InvalidInput(f"There is no store in the folder {place}.")


async def _copy(source_place: str, target_place: str) -> Mapping[str, int]:
    """Copy the pictures first: if they do not all arrive, the target is still empty and the command can be repeated."""
    from argus_core.blobs.transfer import copy_blobs
    from argus_core.bootstrap import blobs_at, store_at
    from argus_core.storage.transfer import copy_store, require_empty

    progress = _Progress()
    async with AsyncExitStack() as opened:
        source, target = store_at(source_place), store_at(target_place)
        for store in (source, target):
            opened.push_async_callback(store.close)
            await store.open()
        await require_empty(target)
        pictures, kept = blobs_at(source_place), blobs_at(target_place)
        for blobs in (pictures, kept):
            opened.push_async_callback(blobs.close)
        moved = await copy_blobs(pictures, kept, lambda done, count: progress(done, "blobs", count))
        copied = await copy_store(source, target, progress)
        return {**{str(kind): count for kind, count in copied.items()}, "blobs": moved}


class _Progress:
    """Says on stderr how far it is: on a terminal in place, else one line a kind."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, done: str, kind: str, count: int) -> None:
        """Say it."""
        if is_terminal(sys.stderr):
            tell(f"\r{done} {count} {kind}\x1b[K")
        elif self._last != f"{done} {kind}":
            self._last = f"{done} {kind}"
            tell(f"{self._last} …\n")
