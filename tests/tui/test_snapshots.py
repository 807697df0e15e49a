"""Pictures of the running program, each looked at before it was accepted (`--snapshot-update` makes them anew)."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from pytest_textual_snapshot import SVGImageExtension  # type: ignore[import-untyped]
from syrupy.assertion import SnapshotAssertion
from textual.widgets import Input

from argus_core import ids
from argus_core.errors import RateLimited
from argus_core.providers.base import TextChunk
from argus_core.providers.scripted import SCRIPTED_MODEL, ScriptedProvider
from argus_tui.screens import chat, chat_state, talk
from argus_tui.screens.confirm import Confirm
from argus_tui.screens.switcher import Switcher
from argus_tui.themes import ARGUS_DAY, ARGUS_NIGHT
from argus_tui.widgets.transcript import Transcript
from tests.tui.chat_support import AT, OTHER_MODEL, SMALL, WIDE, Person, Store, talk_of

pytestmark = pytest.mark.slow

DARK, LIGHT = ARGUS_NIGHT.name, ARGUS_DAY.name
Shoot = Callable[[Person], Awaitable[None]]
ANSWER = """Three things decide it:

1. **Distance**: trains win under 600 km.
2. *Price*, which depends on when you book.

| way | hours | price |
|---|---|---|
| train | 6:10 | 49 € |
| plane | 4:30 | 120 € |

> Prices of November.

```python
def cheapest(ways: list[Way]) -> Way:
    return min(ways, key=lambda way: way.price)
```

See `book()` for the rest.
"""


@pytest.fixture(autouse=True)
def _fixed_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no clock, zone or spinner move."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    real = ids.utc_now
    for name, module in list(sys.modules.items()):
        if name.startswith("argus_") and module is not ids and getattr(module, "utc_now", None) is real:
            monkeypatch.setattr(module, "utc_now", lambda: AT)
    for module in (chat_state, talk):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 100.0))
    monkeypatch.setattr(chat.ChatScreen, "_spin", chat.ChatScreen._show_status)
    monkeypatch.setattr(chat_state, "summary", lambda message: f"{message.model} · 12 tokens · 7 s")
    defaults = Switcher.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "now", lambda: AT)
    monkeypatch.setattr(Transcript, "_spin", lambda _self: None)


@pytest.fixture
def shoot(snapshot: SnapshotAssertion) -> Shoot:
    async def compare(person: Person) -> None:
        for field in person.app.screen.query(Input):
            field.cursor_blink = False
        person.app.clear_notifications()
        await person.until(lambda: not person.toasts(), "no words in passing")
        await person.pilot.pause()
        assert person.app.export_screenshot(title="argus") == snapshot.use_extension(SVGImageExtension)

    return compare


@asynccontextmanager
async def _program(store: Store, size: tuple[int, int], theme: str) -> AsyncGenerator[Person, None]:
    """The program among some conversations, on the day they are of."""
    async with store.services() as services:
        for number, (title, pinned) in enumerate(
            [("Weekend in Ghent", True), ("Regex for dates", False), ("نامه به شهرداری", False)]
        ):
            at = AT - timedelta(hours=26 * number)
            await talk_of(services, title, [(f"About {title}", f"Words on {title}")], at=at, pinned=pinned)
    async with store.program(size=size, theme=theme) as person:
        person.chat.sidebar._list._today = AT.date
        person.chat.sidebar._list._arrange()
        await person.pilot.pause()
        yield person


async def _open(person: Person, title: str) -> None:
    await person.opens(next(row.id for row in person.chat.sidebar.rows if row.title == title))


@pytest.mark.parametrize(("size", "theme"), [(WIDE, DARK), (SMALL, LIGHT)], ids=["wide-dark", "small-light"])
async def test_empty_start(tmp_path: Path, shoot: Shoot, size: tuple[int, int], theme: str) -> None:
    async with _program(Store(tmp_path, ScriptedProvider()), size, theme) as person:
        await person.sees("scripted-1 answers")
        await shoot(person)


async def test_streaming(tmp_path: Path, shoot: Shoot) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with _program(store, WIDE, DARK) as person:
        await person.send("Train or plane to Ghent?")
        store.provider.feed(TextChunk(ANSWER[:180], output_tokens=50))
        await person.sees("train", "6:10")
        person.chat._show_status()
        await person.sees("tok/s")
        await person.until(lambda: any(row.running for row in person.chat.sidebar.rows), "the running mark")
        await shoot(person)


@pytest.mark.parametrize(("size", "theme"), [(WIDE, DARK), (SMALL, LIGHT)], ids=["wide-dark", "small-light"])
async def test_finished(tmp_path: Path, shoot: Shoot, size: tuple[int, int], theme: str) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with store.services() as services:
        await talk_of(services, "Train or plane", [("Train or plane to Ghent?", ANSWER)])
    async with _program(store, size, theme) as person:
        await _open(person, "Train or plane")
        await person.until(lambda: "python" in person.chat.transcript._lexers._found, "the colours of the code")
        await shoot(person)


async def test_failed(tmp_path: Path, shoot: Shoot) -> None:
    error = RateLimited("Wait a minute, or choose another model with /model.")
    async with _program(Store(tmp_path, ScriptedProvider([TextChunk("Half of it"), error])), WIDE, DARK) as person:
        await person.send("Train or plane to Ghent?")
        await person.answered()
        await person.sees("Too many requests", "Half of it")
        await shoot(person)


async def test_stopped(tmp_path: Path, shoot: Shoot) -> None:
    store = Store(tmp_path, ScriptedProvider())
    async with _program(store, WIDE, LIGHT) as person:
        await person.send("Train or plane to Ghent?")
        store.provider.feed(TextChunk("The train, since"))
        await person.sees("since")
        await person.press("escape")
        await person.answered()
        await person.sees("/continue")
        await shoot(person)


async def test_no_key(tmp_path: Path, shoot: Shoot) -> None:
    async with _program(Store(tmp_path, ScriptedProvider(), key=None), SMALL, LIGHT) as person:
        await shoot(person)


async def test_sidebar_over_a_small_screen(tmp_path: Path, shoot: Shoot) -> None:
    async with _program(Store(tmp_path, ScriptedProvider()), SMALL, DARK) as person:
        await _open(person, "Regex for dates")
        await person.press("f2")
        await person.sees("Weekend in Ghent", "filter")
        await shoot(person)


async def test_chips(tmp_path: Path, shoot: Shoot) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    data = BytesIO()
    Image.new("RGB", (40, 30), (20, 120, 40)).save(data, "PNG")
    (pictures / "plant.png").write_bytes(data.getvalue())
    (pictures / "notes.png").write_text("not a picture")
    async with _program(Store(tmp_path, ScriptedProvider()), WIDE, LIGHT) as person:
        for name in ("plant.png", "notes.png"):
            await person.chat.draft.attach(pictures / name)
        person.chat.composer.draft = "What is wrong with it?"
        await person.until(lambda: not any(chip.checking for chip in person.chat.composer.chips), "both checked")
        await shoot(person)


async def _confirm(person: Person) -> None:
    await person.app.push_screen(Confirm("Empty the bin?", "3 conversations go for good.", yes="empty it"))


@pytest.mark.parametrize(
    ("name", "keys", "size", "theme"),
    [
        ("switcher", ["ctrl+k"], WIDE, DARK),
        ("models", ["f4"], WIDE, LIGHT),
        ("help", ["f1"], WIDE, DARK),
        ("palette", ["ctrl+p"], SMALL, DARK),
        ("rename", [], WIDE, DARK),
        ("confirm", [], SMALL, LIGHT),
    ],
    ids=["switcher", "models", "help", "palette", "rename", "confirm"],
)
async def test_overlay(
    tmp_path: Path, shoot: Shoot, name: str, keys: list[str], size: tuple[int, int], theme: str
) -> None:
    store = Store(tmp_path, ScriptedProvider(models=(SCRIPTED_MODEL, OTHER_MODEL)))
    async with _program(store, size, theme) as person:
        await _open(person, "Weekend in Ghent")
        await person.press(*keys)
        if name == "rename":
            await person.send("/rename")
        elif name == "confirm":
            await _confirm(person)
        await person.until(lambda: person.app.screen is not person.chat, "the overlay")
        if name == "models":
            await person.sees("scripted-2")
        await person.pilot.pause()
        await shoot(person)
