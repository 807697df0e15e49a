"""The first conversation inside tmux. This module is collected where tmux is installed, as the CI does."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.home import ARGUS, READY, Home, ask
from tests.support.terminal import Terminal, alt, ctrl, until

TMUX = shutil.which("tmux") or "tmux"


@pytest.fixture
def tmux(home: Home, tmp_path: Path) -> Iterator[Terminal]:
    """`argus` in a tmux of its own; when that ends, `argus` ends too."""
    env = home.env | {"ARGUS_MODEL": "rate-60-20", "TMUX_TMPDIR": str(tmp_path)}

    def run(*arguments: str) -> str:
        return subprocess.run([TMUX, *arguments], env=env, capture_output=True, text=True, check=True).stdout

    session = [TMUX, "-f", "/dev/null", "new-session", str(ARGUS), ";", "set", "status", "off"]
    with Terminal(session, env=env, cwd=home.path) as terminal:
        terminal.wait_for(READY)
        argus = int(run("display-message", "-p", "#{pane_pid}"))
        yield terminal
        run("kill-server")
        terminal.wait_exit()
        until(lambda: not is_alive(argus), "the end of argus")


def is_alive(process: int) -> bool:
    """Return whether a process is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_first_conversation_in_tmux(home: Home, tmux: Terminal) -> None:
    ask(tmux, "Count the zebras")
    early = tmux.wait_for("tok5 ")
    assert "tok60" not in early
    tmux.wait_for("tok60")
    tmux.wait_for("60 tokens")
    tmux.send(ctrl("n"))
    tmux.wait_for("Try one")
    tmux.send(alt("1"))
    tmux.wait_for("tok60")
    assert home.statuses() == ["completed"]
