"""The real `argus` on a pseudo-terminal, with a home of its own, against the stand-in Gemini server."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.home import KEY, Home
from tests.support.fake_gemini import FakeGemini
from tests.support.terminal import LONG_S

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: each starts real programs."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


collect_ignore = [] if shutil.which("tmux") else ["test_tmux.py"]
"""That one needs a program of the system; the CI installs it."""


@pytest.fixture
def gemini() -> Iterator[FakeGemini]:
    """A stand-in server in a thread; `gemini.play(model, step, …)` adds a behaviour."""
    fake = FakeGemini(key=KEY)
    loop = asyncio.new_event_loop()
    listening = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        async with fake:
            listening.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="gemini")
    thread.start()
    assert listening.wait(LONG_S)
    yield fake
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def home(tmp_path: Path, gemini: FakeGemini) -> Iterator[Home]:
    """A home that nobody has used; at the end nothing that was started there is left."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    home = Home(path, gemini.url)
    with home.programs:
        yield home
    assert not any(terminal.left_over() for terminal in home.started)
