"""C1 to C5: what is shown, logged, trusted, kept and installed (ASVS 5.0, chapters 12 to 16)."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from argus_core.auth.service import Origin
from argus_core.auth.tokens import Generation, Tokens
from argus_core.client.http import HttpClient
from argus_core.client.http_address import checked_address
from argus_core.client.local import LocalAccount
from argus_core.credentials import KeptSession
from argus_core.domain import SignedIn, User
from argus_core.errors import ConfigError
from argus_core.ids import utc_now
from argus_core.server import bodies
from argus_core.server.extras import without_people
from argus_core.settings import DECLARED, Secret, Settings, load_settings
from argus_core.storage.accounts import Login
from tests.e2e.conftest import gemini
from tests.e2e.home import KEY as GEMINI_KEY
from tests.security import processes
from tests.security.processes import send, sign_up
from tests.security.test_z_users import DOCUMENT, operations
from tests.server.conftest import Web
from tests.support.fake_gemini import FakeGemini, png, text
from tests.support.server import KEY, RunningServer

__all__ = ["gemini"]  # a fixture
ROOT = Path(__file__).parents[2]
LOCK = ROOT / ".ci" / "lock"


async def test_c1_nothing_of_debugging_documentation_or_numbers_is_public(web: Web, server: RunningServer) -> None:
    for path in ("/openapi.json", "/diagnosis", "/docs", "/redoc", "/debug", "/../docs", "/.env", "/.git/config"):
        assert (await web("GET", path)).status_code in (401, 404), path
    http = web._http
    for path in ("/docs", "/redoc", "/openapi.json", "/debug", "/", "/static/../../etc/passwd", "//", "/api/v1"):
        answer = await http.get(f"{server.url}{path}")
        assert answer.status_code in (401, 404), path
        assert "swagger" not in answer.text.lower()
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert (await web("GET", "/metrics", headers={header: "203.0.113.9"})).status_code == 404
    assert "server" not in (await web("GET", "/healthz")).headers
    assert set((await web("GET", "/server")).json()) == {"name", "version", "signup"}


@pytest.mark.slow
def test_c1_numbers_are_not_for_another_address_of_the_machine(tmp_path: Path) -> None:
    outside = own_address()
    with processes.serving(tmp_path, ARGUS_HOST="0.0.0.0") as replica:
        assert send(replica, "GET", "/metrics")[0] == 200
        status = 404
        if outside != "127.0.0.1":
            with socket.create_connection((outside, replica.port), timeout=30) as line:
                line.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                status = int(line.recv(64).split()[1])
        assert status == 404


def own_address() -> str:
    """Return an address of this machine that is not loopback, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


async def test_c1_a_bug_shows_its_request_id_and_no_more(
    web: Web, sara: SignedIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "argus_core")

    async def broken(*_: object, **__: object) -> None:
        raise ValueError("the password of the database is xyzzy")

    monkeypatch.setattr(LocalAccount, "get_preference", broken)
    answer = await web("GET", "/account/preferences/theme", sara)
    assert answer.status_code == 500
    problem = answer.json()
    assert problem["code"] == "error"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    said = [record.__dict__ for record in caplog.records if record.__dict__.get("request_id") == problem["request_id"]]
    assert [(each["message"], each.get("status")) for each in said] == [("bug", None), ("request", 500)]
    for word in ("xyzzy", "ValueError", "Traceback", "argus_core", ".py"):
        assert word not in answer.text


async def test_c1_a_store_that_is_away_shows_no_place(
    web: Web, server: RunningServer, sara: SignedIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.services.storage.close()
    for method, path, body in (
        ("GET", "/conversations", None),
        ("POST", "/conversations", {}),
        ("POST", "/auth/login", {"email": "a@example.org", "password": "x"}),
    ):
        answer = await web(method, path, sara, body)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert str(tmp_path) not in answer.text
        assert "argus.db" not in answer.text


SECRETS = {
    "password": "seven grey herons wade",
    "wrong password": "nine blue herons run",
    "new password": "eight grey herons wade",
    "reset password": "ten grey herons wade",
    "email": "sara@example.org",
    "other email": "zebedee@example.org",
    "text": "zirconiumquestion",
    "answer": "palladiumanswer",
    "search": "rhodiumsearch",
    "title": "iridiumtitle",
    "draft": "osmiumdraft",
    "file": "ruthenium.png",
    "system": "niobiumsystem",
    "preference": "hafniumpreference",
    "signing key": processes.SIGNING_KEY,
    "gemini key": GEMINI_KEY,
    "metrics key": "lutetiummetricskey",
    "name": "Zebediah",
}


@pytest.mark.slow
def test_c2_a_whole_run_leaves_no_secret_and_no_word_of_anybody_in_the_log(tmp_path: Path, gemini: FakeGemini) -> None:
    gemini.play("spoken", text(SECRETS["answer"], finish="STOP"))
    more = {"GEMINI_API_KEY": GEMINI_KEY, "GOOGLE_GEMINI_BASE_URL": gemini.url, "ARGUS_MODEL": "spoken"}
    with processes.serving(tmp_path, ARGUS_METRICS_KEY=SECRETS["metrics key"], **more) as replica:
        tokens = list(whole_run(replica))
        log = replica.log.read_text(encoding="utf-8")
    lines = [json.loads(line) for line in log.splitlines()]
    routes = {line.get("route") for line in lines}
    assert {"/api/v1/search", "/api/v1/auth/login", "/api/v1/attachments", "/api/v1/admin/users"} <= routes
    assert {line["event"] for line in lines} >= {"signed in", "sign-in failed", "password changed", "request"}
    assert len(tokens) > 8
    for what, secret in (SECRETS | dict(zip(map(str, range(99)), tokens, strict=False))).items():
        assert secret not in log, what
        assert secret.encode().hex() not in log, what
    assert re.search(r"eyJ[\w-]{10,}\.", log) is None
    assert not [line for line in lines if line["level"] in ("error", "critical")]


def whole_run(replica: Any) -> Iterator[str]:
    """Do all there is to do, rightly and wrongly, and yield every token and code that was given out."""
    api = "/api/v1"
    made = sign_up(replica, "Sara", SECRETS["password"])
    yield from (made["access_token"], made["refresh_token"], made["device_token"])
    token = made["access_token"]

    def act(method: str, path: str, body: Any = None, expected: int = 200, token: str = token) -> Any:
        status, _, answer = send(replica, method, api + path, body, token)
        assert status == expected, (path, answer)
        return json.loads(answer) if answer else None

    credentials = {"email": SECRETS["email"], "password": SECRETS["wrong password"]}
    act("POST", "/auth/login", credentials, 401)
    act("POST", "/auth/login", credentials | {"email": SECRETS["other email"]}, 401)
    act("POST", "/auth/login", credentials | {"extra": SECRETS["password"]}, 422)
    act("POST", "/auth/login", [SECRETS["password"]], 422)
    conversation = act("POST", "/conversations", {"title": SECRETS["title"], "system": SECRETS["system"]}, 201)
    picture = send(replica, "POST", f"{api}/attachments?name={SECRETS['file']}", png(4, 4), token)
    assert picture[0] == 201
    send(replica, "POST", f"{api}/attachments?name={SECRETS['file']}", b"no picture", token)
    ids = [json.loads(picture[2])["id"]]
    turn = act(
        "POST", f"/conversations/{conversation['id']}/questions", {"text": SECRETS["text"], "attachment_ids": ids}, 201
    )
    events = send(replica, "GET", f"{api}/generations/{turn['generation']['id']}/events", token=token)[2]
    assert SECRETS["answer"].encode() in events
    act("PUT", f"/conversations/{conversation['id']}/draft", {"draft": SECRETS["draft"]}, 204)
    act("PUT", "/account/preferences/theme", {"value": SECRETS["preference"]}, 204)
    for words in (SECRETS["search"], SECRETS["text"]):
        act("GET", f"/search?q={words}")
        act("GET", f"/conversations?title_words={words}")
        act("GET", f"/search?q=a&{words}=1", expected=422)
    act("GET", f"/conversations/{SECRETS['search']}", expected=404)
    act("GET", f"/{SECRETS['search']}", expected=404)
    act("GET", "/account", token=token + "x", expected=401)
    act("GET", "/account", token=made["refresh_token"], expected=401)
    send(replica, "GET", "/metrics", token=SECRETS["metrics key"])
    send(replica, "GET", "/metrics", token=SECRETS["password"])
    next_pair = act("POST", "/auth/refresh", {"refresh_token": made["refresh_token"]})
    yield from (next_pair["access_token"], next_pair["refresh_token"])
    act("POST", "/auth/refresh", {"refresh_token": SECRETS["password"]}, 401)
    change = {"old": SECRETS["wrong password"], "new": SECRETS["new password"]}
    act("PUT", "/account/password", change, 401)
    act("PUT", "/account/password", change | {"old": SECRETS["password"]}, 204)
    yield from administered(replica, made)


def administered(replica: Any, made: dict[str, Any]) -> Iterator[str]:
    """Make Sara an admin as the operator does, and do what an admin does."""
    command = [sys.executable, "-m", "argus_tui", "admin", "role", SECRETS["email"], "admin"]
    done = subprocess.run(command, env=dict(replica.settings), cwd=replica.folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    body = {"email": SECRETS["email"], "password": SECRETS["new password"]}
    again = json.loads(send(replica, "POST", "/api/v1/auth/login", body)[2])
    yield from (again["access_token"], again["refresh_token"])
    token = again["access_token"]
    new = {"email": SECRETS["other email"], "name": SECRETS["name"], "password": SECRETS["reset password"]}
    user = json.loads(send(replica, "POST", "/api/v1/admin/users", new, token)[2])
    invite = json.loads(send(replica, "POST", "/api/v1/admin/invites", {}, token)[2])
    code = json.loads(send(replica, "POST", f"/api/v1/admin/users/{user['id']}/reset", token=token)[2])
    yield from (invite["code"], code["code"])
    send(replica, "PATCH", f"/api/v1/admin/users/{user['id']}", {"disabled": True}, token)
    send(replica, "GET", "/api/v1/admin/users", token=token)
    send(replica, "PUT", "/api/v1/models/key", {"key": SECRETS["gemini key"]}, token)
    send(replica, "POST", "/api/v1/auth/logout", {"everywhere": True}, token)
    assert send(replica, "GET", "/api/v1/account", token=token)[0] == 401
    assert made["user"]["id"]


def test_c2_no_address_takes_a_secret() -> None:
    for _, path, operation in operations():
        words = set(re.findall(r"[a-z]+", path))
        names = {each["name"].lower() for each in operation.get("parameters", ()) if each["in"] in ("query", "path")}
        for name in names | words - {"password", "key"}:  # those two are names of what is changed there
            assert not re.search(r"token|passw|secret|^code|invite_code|api_key", name), (path, name)
    assert DOCUMENT["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


async def test_c2_nothing_that_holds_a_secret_shows_it(server: RunningServer, sara: SignedIn, tmp_path: Path) -> None:
    secret = "xyzzy-secret-value"
    names: dict[str, Any] = {name: Secret(secret) for name, declared in DECLARED.items() if declared.is_secret}
    hidden = Settings(**names)
    code = await server.context.auth.administration(None).create_invite()
    kept = KeptSession(tmp_path, server.url, use_keyring=False)
    kept.keep(sara)
    shown = {
        "settings": (hidden, secret),
        "origin": (Origin(device_token=secret), secret),
        "login": (Login(user=sara.user, password_hash=secret), secret),
        "sign up": (bodies.SignUp(name="a", email="b", password=secret, invite=secret, device_token=secret), secret),
        "log in": (bodies.LogIn(email="b", password=secret, device_token=secret), secret),
        "refresh": (bodies.Refresh(refresh_token=secret), secret),
        "password": (bodies.PasswordChange(old=secret, new=secret), secret),
        "new user": (bodies.NewUser(email="a", name="b", password=secret), secret),
        "key": (bodies.Key(key=secret), secret),
        "tokens": (vars(Tokens([KEY])), KEY.value),
        "auth": (vars(server.context.auth), KEY.value),
        "context": (server.context, KEY.value),
        "invite": (code, code.code),
        "kept": (kept.find(), sara.refresh_token),
        **{each.name: (sara, getattr(sara, each.name)) for each in fields(sara) if each.name.endswith("_token")},
    }
    for name, (value, hides) in shown.items():
        assert hides not in repr(value), name
        assert hides not in str(value), name


def test_c2_reports_to_sentry_hold_nothing_of_anybody() -> None:
    secret = "xyzzy-secret-value"
    event = {
        "request": {"url": f"https://a/?q={secret}", "headers": {"Authorization": secret}, "data": secret},
        "user": {"ip_address": secret, "email": secret},
        "breadcrumbs": {"values": [{"message": secret}]},
        "extra": {"text": secret},
        "exception": {"values": [{"type": "ValueError", "value": secret, "stacktrace": {"frames": [{"lineno": 1}]}}]},
    }
    sent = without_people(event, {})
    assert secret not in json.dumps(sent)
    assert sent["exception"]["values"][0]["type"] == "ValueError"


@pytest.mark.parametrize("host", ["192.0.2.1", "chat.example.org", "[2001:db8::1]", "127.0.0.1.example.org", "0.0.0.0"])
def test_c3_the_client_sends_nothing_over_plain_http_unless_told_to(tmp_path: Path, host: str) -> None:
    kept = KeptSession(tmp_path, "x", use_keyring=False)
    with pytest.raises(ConfigError, match="unencrypted"):
        HttpClient(f"http://{host}:8080", kept)
    assert checked_address(f"http://{host}:8080", allow_http=True).startswith("http://")
    assert checked_address(f"https://{host}:8080", allow_http=False).startswith("https://")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trusted", "believed"), [(None, False), ("192.0.2.0/24", False), ("127.0.0.1", True), ("127.0.0.0/8", True)]
)
def test_c3_only_named_proxies_are_believed(tmp_path: Path, trusted: str | None, believed: bool) -> None:
    more = {"ARGUS_TRUSTED_PROXIES": trusted} if trusted else {}
    with processes.serving(tmp_path, **more) as replica:
        headers = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Forwarded": "for=203.0.113.9"}
        body = {"name": "Sara", "email": "sara@example.org", "password": "seven grey herons wade"}
        status, back, answer = send(replica, "POST", "/api/v1/auth/signup", body, headers=headers)
        assert status == 201
        token = json.loads(answer)["access_token"]
        (session,) = json.loads(send(replica, "GET", "/api/v1/account/sessions", token=token)[2])["items"]
        assert session["address"] == ("203.0.113.9" if believed else "127.0.0.1")
        assert ("strict-transport-security" in back) == believed
        forged = {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}
        assert send(replica, "GET", "/metrics", headers=forged)[0] == 404


@pytest.mark.slow
def test_c4_secrets_come_from_the_environment_or_files(tmp_path: Path) -> None:
    secrets = {name: declared for name, declared in DECLARED.items() if declared.is_secret}
    assert set(secrets) >= {"jwt_secret_key", "gemini_api_key", "mongo_uri", "metrics_key", "sentry_dsn"}
    value = "mongodb://sara:xyzzy-secret@db/argus"
    for name, declared in secrets.items():
        file = tmp_path / name
        file.write_text(f"{value}\n", encoding="utf-8")
        loaded = load_settings(environ={f"{declared.env}_FILE": str(file), "HOME": str(tmp_path)}, cwd=tmp_path)
        assert getattr(loaded.settings, name) == Secret(value)
        assert "xyzzy" not in repr(loaded)
        assert "xyzzy" not in str(loaded.settings)
    for command in ((), ("serve",), ("login",), ("signup",), ("passwd",), ("admin", "create"), ("ask",)):
        arguments = [sys.executable, "-m", "argus_tui", *command, "--help"]
        shown = subprocess.run(
            arguments, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"}
        )
        options = set(re.findall(r"--[a-z-]+", shown.stdout))
        assert options
        taken = {each for each in options if re.search("key|secret|token|password|mongo|dsn", each)}
        assert taken <= {"--password-stdin", "--tls-key"}, command  # a path, and a flag


def test_c4_the_client_keeps_its_tokens_where_nobody_else_reads_or_not_at_all(tmp_path: Path) -> None:
    kept = KeptSession(tmp_path, "https://chat.example.org", use_keyring=False)
    tokens = Tokens([KEY])
    user = User(id="a" * 32, name="Sara", created_at=utc_now(), email="sara@example.org")
    pair = Generation("b" * 32, 0)
    signed_in = SignedIn(
        user=user,
        session_id="b" * 32,
        access_token=tokens.access(user.id, pair, utc_now()),
        refresh_token=tokens.refresh(pair),
        device_token=tokens.device(user.id, "c" * 32),
        expires_in_s=600,
    )
    kept.keep(signed_in)
    (file,) = [path for path in tmp_path.rglob("*") if path.is_file() and signed_in.refresh_token in path.read_text()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert signed_in.access_token not in file.read_text()
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        kept.find()
    file.chmod(0o600)
    found = kept.find()
    assert found is not None
    assert found.refresh_token == signed_in.refresh_token


def locked(name: str) -> dict[str, tuple[str, str]]:
    """Return version and hashes of each requirement of a lock, by its name."""
    joined = (LOCK / f"{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, tuple[str, str]] = {}
    for line in joined.splitlines():
        requirement, _, hashes = line.partition(" --hash=")
        parsed = Requirement(requirement.strip())
        found[canonicalize_name(parsed.name)] = (str(parsed.specifier), f"--hash={hashes}")
    return found


@pytest.mark.parametrize("name", ["run", "dev", "model"])
def test_c5_everything_that_is_installed_is_pinned_with_hashes(name: str) -> None:
    for package, (version, hashes) in locked(name).items():
        assert re.fullmatch(r"==[\w.+!-]+", version), package
        assert re.fullmatch(r"--hash=sha256:[0-9a-f]{64}( +--hash=sha256:[0-9a-f]{64})*", hashes.strip()), package
    text = (LOCK / f"{name}.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"index.url", text)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes" in makefile
    assert "--require-hashes" in (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")


def needed(name: str, extras: frozenset[str], seen: dict[str, set[str]]) -> None:
    """Collect what a distribution needs on this machine, and what that needs."""
    for line in importlib.metadata.requires(name) or ():
        wanted = Requirement(line)
        environments: list[dict[str, Any]] = [{**default_environment(), "extra": extra} for extra in extras or {""}]
        if wanted.marker is not None and not any(wanted.marker.evaluate(each) for each in environments):
            continue
        key = canonicalize_name(wanted.name)
        if not wanted.extras <= seen.get(key, set()) or key not in seen:
            seen.setdefault(key, set()).update(wanted.extras)
            needed(key, frozenset(wanted.extras), seen)


def test_c5_the_lock_is_the_whole_list_of_what_the_server_runs_with() -> None:
    """It is the bill of materials: nothing that Argus loads is missing in it, and what is here is what it says."""
    seen: dict[str, set[str]] = {}
    needed("argus-tui", frozenset(), seen)
    assert len(seen) > 40
    run, dev = locked("run"), locked("dev")
    for package in seen:
        assert package in run, package
        assert run[package] == dev[package]
        assert f"=={importlib.metadata.version(package)}" == run[package][0], package
