"""One person's machine: `argus` with folders and settings of its own, and what it put into the store."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.terminal import ENTER, LONG_S, Terminal

ARGUS = Path(sys.executable).with_name("argus")
KEY = "AIzaSyTestKeyThatIsNotOne"
Settings = Mapping[str, str | None]
READY = " answers · "
"""What the start card says when it is known who answers."""


@dataclass
class Home:
    """One person's machine: the folders, the settings, and what is in the store."""

    path: Path
    gemini_url: str
    programs: ExitStack = field(default_factory=ExitStack)
    started: list[Terminal] = field(default_factory=list)

    @property
    def store(self) -> Path:
        """The database."""
        return self.path / "data" / "argus.db"

    @property
    def env(self) -> dict[str, str]:
        """The whole environment of a program: nothing of this machine's but where programs are."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "ARGUS_DATA_DIR": str(self.path / "data"),
            "ARGUS_CONFIG_DIR": str(self.path / "config"),
            "ARGUS_KEYRING": "false",
            "ARGUS_MODEL": "gemini-2.5-flash",
            "ARGUS_TITLES": "words",
            "GEMINI_API_KEY": KEY,
            "GOOGLE_GEMINI_BASE_URL": self.gemini_url,
        }

    def start(
        self,
        *arguments: str,
        columns: int = 120,
        rows: int = 40,
        ready: bool = True,
        controlling: bool = True,
        settings: Settings | None = None,
        **more: str,
    ) -> Terminal:
        """Start `argus` on a terminal.

        Args:
            arguments: Its command line; nothing shows the app.
            columns: Width of the terminal.
            rows: Its height.
            ready: Wait until the app can be used.
            controlling: The end of the terminal is told by SIGHUP.
            settings: What is added to the environment; None takes a name out of it.
            more: The same, for names that are set.
        """
        environment = self.env | dict(settings or {}) | more
        env = {name: value for name, value in environment.items() if value is not None}
        terminal = Terminal(
            [str(ARGUS), *arguments], env=env, cwd=self.path, columns=columns, rows=rows, controlling=controlling
        )
        self.started.append(self.programs.enter_context(terminal))
        if ready and not arguments:
            terminal.wait_for(READY)
        return terminal

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[bytes]:
        """Run a command without a terminal, to its end."""
        return subprocess.run(
            [ARGUS, *arguments],
            env=self.env | settings,
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONG_S,
            check=False,
        )

    # What is in the store, read past the program

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query, values).fetchall()

    def logged_text(self) -> str:
        """Return the text that the log of the newest generation holds."""
        events = self.rows(
            "SELECT event FROM generation_events WHERE generation_id ="
            " (SELECT id FROM generations ORDER BY created_at DESC LIMIT 1) ORDER BY n"
        )
        decoded = [json.loads(event) for (event,) in events]
        return "".join(event["text"] for event in decoded if event["type"] == "text_delta")

    def answers(self) -> list[tuple[str, str]]:
        """Return status and text of every answer, the oldest first."""
        found = self.rows("SELECT status, parts FROM messages WHERE role = 'assistant' ORDER BY seq")
        return [(status, _text(json.loads(parts))) for status, parts in found]

    def statuses(self) -> list[str]:
        """Return the status of every generation, the oldest first."""
        return [status for (status,) in self.rows("SELECT status FROM generations ORDER BY created_at")]


def _text(parts: list[dict[str, Any]]) -> str:
    return "".join(part["text"] for part in parts if part.get("type") == "text")


def ask(terminal: Terminal, question: str) -> None:
    """Type a question and send it."""
    terminal.send(question)
    terminal.wait_for(question[-40:])
    terminal.send(ENTER)
