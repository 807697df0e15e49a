"""U3, U4 and U6 where one user and a look at the server are enough: who is cut off, who pays, what is noticed."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.faults.cluster import PASSWORD, Replica, bugs_in, gemini_process
from tests.security.processes import send, serving, sign_up

pytestmark = pytest.mark.slow


def ask(server: Replica, access_token: str, model: str) -> tuple[int, Any]:
    """Ask in a new conversation with a model, and return status and body of the first refusal, or the turn."""
    status, _, answer = send(server, "POST", "/api/v1/conversations", {"model": model}, access_token)
    if status == 201:
        place = f"/api/v1/conversations/{json.loads(answer)['id']}/questions"
        status, _, answer = send(server, "POST", place, {"text": "Why?"}, access_token)
    return status, json.loads(answer)


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


SPELLED = (
    "models/gemini-2.5-pro",
    "/gemini-2.5-pro",
    "models//gemini-2.5-pro",
    "models/models/gemini-2.5-pro",
    "GEMINI-2.5-PRO",
    " gemini-2.5-pro ",
    "gemini-2.5-pro\u200b",
    "gemini-2.5-pro-latest",
    "gemini-2.5-pro:generateContent?",
    "../models/gemini-2.5-pro",
    "nobody-has-heard-of-it",
    "tunedModels/gemini-2.5-pro",
)


@pytest.fixture(scope="module")
def gemini_url() -> Iterator[str]:
    with gemini_process() as url:
        yield url


def status_of(server: Replica, access_token: str, message_id: str) -> str:
    """Return how an answer ended."""
    ended: list[str] = []

    def has_ended() -> bool:
        ended.append(json.loads(send(server, "GET", f"/api/v1/messages/{message_id}", None, access_token)[2])["status"])
        return ended[-1] != "running"

    until(has_ended)
    return ended[-1]


def spent(server: Replica, access_token: str) -> int:
    found = json.loads(send(server, "GET", "/api/v1/account/allowance", None, access_token)[2])
    return int(found.get("cost_micro_usd", 0))


def test_u4_whatever_a_model_is_called_its_answers_are_counted(tmp_path: Path, gemini_url: str) -> None:
    with serving(tmp_path, GOOGLE_GEMINI_BASE_URL=gemini_url, ARGUS_USD_PER_DAY="5") as server:
        token = sign_up(server, "Mallory", PASSWORD)["access_token"]
        answered = 0
        for model in ("gemini-2.5-pro", *SPELLED):
            before = spent(server, token)
            status, found = ask(server, token, model)
            if status == 201 and status_of(server, token, found["reply"]["id"]) == "completed":
                assert spent(server, token) > before, model
                answered += 1
            elif status != 201:
                assert status in (403, 404, 422), (model, found)
                assert found["detail"], model
        assert answered >= 1


def test_u4_who_cannot_pay_an_answer_gets_it_under_no_other_name(tmp_path: Path, gemini_url: str) -> None:
    with serving(tmp_path, GOOGLE_GEMINI_BASE_URL=gemini_url, ARGUS_USD_PER_DAY="0.00001") as server:
        token = sign_up(server, "Mallory", PASSWORD)["access_token"]
        status, found = ask(server, token, "gemini-2.5-pro")
        assert (status, found["code"]) == (429, "limit_reached")
        for model in SPELLED:
            status, found = ask(server, token, model)
            if status == 201:
                assert status_of(server, token, found["reply"]["id"]) == "failed", model
            else:
                assert status in (403, 404, 422, 429), (model, found)
        assert spent(server, token) == 0


def test_u6_a_store_that_is_gone_from_under_the_server_is_noticed(tmp_path: Path) -> None:
    """Else it would go on writing into a file that has no name any more, and all of it would be lost at the end."""
    with serving(tmp_path) as server:
        token = sign_up(server, "Sara", PASSWORD)["access_token"]
        assert send(server, "GET", "/readyz")[0] == 200
        for each in (tmp_path / "data").glob("argus.db*"):
            each.unlink()
        until(lambda: send(server, "GET", "/readyz")[0] == 503)
        for method, path, body in (
            ("POST", "/conversations", {}),
            ("PUT", "/account/preferences/theme", {"value": "argus-day"}),
            ("POST", "/auth/signup", {"name": "Ali", "email": "ali@example.org", "password": PASSWORD}),
        ):
            status, headers, answer = send(server, method, f"/api/v1{path}", body, token)
            assert status == 503, answer
            assert json.loads(answer)["code"].startswith("storage_")
            assert "retry-after" in headers
        assert send(server, "GET", "/healthz")[0] == 200
        assert bugs_in(server.log) == []


def test_u6_descriptors_that_run_out_are_told_and_come_back(tmp_path: Path) -> None:
    """There are never more connections than there are descriptors for, and who is at work keeps theirs."""
    program = ("-m", "tests.security.few_descriptors", "200", "serve")
    with serving(tmp_path, program) as server:
        token = sign_up(server, "Sara", PASSWORD)["access_token"]
        with ExitStack() as stack:
            for _ in range(400):
                line = stack.enter_context(socket.socket())
                line.settimeout(2)
                line.connect(("127.0.0.1", server.port))
            assert send(server, "POST", "/api/v1/conversations", {}, token)[0] == 201
            assert send(server, "GET", "/readyz")[0] == 200
        assert send(server, "POST", "/api/v1/conversations", {}, token)[0] == 201
        assert bugs_in(server.log) == []
        told = [json.loads(line) for line in server.log.read_text().splitlines()]
        [full] = [line for line in told if line["level"] == "warning"]
        assert full["event"] == "all connections are taken"
        assert full["connections"] < 200
