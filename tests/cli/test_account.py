"""Account and admin commands, and every other command, against a real `argus serve` on a store of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import KEY, ROOT, Argus, Outcome
from tests.support.fake_gemini import png

pytestmark = pytest.mark.slow

PASSWORD = b"correct horse battery staple"
SECRET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """The data folder of the server."""
    return tmp_path / "team"


@pytest.fixture
def url(team: Path, gemini: str, tmp_path: Path) -> Iterator[str]:
    """The address of a server whose sign-up is by invite."""
    port = free_port()
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "ARGUS_DATA_DIR": str(team),
        "ARGUS_CONFIG_DIR": str(tmp_path / "server-config"),
        "ARGUS_KEYRING": "false",
        "JWT_SECRET_KEY": SECRET,
        "GEMINI_API_KEY": KEY,
        "GOOGLE_GEMINI_BASE_URL": gemini,
        "PORT": str(port),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "argus_tui", "serve"], env=env, cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as server:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while not is_ready(address):
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.05)
        yield address
        server.terminate()


@pytest.fixture
def at(argus: Argus, url: str, monkeypatch: pytest.MonkeyPatch) -> Argus:
    """`argus` of somebody who has a server."""
    monkeypatch.setenv("ARGUS_SERVER", url)
    monkeypatch.delenv("GEMINI_API_KEY")
    return argus


def on_store(argus: Argus, team: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, stdin: bytes = b"") -> Outcome:
    """Run a command as whoever holds the server's store."""
    with monkeypatch.context() as patch:
        patch.setenv("ARGUS_SERVER", "")
        return argus("--data-dir", str(team), *arguments, stdin=stdin)


@pytest.fixture
def admin(at: Argus, team: Path, monkeypatch: pytest.MonkeyPatch) -> Argus:
    """`argus` of the first admin, signed in."""
    made = on_store(
        at, team, monkeypatch, "admin", "create", "--email", "sara@example.org", "--name", "Sara", "--password-stdin",
        stdin=PASSWORD,
    )  # fmt: skip
    assert (made.code, made.out) == (0, ""), made.err
    done = at("login", "--email", "sara@example.org", "--password-stdin", stdin=PASSWORD)
    assert done.code == 0, done.err
    return at


def test_the_first_admin_is_made_on_the_store_and_signs_in_with_the_code(
    at: Argus, team: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    made = on_store(at, team, monkeypatch, "admin", "create", "--email", "sara@example.org", "--name", "Sara")
    assert made.code == 0, made.err
    code = made.out.strip()
    assert " " not in code
    assert "argus signup --email sara@example.org" in made.err
    assert at("login", "--email", "sara@example.org", "--password-stdin", stdin=PASSWORD).code == 4
    entered = at("signup", "--email", "sara@example.org", "--invite", code, "--password-stdin", stdin=PASSWORD)
    assert entered.code == 0, entered.err
    assert entered.out == f"Signed in at {url.partition('//')[2]} as Sara <sara@example.org>.\n"
    (me,) = at("whoami", "--json").objects
    assert (me["email"], me["role"], me["place"]) == ("sara@example.org", "admin", url.partition("//")[2])
    again = at("signup", "--email", "sara@example.org", "--invite", code, "--password-stdin", stdin=PASSWORD)
    assert again.code == 4


def test_what_was_asked_without_an_account_is_given_to_one(
    at: Argus, team: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = "admin", "create", "--email", "sara@example.org", "--name", "Sara", "--password-stdin", "--with-local"
    at_server = at(*create, stdin=PASSWORD)
    assert at_server.code == 2
    assert "on the machine of the server" in at_server.err
    early = on_store(at, team, monkeypatch, *create, stdin=PASSWORD)
    assert early.code == 3
    assert "Nothing was asked here without an account" in early.err
    with monkeypatch.context() as patch:
        patch.setenv("GEMINI_API_KEY", KEY)
        assert on_store(at, team, monkeypatch, "ask", "Where does the roof leak?").code == 0
    made = on_store(at, team, monkeypatch, *create, stdin=PASSWORD)
    assert made.code == 0, made.err
    assert at("login", "--email", "sara@example.org", "--password-stdin", stdin=PASSWORD).code == 0
    assert "Where does the roof leak?" in at("search", "roof").out
    assert "It belongs to an account already" in on_store(at, team, monkeypatch, *create, stdin=PASSWORD).err


def test_every_command_works_at_a_server(admin: Argus, tmp_path: Path) -> None:
    assert admin("ask", "hello there") == Outcome(0, "You said: hello there\n", "")
    (tmp_path / "roof.png").write_bytes(png(3, 2))
    assert "I see a picture" in admin("ask", "--last", "-i", "roof.png", "see?").out
    first, *events = admin("ask", "--json", "-m", "model-a", "another").objects
    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    listed = admin("list", "--json").objects
    assert [one["title"] for one in listed] == ["another", "hello there"]
    assert not any("unread" in one for one in listed)
    shown = admin("show", listed[1]["id"][:8], "--json").objects[0]
    assert [message["role"] for message in shown["messages"]] == ["user", "assistant"] * 2
    assert len(admin("search", "another").out.splitlines()) == 2
    assert admin("rm", first["conversation_id"]).code == 0
    assert admin("restore", first["conversation_id"]).code == 0
    assert admin("show", "ffffffff").code == 3
    assert "gemini" in admin("models").out
    failed = admin("ask", "-m", "err-429", "hello")
    assert failed.code == 5
    assert "Too many requests" in failed.err
    used = admin("usage", "--json").objects[0]
    assert used["requests"] >= 3
    assert "questions today" in admin("usage").out
    refused = admin("ask", "--no-save", "hello")
    assert (refused.code, refused.out) == (2, "")


def test_doctor_tells_who_is_signed_in_where(admin: Argus, url: str) -> None:
    done = admin("doctor", "--json")
    assert done.code == 0, done.err
    (report,) = done.objects
    assert report["account"] == {"at": url.partition("//")[2], "signed in": "Sara <sara@example.org>, admin"}
    assert report["store"]["opens"] == "yes"
    assert report["can_answer"] is True
    admin("logout")
    (report,) = admin("doctor", "--json").objects
    assert report["account"] == {"signed in": "no"}
    assert report["can_answer"] is False


def test_signing_in_says_where_that_is_kept_and_signing_out_forgets_it(admin: Argus, tmp_path: Path) -> None:
    done = admin("login", "--email", "sara@example.org", "--password-stdin", stdin=PASSWORD + b"\n")
    (file,) = (tmp_path / "config").glob("session_*[0-9a-f]")
    assert str(file) in done.err
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD.decode() not in done.out + done.err + file.read_text()
    assert admin("logout") == Outcome(0, "Signed out.\n", "")
    assert admin("logout").code == 0
    assert '"refresh_token"' not in file.read_text()
    asked = admin("ask", "hello")
    assert (asked.code, asked.out) == (4, "")
    assert "argus login" in asked.err


@pytest.mark.parametrize("email", ["sara@example.org", "nobody@example.org"])
def test_a_wrong_password_and_an_unknown_email_look_the_same(admin: Argus, email: str) -> None:
    done = admin("login", "--email", email, "--password-stdin", stdin=b"not the password")
    assert (done.code, done.out) == (4, "")
    assert done.err == "argus: Wrong email or password.\n"


def test_members_come_in_by_invite_and_see_nothing_of_others(
    admin: Argus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin("ask", "secret words")
    made = admin("admin", "invite", "create", "--email", "ali@example.org")
    assert made.code == 0, made.err
    code = made.out.strip()
    (listed,) = admin("admin", "invite", "list", "--json").objects
    assert listed["email"] == "ali@example.org"
    assert code not in json.dumps(listed)
    with monkeypatch.context() as patch:
        patch.setenv("ARGUS_CONFIG_DIR", str(tmp_path / "ali"))
        uninvited = admin("signup", "--name", "Ali", "--email", "ali@example.org", "--password-stdin", stdin=PASSWORD)
        assert uninvited.code == 2
        assert "--invite" in uninvited.err
        entered = admin(
            "signup", "--name", "Ali", "--email", "ali@example.org", "--invite", code, "--password-stdin",
            stdin=PASSWORD,
        )  # fmt: skip
        assert entered.code == 0, entered.err
        assert admin("list").out == ""
        assert admin("search", "secret").out == ""
        assert admin("whoami").out.startswith("Ali <ali@example.org> at ")
        for denied in (("list",), ("invite", "create"), ("disable", "sara@example.org")):
            assert admin("admin", *denied).code == 4
    assert [row.split("\t")[3] for row in admin("admin", "invite", "list").out.splitlines()] == ["used"]


def test_admins_look_after_users(admin: Argus) -> None:
    made = admin("admin", "create", "--email", "ali@example.org", "--name", "Ali", "--role", "member", "--json")
    (ali,) = made.objects
    assert (ali["email"], ali["name"], "code" in ali) == ("ali@example.org", "Ali", True)
    assert admin("admin", "create", "--email", "ali@example.org", "--name", "Other").code == 1
    assert [row.split("\t")[:4] for row in admin("admin", "list").out.splitlines()] == [
        ["ali@example.org", "Ali", "member", "open"],
        ["sara@example.org", "Sara", "admin", "open"],
    ]
    assert admin("admin", "role", "ALI@example.org", "admin").out == "ali@example.org is an admin.\n"
    assert admin("admin", "role", ali["id"][:12], "member").code == 0
    assert admin("admin", "role", "ali@example.org", "queen").code == 2
    assert admin("admin", "disable", "ali@example.org").out == "ali@example.org is shut.\n"
    assert "\tshut\t" in admin("admin", "list").out
    assert admin("admin", "enable", "ali@example.org").code == 0
    assert admin("admin", "disable", "sara@example.org").code == 1  # the last admin stays
    assert admin("admin", "reset", "ali@example.org").out.strip()
    assert admin("admin", "reset", "nobody@example.org").code == 3
    (invite,) = admin("admin", "invite", "create", "--json").objects
    assert admin("admin", "invite", "delete", invite["id"][:10]).code == 0
    assert invite["id"] not in [one["id"] for one in admin("admin", "invite", "list", "--json").objects]


def test_passwords_and_sessions(admin: Argus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("ARGUS_CONFIG_DIR", str(tmp_path / "elsewhere"))
        admin("login", "--email", "sara@example.org", "--password-stdin", stdin=PASSWORD)
    listed = admin("sessions", "--json").objects
    assert len(listed) == 2
    assert sum(one.get("current", False) for one in listed) == 1
    other = next(one["id"] for one in listed if not one.get("current", False))
    assert admin("sessions", "--end", other[:10]).out.startswith("Signed out: argus on ")
    assert admin("sessions", "--end", other).code == 3
    assert admin("sessions", "--end", "").code == 3
    assert admin("sessions", "--end-others").out == "Signed out: 0 clients.\n"
    assert admin("sessions", "--end", "a", "--end-others").code == 2
    with monkeypatch.context() as patch:
        patch.setenv("ARGUS_CONFIG_DIR", str(tmp_path / "elsewhere"))
        assert admin("whoami").code == 4
    new = b"another long sentence"
    assert admin("passwd", "--password-stdin", stdin=b"wrong one\n" + new).code == 4
    assert admin("passwd", "--password-stdin", stdin=PASSWORD).code == 2
    assert admin("passwd", "--password-stdin", stdin=PASSWORD + b"\n" + new).code == 0
    assert admin("whoami").code == 0
    assert admin("login", "--email", "sara@example.org", "--password-stdin", stdin=PASSWORD).code == 4
    assert admin("login", "--email", "sara@example.org", "--password-stdin", stdin=new).code == 0
    assert admin("logout", "--everywhere").out == "Signed out everywhere.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("login",),
        ("login", "--email", "sara@example.org"),
        ("passwd",),
        ("signup", "--invite", "code"),
        ("admin", "create"),
        ("admin", "create", "--email", "sara@example.org"),
    ],
)
def test_without_a_terminal_what_is_missing_is_a_sentence(at: Argus, arguments: tuple[str, ...]) -> None:
    done = at(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("argus: There is no terminal to ask on. ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("stdin", [b"", b"\n", b"\xff\xfe", b"x" * 5000, b"one\ntwo"])
def test_what_is_no_password_is_not_sent(at: Argus, stdin: bytes) -> None:
    assert at("login", "--email", "sara@example.org", "--password-stdin", stdin=stdin).code == 2


def test_on_a_terminal_it_asks_and_shows_no_password(
    admin: Argus, url: str, environ: dict[str, str], tmp_path: Path
) -> None:
    code = admin("admin", "invite", "create").out.strip()
    env = {
        **environ,
        "ARGUS_SERVER": url,
        "ARGUS_CONFIG_DIR": str(tmp_path / "ali"),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "LANG": "C.UTF-8",
    }
    child = pexpect.spawn(sys.executable, ["-m", "argus_tui", "signup"], env=env, encoding="utf-8", timeout=60)
    password = "یک جملهٔ دراز و خوب"
    answers = {
        "Code of your invite": code,
        "Email": "ali@example.org",
        "Your name": "علی",
        "Password .not shown": password,
        "The same again": password,
    }
    said = ""
    for question, answer in answers.items():
        child.expect(question)
        said += child.before
        child.sendline(answer)
    child.expect(pexpect.EOF)
    said += child.before
    child.close()
    assert child.exitstatus == 0, said
    assert "as علی <ali@example.org>" in said
    assert password not in said
