"""I2 at the end of the line: the program at a server, and every byte it writes to its terminal."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.conftest import gemini, home
from tests.e2e.home import ARGUS, KEY, Home, ask
from tests.e2e.hostile import CASES, LINES, all_seen, assert_harmless
from tests.faults.cluster import Replica
from tests.security import processes
from tests.support.fake_gemini import FakeGemini, Refuse, error, png, text
from tests.support.terminal import LONG_S, alt

__all__ = ["gemini", "home"]  # fixtures
PASSWORD = "seven grey herons wade"

pytestmark = pytest.mark.slow


@pytest.fixture
def server(home: Home, gemini: FakeGemini, tmp_path: Path) -> Iterator[Replica]:
    """A server whose model is the stand-in, and the one person who is signed in to it from `home`."""
    folder = tmp_path / "server"
    folder.mkdir()
    more = {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": gemini.url, "ARGUS_MODEL": "whole"}
    with processes.serving(folder, **more) as replica:
        yield replica


def at(replica: Replica) -> dict[str, str]:
    return {"ARGUS_SERVER": f"http://127.0.0.1:{replica.port}"}


def sign_up(home: Home, replica: Replica, name: str) -> None:
    command = [str(ARGUS), "signup", "--name", name, "--email", "sara@example.org", "--password-stdin"]
    done = subprocess.run(
        command,
        env=home.env | at(replica),
        cwd=home.path,
        input=PASSWORD.encode(),
        capture_output=True,
        timeout=LONG_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert_harmless(done.stdout + done.stderr)


def test_i2_nothing_hostile_reaches_the_terminal_of_who_is_at_a_server(
    home: Home, server: Replica, gemini: FakeGemini
) -> None:
    assert len(CASES) >= 16
    gemini.play("whole", text("\n\n".join(LINES)), text("\n\nthe end", finish="STOP"))
    sign_up(home, server, "Sara " + LINES[0].replace("\x00", ""))
    picture = home.path / f"{LINES[3]}.png"
    picture.write_bytes(png(4, 4))
    asked = home.run("ask", "-i", str(picture), "Be nasty", **at(server))
    assert asked.returncode == 0, asked.stderr
    assert_harmless(asked.stdout + asked.stderr)
    with closing(sqlite3.connect(server.folder / "data" / "argus.db", timeout=10)) as connection, connection:
        everything = "".join(LINES)  # as if a careless version, or an attacker with the database, had put it there
        connection.execute("UPDATE conversations SET title = ?", (everything,))
        connection.execute("UPDATE users SET name = ?", (everything,))
        connection.execute("UPDATE sessions SET client = ?", (everything,))
        connection.execute("UPDATE messages SET model = ? WHERE role = 'assistant'", (everything,))
    argus = home.start(rows=80, columns=140, settings=at(server))
    argus.wait_for("z00")
    argus.send(alt("1"))
    argus.wait_for("the end")
    argus.wait_for(all_seen)
    assert_harmless(argus.written)
    for command in (("whoami",), ("sessions",), ("list",), ("doctor",)):
        shown = home.start(*command, columns=200, rows=100, settings=at(server))
        shown.wait_exit()
        shown.hang_up()
        assert_harmless(shown.written)


def test_i2_nor_do_the_words_of_an_error(home: Home, server: Replica, gemini: FakeGemini) -> None:
    gemini.play("whole", Refuse(400, error(400, " ".join(LINES))))
    sign_up(home, server, "Sara")
    argus = home.start(rows=60, settings=at(server))
    ask(argus, "Be nasty")
    argus.wait_for("Gemini says")
    assert_harmless(argus.written)
    lines = server.log.read_text(encoding="utf-8").splitlines()
    assert lines
    assert all(line.startswith("{") and line.endswith("}") and line.isascii() for line in lines)
