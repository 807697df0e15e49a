"""Account commands where there is no server, or something else in its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from argus_core.credentials import KeptSession
from argus_tui.__main__ import app_overrides
from tests.cli.conftest import Argus
from tests.support.scripted_server import signed_in


class OtherProgram(BaseHTTPRequestHandler):
    """Answers everything with a page."""

    def _answer(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html>Welcome to the hotel")

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def other_program() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), OtherProgram)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("command", ["login", "signup", "logout", "passwd"])
def test_nobody_signs_in_on_one_machine(argus: Argus, command: str) -> None:
    done = argus(command)
    assert (done.code, done.out) == (7, "")
    assert "--server" in done.err


def test_one_machine_has_a_user_no_sessions_and_no_limits(argus: Argus) -> None:
    assert argus("whoami").out.endswith(" at this machine\n")
    assert argus("sessions").out == ""
    assert argus("usage").code == 0


@pytest.mark.parametrize("command", [("ask", "hello"), ("list",), ("whoami",), ("sessions",), ("admin", "list")])
def test_who_is_not_signed_in_is_told_how(argus: Argus, command: tuple[str, ...]) -> None:
    done = argus("--server", "https://argus.example.org", *command)
    assert (done.code, done.out) == (4, "")
    assert done.err == "argus: Not signed in. Sign in: argus login\n"


@pytest.mark.parametrize("command", [("ask", "hello"), ("login", "--email", "a@b.example", "--password-stdin")])
def test_unencrypted_lines_to_other_machines_are_refused(argus: Argus, command: tuple[str, ...]) -> None:
    done = argus("--server", "http://argus.example.org", *command, stdin=b"a long sentence")
    assert (done.code, done.out) == (7, "")
    assert "ARGUS_ALLOW_HTTP" in done.err


def test_what_is_no_address_is_a_wrong_setting(argus: Argus) -> None:
    done = argus("--server", "argus.example.org", "list")
    assert done.code == 7
    assert "--server" in done.err


def test_another_program_is_no_server(argus: Argus, other_program: str, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir(mode=0o700)
    KeptSession(tmp_path / "config", other_program, use_keyring=False).keep(signed_in())
    for command in (("list",), ("login", "--email", "a@b.example", "--password-stdin"), ("signup",)):
        done = argus("--server", other_program, *command, stdin=b"a long sentence")
        assert (done.code, done.out) == (8, "")
        assert "not an Argus server" in done.err


def test_the_program_takes_a_server_too() -> None:
    assert app_overrides(["--server", "https://a.example"]) == {"server": "https://a.example"}
    assert app_overrides(["--server=https://a.example", "--data-dir", "x"]) == {
        "server": "https://a.example",
        "data_dir": "x",
    }
    assert app_overrides(["--server"]) is None
