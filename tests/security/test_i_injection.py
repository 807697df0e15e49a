"""I1 to I4: text that would be something else: a query, a sequence, a path, an address (ASVS 5.0, chapter 1)."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

import argus_core
from argus_core.attachments import clean_name
from argus_core.domain import SignedIn
from argus_core.server import logs
from tests.security import processes
from tests.security.team import Team
from tests.security.test_z_users import DOCUMENT, WITH_BODY, example, schema_name
from tests.server.conftest import Web
from tests.server.test_streams import reading
from tests.support.fake_gemini import png
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow

CORE = Path(argus_core.__file__).parent
OPERATORS: list[Any] = [{"$ne": None}, {"$gt": ""}, {"$regex": ".*"}, {"$where": "1"}, ["$ne"], 7, True]


async def test_i1_an_operator_where_text_is_due_is_refused_everywhere(
    web: Web, sara: SignedIn, admin: SignedIn
) -> None:
    tried = 0
    for method, path, operation in WITH_BODY:
        who = admin if path.startswith("/admin/") else sara
        address = path.replace("{id}", "f" * 32).replace("{name}", "theme")
        properties = DOCUMENT["components"]["schemas"][schema_name(operation)]["properties"]
        body = example(operation)
        for name in [each for each in properties if properties[each].get("type") == "string" and each in body]:
            for operator in OPERATORS:
                answer = await web(method, address, who, body | {name: operator})
                assert answer.status_code == 422, (method, path, name, operator)
                tried += 1
    assert tried > 80


async def test_i1_searching_takes_any_text_as_letters(team: Team) -> None:
    web, sara = team.webs[0], await team.servers[0].sign_up("Sara")
    conversation = (await web("POST", "/conversations", sara, {"title": "Roofs (of 50%) $ne"})).json()
    turn = await web("POST", f"/conversations/{conversation['id']}/questions", sara, {"text": "a.b*c NEAR roof"})
    async with reading(team.servers[0], f"/generations/{turn.json()['generation']['id']}/events", sara) as frames:
        assert [frame async for frame in frames]
    for words in ('"', "*", "a* OR b", "NEAR(a b)", "-roof", "text:roof", "^roof", "(", ".*", "$ne", "%", "_", "\\",
                  "' OR 1=1 --", '{"$ne":null}', "\x00", "roof" * 100, "🏠", "\u202e"):  # fmt: skip
        answer = await web("GET", "/search", sara, params={"q": words})
        assert answer.status_code == 200, words
        listed = await web("GET", "/conversations", sara, params={"title_words": words[:300]})
        assert listed.status_code == 200, words
    assert len((await web("GET", "/search", sara, params={"q": "roof"})).json()["items"]) == 1
    for words in (".*", "%", "_", "' OR 1=1 --", "zzz* OR roof"):
        assert (await web("GET", "/search", sara, params={"q": words})).json().get("items", []) == [], words
    for prefix in (".*", "%", "", "[0-9]", "^"):
        answer = await web("GET", "/conversations/find", sara, params={"id_prefix": prefix})
        assert answer.status_code in (200, 404, 422), prefix
        if prefix:
            assert answer.status_code != 200, prefix


async def test_i1_ids_are_letters_and_nothing_else(web: Web, sara: SignedIn) -> None:
    for id in ("$ne", "a.b", "%00", "a%2F..", "' OR 1=1 --", "{}", "ي"):
        answer = await web("GET", f"/conversations/{id}", sara)
        assert answer.status_code in (404, 422), id


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"title":' * 20_000, b'{"title": ' + b"9" * 10_000 + b"}", b"\xff\xfe"]
)
async def test_i1_json_that_would_break_a_parser_is_refused(web: Web, sara: SignedIn, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await web("POST", "/conversations", sara, content=body, headers=headers)
    assert answer.status_code in (400, 422)


def test_i1_no_query_is_code() -> None:
    for file in CORE.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        assert not re.search(r"""["']\$(where|function|accumulator)["']""", source), file
        if "storage" in file.parts:
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.JoinedStr) and re.search(
                    r"\b(SELECT|INSERT|UPDATE|DELETE)\b", ast.unparse(node)
                ):
                    names = {ast.unparse(each.value) for each in node.values if isinstance(each, ast.FormattedValue)}
                    assert not {"text", "words", "query", "user_id", "name", "title"} & names, (file, ast.unparse(node))


@contextmanager
def server_log() -> Iterator[io.StringIO]:
    """Let the server's log go into a string, and give everybody their handlers back."""
    names = ["argus_core", "uvicorn.error", "pymongo.client", None]
    before = [(logging.getLogger(name), logging.getLogger(name).handlers, logging.getLogger(name).level,
               logging.getLogger(name).propagate) for name in names]  # fmt: skip
    out = io.StringIO()
    logs.start(out)
    try:
        yield out
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
        structlog.reset_defaults()


def test_i2_a_line_of_the_log_stays_one_line() -> None:
    evil = 'x"}\n{"event": "forged"}\r\n\x1b[31m\x9b31m\u2028\u2029\x00'
    with server_log() as out:
        logging.getLogger("argus_core.any").info("an event %s", evil, extra={"client": evil})
        logging.getLogger("uvicorn.error").warning(evil)
        logging.getLogger("some.library").warning(evil)
        try:
            raise ValueError(evil)
        except ValueError:
            logging.getLogger("argus_core.any").exception("broken")
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert all(json.loads(line)["event"] != "forged" for line in lines)
    assert out.getvalue().isascii()
    assert "\x1b" not in out.getvalue()
    assert "forged" not in lines[3]
    assert "ValueError" in lines[3]


def test_i2_what_a_driver_could_not_clean_up_is_no_bug() -> None:
    with server_log() as out:
        logging.getLogger("pymongo.client").error("MongoClient background task encountered an error:")
        logging.getLogger("pymongo.other").error("an error")
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["an error"]


async def test_i2_what_comes_in_is_clean_before_it_is_kept(web: Web, server: RunningServer, admin: SignedIn) -> None:
    evil = "a\x1b[31mb\x9b31mc\u202ed\x07"
    body = {"name": evil, "email": "eve@example.org", "password": "seven grey herons wade", "client": evil}
    eve = (await web("POST", "/auth/signup", None, body)).json()
    assert eve["user"]["name"] == "abcd"
    picture = await web("POST", "/attachments", admin, content=png(4, 4), params={"name": f"{evil}.png"})
    assert picture.json()["name"] == "abcd.png"
    sessions = await web("GET", "/account/sessions", headers={"Authorization": f"Bearer {eve['access_token']}"})
    assert sessions.json()["items"][0]["client"] == "abcd"


HOSTILE_NAMES = (
    "../../etc/passwd",
    "..\\..\\windows\\system32",
    "/etc/passwd",
    "C:\\evil.png",
    "a\x00b.png",
    "CON",
    "con.png",
    "\u202egnp.exe",
    "....//....//a",
    "~/.ssh/id",
    "a/" * 500,
    "-rf",
    ".",
    "..",
)


async def test_i3_no_name_becomes_a_path(web: Web, server: RunningServer, sara: SignedIn, tmp_path: Path) -> None:
    for name in HOSTILE_NAMES:
        answer = await web("POST", "/attachments", sara, content=png(4, 4), params={"name": name})
        assert answer.status_code in (201, 422), name
        if answer.status_code == 201:
            kept = answer.json()["name"]
            assert not re.search(r"[/\\\x00-\x1f\u202e]", kept)
            assert kept == clean_name(name)
            assert kept not in ("", ".", "..")
    files = [path for path in await asyncio.to_thread(lambda: list(tmp_path.rglob("*"))) if path.is_file()]
    assert files
    for file in files:
        assert re.fullmatch(r"[0-9a-f]{64}|argus\.db(-wal|-shm)?", file.name), file


async def test_i3_no_id_becomes_a_path(web: Web, sara: SignedIn) -> None:
    for id in ("..%2f..%2fargus.db", "%2e%2e", "..", "a%00", "/etc/passwd"):
        answer = await web("GET", f"/attachments/{id}/content", sara)
        assert answer.status_code in (404, 405, 422), id
        assert b"SQLite" not in answer.content


def test_i3_nothing_writes_tables_of_cells() -> None:
    """There is no CSV: whoever adds one escapes formulas (ASVS 1.2.10) and changes this test."""
    for package in (CORE, CORE.parent / "argus_tui"):
        for file in package.rglob("*.py"):
            source = file.read_text(encoding="utf-8")
            assert not re.search(r"^\s*(import csv|from csv )", source, re.MULTILINE), file
            assert "text/csv" not in source, file


FETCHERS = {"httpx2", "httpx", "requests", "urllib3", "aiohttp", "urllib.request", "http.client", "ftplib", "socket"}
MAY_CONNECT = {
    "client": "the client of a server",
    "providers": "the model's service, at the address that the operator has set",
    "network.py": "the way that these two take: proxies and certificates",
}
MAY_IMPORT = {"serve.py": {"socket"}}
"""To listen."""


def test_i4_the_server_has_nothing_that_fetches_an_address() -> None:
    """Only the client, the models' drivers and the MongoDB driver speak to others, at addresses of the operator's."""
    for file in CORE.rglob("*.py"):
        if file.relative_to(CORE).parts[0] in MAY_CONNECT:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = (
                [each.name for each in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            found = FETCHERS.intersection(names) - MAY_IMPORT.get(file.name, set())
            assert not found, (file, found)


async def test_i4_addresses_in_texts_are_not_asked(
    web: Web, server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    import socket

    original = socket.getaddrinfo

    def watched(host: Any, *args: Any, **kwargs: Any) -> Any:
        asked.append(host)
        return original(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    hosts = ("http://127.0.0.1:1/", "http://2130706433/", "http://0x7f.1/", "http://[64:ff9b::7f00:1]/",
             "http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "gopher://127.0.0.1:6379/",
             "http://evil.example.test/a.png")  # fmt: skip
    conversation = (await web("POST", "/conversations", sara, {"title": hosts[0], "system": hosts[4]})).json()
    text = "\n".join(f"![a]({host}) {host}" for host in hosts)
    turn = await web("POST", f"/conversations/{conversation['id']}/questions", sara, {"text": text})
    async with reading(server, f"/generations/{turn.json()['generation']['id']}/events", sara) as frames:
        assert [frame async for frame in frames]
    for host in hosts:
        answer = await web("POST", "/attachments", sara, content=host.encode(), params={"name": "a.png"})
        assert answer.status_code == 422
        renamed = await web("POST", "/attachments", sara, content=png(4, 4), params={"name": host})
        assert renamed.status_code in (201, 422)
    ours = {"127.0.0.1", b"127.0.0.1", None}
    assert set(asked) <= ours, asked


def test_i4_a_server_in_the_test_of_addresses_is_a_whole_one(tmp_path: Path) -> None:
    with processes.serving(tmp_path) as replica:
        token = processes.sign_up(replica, "Sara", "seven grey herons wade")["access_token"]
        for path in (
            "/api/v1/attachments?name=a.png&url=http://127.0.0.1/",
            "/api/v1/models?base_url=http://127.0.0.1/",
        ):
            method = "POST" if "attachments" in path else "GET"
            assert processes.send(replica, method, path, b"x" if method == "POST" else None, token)[0] == 422
