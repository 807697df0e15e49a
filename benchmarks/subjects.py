"""What is measured: Argus, and the two floors."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Subject:
    """A program to start: fresh in an empty folder each time."""

    name: str
    command: Callable[[int], list[str]]
    """The command line, given the port of the stand-in server."""
    ready: str
    """On the screen when it can be used."""
    env: Callable[[Path, int], dict[str, str]] = field(default=lambda folder, port: {"HOME": str(folder)})
    store: Path | None = None
    """A data folder to begin with."""

    def prepare(self, folder: Path) -> None:
        """Put a copy of the store into the folder."""
        if self.store is not None:
            shutil.copytree(self.store, folder / "data")


def _floor(name: str) -> str:
    return str(ROOT / "benchmarks" / "floors" / f"{name}.py")


HELLO = Subject("empty Textual program", lambda port: [sys.executable, _floor("hello")], "HELLOREADY")
STREAM = Subject(
    "Textual's MarkdownStream", lambda port: [sys.executable, _floor("stream"), str(port)], "Type a message"
)


def argus(store: Path | None, name: str = "argus") -> Subject:
    """Return Argus with a copy of this data folder, asking the stand-in server."""

    def env(folder: Path, port: int) -> dict[str, str]:
        return {
            "HOME": str(folder),
            "ARGUS_DATA_DIR": str(folder / "data"),
            "ARGUS_CONFIG_DIR": str(folder / "config"),
            "ARGUS_KEYRING": "false",
            "ARGUS_TITLES": "words",
            "GEMINI_API_KEY": "benchmark",
            "GOOGLE_GEMINI_BASE_URL": f"http://127.0.0.1:{port}",
        }

    command = str(Path(sys.executable).parent / "argus")
    return Subject(name, lambda port: [command], "Write here", env, store)
