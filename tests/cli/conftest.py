"""`argus` in this process against the stand-in Gemini server, with a home of its own for each test."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from argus_tui.cli.app import run_command
from tests.support.fake_gemini import BEHAVIOURS

ROOT = Path(__file__).parents[2]
KEY = "AIzaSyTestKeyThatIsNotOne"
ASKED = ["any", "model", "model-a", "model-b", "rate-2000-50", "rate-60-50"]
ASKED += [f"err-{code}" for code in (400, 401, 403, 404, 429, 500, 503)]
"""Models that tests ask for by name, beside those with a script of their own."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run left behind."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[Any]:
        """The JSON objects on stdout, one per line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Argus:
    """Runs commands and returns what they wrote."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys = capsys
        self._monkeypatch = monkeypatch

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Outcome:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        code = run_command(arguments)
        out, err = self._capsys.readouterr()
        return Outcome(code, out, err)


@pytest.fixture(scope="session")
def gemini() -> Iterator[str]:
    """The address of a stand-in Gemini server in a process of its own."""
    also = [*BEHAVIOURS, *ASKED]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.fake_gemini", "--key", KEY, "--also", *also],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.fixture
def environ(tmp_path: Path, gemini: str) -> dict[str, str]:
    """The settings of a test: its own folders, the stand-in server, nothing of the machine's."""
    return {
        "ARGUS_DATA_DIR": str(tmp_path / "data"),
        "ARGUS_CONFIG_DIR": str(tmp_path / "config"),
        "ARGUS_KEYRING": "false",
        "GEMINI_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": gemini,
        "TERM": "xterm-256color",
    }


@pytest.fixture
def argus(
    environ: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Argus:
    """`argus` in this process; `monkeypatch.setenv` changes its settings."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    return Argus(capsys, monkeypatch)
