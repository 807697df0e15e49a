"""The core as other programs use it: opened by settings, closed without a trace, and the page that shows how."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from pathlib import Path

import pytest

from argus_core import JarvisArgus
from argus_core.bootstrap import open_client, open_services
from argus_core.client.base import ChatClient
from argus_core.errors import ModelNotFound, RateLimited, StorageUnavailable
from argus_core.settings import Secret, Settings
from tests.support.fake_gemini import FakeGemini, png

ROOT = Path(__file__).parents[2]


def settings(folder: Path, fake: FakeGemini, **more: object) -> dict[str, object]:
    known: dict[str, object] = {
        "data_dir": folder / "data",
        "config_dir": folder / "config",
        "gemini_api_key": "a-key",
        "gemini_base_url": fake.url,
        "model": "gemini-2.5-flash",
        "keyring": False,
    }
    return known | more


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine the tests run on."""
    for name in list(os.environ):
        if name.startswith(("ARGUS_", "GEMINI_", "GOOGLE_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


async def test_asking_goes_on_in_one_conversation(tmp_path: Path) -> None:
    async with FakeGemini() as fake, JarvisArgus.open(**settings(tmp_path, fake)) as argus:
        first = [delta async for delta in argus.ask("Hello?", images=[png(3, 2)])]
        place = argus.conversation_id
        second = [delta async for delta in argus.ask("And now?")]

        assert place is not None
        assert argus.conversation_id == place
        found = await argus.conversations.get(place)
        assert found.head_id is not None
        path = await argus.messages.path(found.head_id)
        assert [message.role for message in path] == ["user", "assistant"] * 2
        assert (path[1].text, path[3].text) == ("".join(first), "".join(second))
        assert "Hello?" in path[1].text
        assert len(path[0].attachments) == 1


@pytest.mark.parametrize(("model", "error"), [("err-429", RateLimited), ("err-404", ModelNotFound)])
async def test_what_the_model_refuses_is_raised(tmp_path: Path, model: str, error: type[Exception]) -> None:
    async with FakeGemini() as fake, JarvisArgus.open(**settings(tmp_path, fake, model=model)) as argus:
        with pytest.raises(error):
            async for _ in argus.ask("Hello?"):
                pass


async def test_the_facade_is_a_chat_client(tmp_path: Path) -> None:
    async with FakeGemini() as fake, JarvisArgus.open(**settings(tmp_path, fake)) as argus:
        client: ChatClient = argus
        assert (await client.models.readiness()).model == "gemini-2.5-flash"
        assert "SQLite" in (await client.diagnose())["driver"]


async def use(folder: Path, *, leave_running: bool) -> set[str]:
    """Open, ask, close; return the names of tasks that are left."""
    async with FakeGemini() as fake:
        before = asyncio.all_tasks()
        values = settings(folder, fake, model="silent-mid" if leave_running else "gemini-2.5-flash")
        values |= {"gemini_api_key": Secret("a-key")}
        async with open_client(Settings(**values)) as client:  # type: ignore[arg-type]
            conversation = await client.conversations.create()
            turn = await client.generations.ask(conversation.id, "Hello?")
            async for logged in client.generations.events(turn.generation.id):
                if leave_running and logged.n > 1:
                    break
        return {task.get_name() for task in asyncio.all_tasks() - before if "_serve" not in repr(task)}


@pytest.mark.parametrize("leave_running", [False, True])
def test_closing_leaves_no_task_and_no_thread(tmp_path: Path, leave_running: bool) -> None:
    before = set(threading.enumerate())

    assert asyncio.run(use(tmp_path, leave_running=leave_running)) == set()
    left = set(threading.enumerate()) - before
    for thread in left:
        thread.join(10)  # it was told to end, and may be on its last line
    assert not [thread for thread in left if thread.is_alive()]


async def test_a_store_that_cannot_be_opened_leaves_nothing_either(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "argus.db").mkdir()
    tasks, threads = asyncio.all_tasks(), threading.active_count()

    with pytest.raises(StorageUnavailable):
        await open_services(Settings(data_dir=tmp_path / "data", config_dir=tmp_path / "config", keyring=False))
    assert asyncio.all_tasks() == tasks
    assert threading.active_count() <= threads + 1  # the loop's own, for what blocks


@pytest.mark.slow
async def test_the_example_of_the_page_runs_as_it_stands(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "roof.jpg").write_bytes(picture())
    async with FakeGemini() as fake:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            example,
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "PYTHONPATH": str(ROOT),
                "GEMINI_API_KEY": "a-key",
                "GOOGLE_GEMINI_BASE_URL": fake.url,
                "ARGUS_DATA_DIR": str(tmp_path / "data"),
                "ARGUS_CONFIG_DIR": str(tmp_path / "config"),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()

    assert (process.returncode, err.decode()) == (0, "")
    lines = out.decode().splitlines()
    assert len(lines) == 3
    assert "What is in this picture?" in lines[0]
    assert "And in one word?" in lines[1]
    assert lines[2].startswith("['")


def picture() -> bytes:
    """Return a small JPEG."""
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(file, "JPEG")
    return file.getvalue()
