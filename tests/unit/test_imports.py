"""What is loaded when: `argus --help` and the core alone load no screen, no SDK, no server, no other database."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    "textual",
    "pymongo",
    "google.genai",
    "google.generativeai",
    "fastapi",
    "uvicorn",
    "httpx2",
    "xllamacpp",
    "PIL",
}
REPORT = "import json, sys; print(json.dumps(sorted(sys.modules)))"
RUN = "import sys; sys.argv = {arguments!r}; from argus_tui.__main__ import main; code = main(); print(); "


def loaded_by(code: str) -> set[str]:
    """Return the modules a fresh Python has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}"], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments", [["argus", "--help"], ["argus", "--version"], ["argus", "ask", "--help"], ["argus", "list", "--help"]]
)
def test_help_loads_no_screen_no_driver_and_no_sdk(arguments: list[str]) -> None:
    loaded = loaded_by(RUN.format(arguments=arguments) + "assert code == 0")
    assert loaded & (HEAVY | {"sqlite3", "argus_core.bootstrap"}) == set()


@pytest.mark.parametrize(
    "module", ["argus_core", "argus_core.client.base", "argus_core.wire", "argus_core.settings", "argus_core.bootstrap"]
)
def test_the_core_loads_no_screen_no_sdk_and_no_server(module: str) -> None:
    loaded = loaded_by(f"import {module}")
    assert module in loaded
    assert loaded & (HEAVY | {"typer", "rich", "argus_tui"}) == set()


def test_the_program_starts_without_the_command_line() -> None:
    loaded = loaded_by(RUN.format(arguments=["argus", "--data-dir", "nowhere"]) + "assert code == 2")
    assert loaded & (HEAVY | {"typer", "argus_core.bootstrap"}) == set()
