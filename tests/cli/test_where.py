"""Wherever `argus` runs: shells that close streams, terminals of other encodings, homes that are missing or full."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from argus_core.errors import InvalidInput
from argus_tui.cli import streams
from tests.cli.conftest import KEY, ROOT, Argus

PROGRAM = f"{sys.executable} -m argus_tui"


def shell(line: str, environ: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a line of a shell with `argus` in it."""
    said = line.replace("argus", PROGRAM, 1)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(cwd), **environ}
    return subprocess.run(["sh", "-c", said], env=environ, cwd=cwd, capture_output=True, timeout=60, check=False)


# Streams


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "code", "out", "err"),
    [
        ("argus ask hello >&-", 0, b"", b""),
        ("argus ask hello <&- 2>&-", 0, b"You said: hello\n", b""),
        ("argus show nothing 2>&-", 3, b"", b""),
        ("argus list <&- >&- 2>&-", 0, b"", b""),
        ("argus ask <&-", 2, b"", b"argus: There is nothing to ask."),
        ("argus ask hello > /dev/full", 1, b"", b"argus: No space left on device: the output could not be written.\n"),
        ("argus --help > /dev/full", 1, b"", b"argus: No space left on device: the output could not be written.\n"),
        ("argus ask --help > /dev/full", 1, b"", b"argus: No space left on device: the output could not be written.\n"),
        ("argus admin > /dev/full", 1, b"", b"argus: No space left on device: the output could not be written.\n"),
        ("argus show nothing 2> /dev/full", 3, b"", b""),
        ("argus list | true", 0, b"", b""),
    ],
)
def test_streams_that_are_closed_or_full(
    environ: dict[str, str], tmp_path: Path, line: str, code: int, out: bytes, err: bytes
) -> None:
    done = shell(line, environ, tmp_path)
    assert (done.returncode, done.stdout) == (code, out)
    assert done.stderr.startswith(err)
    assert (done.stderr == b"") == (err == b"")


def test_the_numbers_of_closed_streams_are_given_to_no_file(tmp_path: Path) -> None:
    code = (
        "import os; os.close(1); from argus_tui.cli import streams; streams.stand_in_for_closed(); "
        "print('lost', flush=True); file = open('file', 'w'); assert file.fileno() > 2"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0
    assert (tmp_path / "file").read_bytes() == b""


def test_stdin_that_cannot_be_read_is_told(argus: Argus, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    class Broken:
        buffer = type("Buffer", (), {"read": staticmethod(fail)})
        isatty = staticmethod(lambda: False)

    monkeypatch.setattr(sys, "stdin", Broken())
    with pytest.raises(InvalidInput, match="Stdin cannot be read: Input/output error"):
        streams.read_stdin(10)


def test_a_group_alone_shows_its_commands(argus: Argus) -> None:
    shown = argus("admin")
    assert shown.code == 2
    assert "invite" in shown.out
    assert shown.err == ""


# Arguments


def test_an_argument_that_is_no_utf_8_is_never_half_a_character(argus: Argus) -> None:
    assert argus("ask", "caf\udce9").out == "You said: caf�\n"
    assert argus("ask", "\udcd8\udcb3").out == "You said: س\n"  # UTF-8 that was read as if it were ASCII
    argus("ask", "hello", "--system", "be \udce9", "-m", "gemini-2.5-flash")
    newest = argus("list", "--json").objects[0]["id"]
    assert argus("show", newest, "--json").objects[0]["conversation"]["system"] == "be �"
    assert argus("search", "caf\udce9").code == 0


def test_names_with_odd_bytes_are_files_all_the_same(argus: Argus, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    assert argus("--data-dir", folder, "ask", "hello").code == 0
    assert Path(folder, "argus.db").is_file()
    missing = argus("--data-dir", f"{folder}/argus.db", "list")
    assert (missing.code, "caf�" in missing.err) == (7, True)


@pytest.mark.parametrize("command", ["ask", "search"])
@pytest.mark.parametrize("text", ["- explain this", "-5 + 3", "--what is this?"])
def test_text_that_begins_with_a_dash_is_told_how(argus: Argus, command: str, text: str) -> None:
    refused = argus(command, text)
    assert refused.code == 2
    assert f"put -- before text that begins with a dash: argus {command} -- TEXT" in refused.err
    assert argus(command, "--", text).code == 0


@pytest.mark.parametrize("argument", ["\x1b[31m\x07" * 3, "a\nb\r\u2028c", "\u202egnp.exe", "x" * 200_000])
@pytest.mark.parametrize("place", [("show",), ("ask", "-i"), ("--what",), ("ask", "-c"), ("--data-dir",)])
def test_what_an_error_shows_of_an_argument_is_one_clean_line(
    argus: Argus, place: tuple[str, ...], argument: str
) -> None:
    options = ("list",) if place == ("--data-dir",) else ("hello",) if place[0] == "ask" else ()
    said = argus(*place[:-1], f"{place[-1]}{argument}") if place == ("--what",) else argus(*place, argument, *options)
    assert said.code != 0 or place == ("--data-dir",)
    assert len(said.err) < 2100
    assert said.err.count("\n") <= 1
    assert said.err.removesuffix("\n").isprintable()


# What is piped in


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe"], ids=["UTF-8", "UTF-16"])
def test_a_byte_order_mark_in_a_pipe_is_read_over(
    argus: Argus, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, mark: bytes
) -> None:
    encoding = "utf-8" if mark == b"\xef\xbb\xbf" else "utf-16-le"
    assert argus("ask", stdin=mark + "سلام\r\n".encode(encoding)).out == "You said: سلام\n"
    monkeypatch.delenv("GEMINI_API_KEY")
    assert argus("key", "--stdin", stdin=mark + f"{KEY}\r\n".encode(encoding)).code == 0
    assert (Path(environ["ARGUS_CONFIG_DIR"]) / "gemini_api_key").read_text(encoding="ascii") == KEY
    create = ("admin", "create", "--email", "sara@example.org", "--name", "Sara", "--password-stdin", "--json")
    made = argus(*create, stdin=mark + "a long password of hers\r\n".encode(encoding))
    assert json.loads(made.out)["email"] == "sara@example.org"


# Homes and disks


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="takes another user")
def test_a_user_without_a_home(environ: dict[str, str]) -> None:
    """As with `docker run --user`: no HOME, no entry in /etc/passwd, nothing that can be written."""
    environ = {name: value for name, value in environ.items() if not name.endswith("_DIR")}
    environ |= {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": "/nowhere"}

    def argus(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        # It may read what root may, as Python itself has to be found, and is nobody otherwise.
        able = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
        able += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
        command = [*able, sys.executable, "-m", "argus_tui", *arguments]
        return subprocess.run(command, env=environ | more, cwd="/", capture_output=True, text=True, check=False)

    lost = argus("ask", "hello")
    assert (lost.returncode, lost.stderr.count("\n")) == (7, 1)
    assert "set HOME, or ARGUS_DATA_DIR" in lost.stderr
    for home in ({}, {"HOME": "/nonexistent"}, {"HOME": "/root"}):
        done = argus("ask", "--no-save", "hello", **home)
        assert (done.stdout, done.stderr) == ("You said: hello\n", "")
    with TemporaryDirectory() as own:  # that of pytest is shut to others
        os.chown(own, 54321, 54321)
        done = argus("ask", "hello", ARGUS_DATA_DIR=own)
        assert (done.stdout, done.stderr) == ("You said: hello\n", "")


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_no_save_needs_no_folder(argus: Argus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (tmp_path / "file").touch()
    for name in ("ARGUS_DATA_DIR", "ARGUS_CONFIG_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path / place))
    assert argus("ask", "--no-save", "hello").out == "You said: hello\n"
    assert argus("ask", "hello").code == 7
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_no_save_asks_the_model_that_one_has_chosen(argus: Argus) -> None:
    assert argus("ask", "--no-save", "hello", "--json").objects[0]["model"] == "gemini-flash-latest"
    assert argus("list").out == ""


def test_a_folder_that_is_gone_is_told(argus: Argus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    refused = argus("list")
    assert (refused.code, refused.err) == (7, "argus: The folder you are in is gone. Change to another one.\n")


@pytest.mark.parametrize("command", [("ask", "hello"), ("models",), ("doctor",)])
def test_certificates_that_cannot_be_read_are_told(
    argus: Argus, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    told = argus(*command)
    assert told.code == (1 if command == ("doctor",) else 7)
    assert "SSL_CERT_FILE names /nowhere.pem, which cannot be read: No such file or directory" in told.out + told.err


def test_certificates_of_a_server_too(argus: Argus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    for command in (("login", "--email", "a@example.org", "--password-stdin"), ("list",)):
        told = argus("--server", "https://argus.invalid", *command, stdin=b"password\n")
        assert (told.code, "SSL_CERT_DIR names /nowhere" in told.err) == (7, True)
