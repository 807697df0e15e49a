import subprocess
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from argus_tui.screens.pick_image import Folder, PickImage, is_below
from tests.tui.widget_support import Bare


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "home"
    (root / "pictures").mkdir(parents=True)
    (root / "pictures" / "Roof.JPG").write_bytes(b"x")
    (root / "pictures" / "notes.txt").write_bytes(b"x")
    (root / "pictures" / "evil\x1b]52;c;AAAA\x07[red].png").write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    (root / "out").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    return root


async def loaded(pilot: Pilot[None], app: Bare) -> Folder:
    folder = app.screen.query_one(Folder)
    await folder.workers.wait_for_complete()
    await pilot.pause()
    return folder


async def typed(pilot: Pilot[None], app: Bare, text: str) -> None:
    app.screen.query_one(Input).value = text
    app.screen.query_one(Input).focus()
    await pilot.press("enter")
    await loaded(pilot, app)


async def test_keys_alone_open_a_folder_and_take_a_picture(root: Path) -> None:
    app, results = Bare(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(PickImage(root), results.append)
        await loaded(pilot, app)
        await pilot.press("down", "enter")
        await loaded(pilot, app)
        shown = "\n".join(app.shown())
        assert "from home/pictures" in shown
        assert "▣ Roof.JPG" in shown
        assert "notes.txt" not in shown
        assert "▣ evil[red].png" in shown
        await pilot.press("down", "enter")
        await pilot.pause()
    assert results == [root / "pictures" / "Roof.JPG"]


async def test_there_is_no_way_above_the_root(root: Path) -> None:
    app, results = Bare(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(PickImage(root, root / "pictures"), results.append)
        folder = await loaded(pilot, app)
        for _ in range(4):
            await pilot.press("backspace")
            await loaded(pilot, app)
        assert folder.location == root
        assert not any(" .." in line for line in app.shown())
        assert not any("out" in line.split() or "loop" in line.split() for line in app.shown())


@pytest.mark.parametrize("place", ["..", "../", "/", "/etc", "~", "out", "../home/../.."])
async def test_typed_folders_outside_lead_to_the_root(root: Path, place: str) -> None:
    app, results = Bare(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(PickImage(root), results.append)
        folder = await loaded(pilot, app)
        await typed(pilot, app, place)
        assert folder.location.resolve() == root
        assert results == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../secret.png", "only from below"),
        ("out/secret.png", "only from below"),
        ("pictures/notes.txt", "not a JPEG"),
        ("pictures/none.png", "no such file"),
    ],
)
async def test_other_files_are_refused_with_the_reason(root: Path, name: str, why: str) -> None:
    app, results = Bare(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(PickImage(root), results.append)
        await loaded(pilot, app)
        await typed(pilot, app, name)
        assert results == []
        assert any(why in line for line in app.shown())


async def test_a_typed_path_below_the_root_is_taken(root: Path) -> None:
    app, results = Bare(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(PickImage(root), results.append)
        await loaded(pilot, app)
        app.screen.query_one(Input).value = "pictures/Roof.JPG"
        app.screen.query_one(Input).focus()
        await pilot.press("enter")
    assert results == [root / "pictures" / "Roof.JPG"]


async def test_escape_attaches_nothing(root: Path) -> None:
    app, results = Bare(), list[Path | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(PickImage(root), results.append)
        await loaded(pilot, app)
        await pilot.press("escape")
    assert results == [None]


def test_a_start_outside_is_the_root(root: Path) -> None:
    assert PickImage(root, root.parent)._location == root


def test_a_link_that_leads_to_itself_is_not_below(root: Path) -> None:
    assert not is_below(root / "loop", root)


def test_the_picker_is_not_loaded_at_the_start() -> None:
    code = "import sys, argus_tui.app; sys.exit('textual_fspicker' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
