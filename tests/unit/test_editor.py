"""`$EDITOR`, whatever it is, does or leaves: a sentence, and the draft as it was."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from argus_core.errors import InvalidInput
from argus_tui.screens.editor import KEPT, edit, editor_command


def script(folder: Path, body: str) -> list[str]:
    path = folder / "editor"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return [str(path)]


class Screen:
    """Counts how often it was taken away and came back."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    @contextmanager
    def suspend(self) -> Iterator[None]:
        self.seen.append("away")
        yield
        self.seen.append("back")


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    assert screen.seen in ([], ["away", "back"])


@pytest.mark.parametrize(
    ("environment", "command"),
    [
        ({}, ["vi"]),
        ({"EDITOR": " "}, ["vi"]),
        ({"EDITOR": "nano"}, ["nano"]),
        ({"EDITOR": "nano", "VISUAL": "code --wait 'a b'"}, ["code", "--wait", "a b"]),
        ({"EDITOR": "nano", "VISUAL": ""}, ["nano"]),
    ],
)
def test_the_command_is_that_of_visual_then_editor_then_vi(environment: dict[str, str], command: list[str]) -> None:
    assert editor_command(environment) == command


def test_a_quote_without_its_partner_is_told() -> None:
    with pytest.raises(InvalidInput, match="EDITOR has a quote without its partner: vi") as caught:
        editor_command({"EDITOR": 'vi "'})
    assert KEPT in caught.value.hint


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("true", "the draft"),
        ("printf ', and more' >> \"$1\"", "the draft, and more"),
        ("printf '\\357\\273\\277caf\\303\\251\\r\\n' > \"$1\"", "café"),
        ('printf new > "$1.new"; mv "$1.new" "$1"', "new"),
        (': > "$1"', ""),
    ],
    ids=["nothing done", "more", "with a byte order mark", "another file in its place", "emptied"],
)
async def test_what_is_left_is_the_text(tmp_path: Path, screen: Screen, body: str, text: str) -> None:
    assert await edit("the draft", script(tmp_path, body), screen.suspend) == text


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("exit 3", "ended with code 3"),
        ("kill -9 $$", "ended with signal 9"),
        ('rm "$1"', "left no file"),
        ('rm "$1"; mkdir "$1"', "left no file"),
        ('rm "$1"; mkfifo "$1"', "left no file"),
        ("printf 'caf\\351' > \"$1\"", "is not UTF-8"),
        ("printf 'a\\0b\\0' > \"$1\"", "is no text"),
        ('head -c 5000000 /dev/zero > "$1"', "more than 4 MB"),
    ],
)
async def test_what_is_no_text_is_told_and_nothing_is_lost(
    tmp_path: Path, screen: Screen, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(InvalidInput) as caught:
        await edit("the draft", script(tmp_path, body), screen.suspend)
    assert said in caught.value.title
    assert caught.value.hint.startswith(KEPT)
    kept = left_in(tmp_path)
    assert all(str(path) in caught.value.hint for path in kept)
    assert bool(kept) == (">" in body), "what the editor wrote is kept, and nothing else"


def left_in(folder: Path) -> list[Path]:
    return [path for path in folder.glob("argus-*/question.md") if path.is_file()]


@pytest.mark.parametrize("command", [["/no/such/editor"], ["/tmp"], ["bad\0name"], [""]])
async def test_an_editor_that_cannot_be_started_is_told(screen: Screen, command: list[str]) -> None:
    with pytest.raises(InvalidInput, match="could not be started"):
        await edit("the draft", command, screen.suspend)


async def test_answers_go_on_while_somebody_edits_and_the_editor_ends_with_us(tmp_path: Path, screen: Screen) -> None:
    began = time.monotonic()
    editing = asyncio.create_task(edit("the draft", script(tmp_path, "exec sleep 60"), screen.suspend))
    ticks = 0
    while ticks < 20:
        await asyncio.sleep(0.005)
        ticks += 1
    assert screen.seen == ["away"]
    editing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await editing
    assert time.monotonic() - began < 10
