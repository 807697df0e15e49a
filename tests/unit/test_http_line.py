"""Requests and their answers: what is sent, what is tried again, and which error says what went wrong."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
import pytest

from argus_core.client import http_line
from argus_core.client.http import HttpClient
from argus_core.client.http_address import checked_address, place_of
from argus_core.client.http_line import MAX_ANSWER_BYTES, Ask, Line, Patience
from argus_core.domain import Page
from argus_core.errors import (
    ArgusError,
    BadCredentials,
    ConfigError,
    Conflict,
    InvalidInput,
    KeyMissing,
    LimitReached,
    NotFound,
    ServerUnreachable,
    StorageUnavailable,
    all_errors,
)
from argus_core.wire import encode
from tests.support.builders import a_conversation, a_turn, row_of
from tests.support.scripted_server import (
    ADDRESS,
    ME,
    Body,
    ManualClock,
    ScriptedServer,
    client_of,
    kept_in,
    refusal,
    reply,
)

TURN = a_turn(a_conversation("c"))
ASK = "POST /conversations/c/questions"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://Argus.Example.org/", "https://argus.example.org"),
        ("https://argus.example.org:443", "https://argus.example.org"),
        ("https://argus.example.org:8443/team/", "https://argus.example.org:8443/team"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.2:80/", "http://127.0.0.2"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_has_one_form(given: str, address: str) -> None:
    assert checked_address(given, allow_http=False) == address
    assert place_of(address) == address.partition("://")[2]


@pytest.mark.parametrize(
    "given",
    [
        "argus.example.org",
        "ftp://argus.example.org",
        "https://",
        "https://sara:secret@argus.example.org",
        "https://argus.example.org/?a=b",
        "https://argus.example.org:port",
        "https://[::1",
    ],
)
def test_what_is_no_address_of_a_server_is_refused(given: str) -> None:
    with pytest.raises(ConfigError) as caught:
        checked_address(given, allow_http=True)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["argus.example.org", "10.0.0.7", "localhost.example.org", "127.0.0.1.example.org"])
def test_unencrypted_lines_to_other_machines_are_refused_unless_forced(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="ARGUS_ALLOW_HTTP"):
        HttpClient(f"http://{host}", kept_in(tmp_path))
    assert checked_address(f"http://{host}", allow_http=True) == f"http://{host}"


async def test_a_request_names_us_and_carries_the_token_in_its_head_only(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("GET /account", reply(ME))
    client = client_of(server, tmp_path)
    assert await client.account.whoami() == ME
    (request,) = server.sent("GET /account")
    assert str(request.url) == f"{ADDRESS}/api/v1/account"
    assert request.headers["Authorization"] == "Bearer access-1"
    assert request.headers["User-Agent"].startswith("argus/")
    assert "access-1" not in repr(client.__dict__) + repr(request.url)
    await client.close()


async def test_half_a_character_does_not_break_a_request(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(ASK, reply(TURN, 201))
    server.on("GET /search", reply({"items": []}))
    client = client_of(server, tmp_path)
    assert (await client.generations.ask("c", "bad \udc80 byte")).reply.id == TURN.reply.id
    assert await client.search.messages("bad \udc80") == []
    assert b"\\udc80" in server.sent(ASK)[0].content
    await client.close()


@pytest.mark.parametrize("code", sorted(all_errors()))
async def test_an_error_of_the_server_is_the_same_error_here(tmp_path: Path, code: str) -> None:
    cls = all_errors()[code]
    server = ScriptedServer()
    server.on("POST /conversations/c/undo", refusal(cls("Do this.", title="That happened", retry_after_s=3)))
    client = client_of(server, tmp_path)
    with pytest.raises(ArgusError) as caught:
        await client.conversations.undo("c")
    assert type(caught.value) is cls
    assert (caught.value.title, caught.value.hint, caught.value.retry_after_s) == ("That happened", "Do this.", 3)
    await client.close()


async def test_retry_after_is_taken_from_the_head_when_the_body_does_not_say(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(ASK, refusal(LimitReached("Wait."), retry_after="17"))
    client = client_of(server, tmp_path)
    with pytest.raises(LimitReached) as caught:
        await client.generations.ask("c", "Why?")
    assert caught.value.retry_after_s == 17
    await client.close()


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx2.Response(200, text="<html>"), ServerUnreachable, "not an Argus server"),
        (httpx2.Response(200, json=[]), ServerUnreachable, "not an Argus server"),
        (httpx2.Response(200, json={"id": 7}), ServerUnreachable, "not an Argus server"),
        (httpx2.Response(200, text="[" * 100_000), ServerUnreachable, "not an Argus server"),
        (httpx2.Response(404, text="<html>"), ServerUnreachable, "answers with 404"),
        (httpx2.Response(401, text="Basic"), ServerUnreachable, "answers with 401"),
        (
            httpx2.Response(302, headers={"Location": "https://evil.example.org"}),
            ServerUnreachable,
            "sends us elsewhere",
        ),
        (httpx2.Response(413, text="<html>"), InvalidInput, "too large"),
        (httpx2.Response(429, text="slow", headers={"Retry-After": "5"}), LimitReached, "asks to wait"),
        (httpx2.Response(400, headers={"Content-Type": "application/problem+json"}), ServerUnreachable, "400"),
        (httpx2.Response(200, stream=Body([b"x" * (MAX_ANSWER_BYTES // 4)] * 5)), ServerUnreachable, "without end"),
        (
            httpx2.Response(200, stream=Body([b"not packed at all"]), headers={"Content-Encoding": "gzip"}),
            ServerUnreachable,
            "broke off",
        ),
    ],
)
async def test_who_is_no_argus_server_is_told(
    tmp_path: Path, answer: httpx2.Response, error: type[ArgusError], words: str
) -> None:
    server = ScriptedServer()
    server.on("GET /account", answer)
    client = client_of(server, tmp_path)
    with pytest.raises(error, match=words):
        await client.account.whoami()
    assert all(str(request.url).startswith(ADDRESS) for request in server.requests)
    await client.close()


async def test_tokens_do_not_follow_a_redirect_of_a_stream_either(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("GET /generations/g/events", httpx2.Response(307, headers={"Location": "https://evil.example.org"}))
    server.on("GET /generations/g", httpx2.Response(308, headers={"Location": "https://evil.example.org"}))
    line = Line(ADDRESS, transport=server)
    with pytest.raises(ServerUnreachable, match="sends us elsewhere"):
        async with line.stream("/generations/g/events", "access", params={}):
            pass
    with pytest.raises(ServerUnreachable, match="sends us elsewhere"):
        await line.fetch(Ask(method="GET", path="/generations/g"), "access")
    assert {request.url.host for request in server.requests} == {place_of(ADDRESS)}
    await line.close()


@pytest.mark.parametrize("status", [200, 503])
async def test_an_answer_that_drips_is_left_in_time(tmp_path: Path, status: int) -> None:
    server = ScriptedServer()
    server.on("POST /account", httpx2.Response(status, stream=Body([b"{"], drip=b" ")))
    line = Line(ADDRESS, transport=server, connect_timeout_s=0.05)
    with pytest.raises(ServerUnreachable, match="did not answer in time"):
        await asyncio.wait_for(line.fetch(Ask(method="POST", path="/account", timeout_s=0.1)), 5)
    await line.close()


async def test_an_answer_that_is_slow_but_comes_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_line, "SLOWEST_BYTES_S", 10)
    hold = asyncio.Event()
    server = ScriptedServer()
    server.on("GET /account", httpx2.Response(200, stream=Body([b"0123456789"], hold=hold)))
    line = Line(ADDRESS, transport=server, connect_timeout_s=0.05)
    asyncio.get_running_loop().call_later(0.3, hold.set)
    assert await line.fetch(Ask(method="GET", path="/account", timeout_s=0.05)) == b"0123456789"
    await line.close()


@pytest.mark.parametrize(
    "trouble",
    [
        httpx2.ConnectError("refused"),
        httpx2.ReadError("reset"),
        httpx2.RemoteProtocolError("closed"),
        httpx2.Response(502, text="<html>"),
        httpx2.Response(503, text="<html>"),
        httpx2.Response(504, text="<html>"),
        refusal(StorageUnavailable("Away.")),
    ],
)
async def test_what_may_arrive_twice_is_sent_again_for_about_ten_seconds(
    tmp_path: Path, trouble: httpx2.Response | Exception
) -> None:
    server, clock = ScriptedServer(), ManualClock()
    client = client_of(server, tmp_path, clock)
    requests: dict[str, Callable[[], Awaitable[object]]] = {
        "GET /account": client.account.whoami,
        "PUT /account/preferences/theme": lambda: client.account.set_preference("theme", "x"),
        "PATCH /conversations/c": lambda: client.conversations.pin("c", True),
        "DELETE /conversations/c": lambda: client.conversations.delete("c"),
        ASK: lambda: client.generations.ask("c", "Why?", client_msg_id="m"),
        "POST /conversations": lambda: client.conversations.create(title="t"),
        "POST /generations/g/cancel": lambda: client.generations.cancel("g"),
    }
    good = {ASK: TURN, "GET /account": ME}
    for request, send in requests.items():
        server.on(request, trouble, trouble, reply(good.get(request, a_conversation("c"))))
        await send()
        bodies = {one.content for one in server.sent(request)}
        assert (len(server.sent(request)), len(bodies)) == (3, 1)

    server.on("GET /account", trouble)
    clock.slept.clear()
    with pytest.raises((ServerUnreachable, StorageUnavailable)):
        await client.account.whoami()
    assert 5 <= sum(clock.slept) <= 10
    await client.close()


@pytest.mark.parametrize(
    ("trouble", "is_tried_again"),
    [
        (httpx2.ConnectError("refused"), True),
        (httpx2.ConnectTimeout("slow"), True),
        (httpx2.ReadError("reset"), False),
        (httpx2.ReadTimeout("slow"), False),
        (httpx2.RemoteProtocolError("closed"), False),
        (httpx2.Response(502), False),
    ],
)
async def test_what_must_not_arrive_twice_is_sent_again_only_if_it_did_not_arrive(
    tmp_path: Path, trouble: httpx2.Response | Exception, is_tried_again: bool
) -> None:
    server = ScriptedServer()
    server.on("POST /conversations/c/retry", trouble, reply(TURN, 201))
    client = client_of(server, tmp_path)
    if is_tried_again:
        assert (await client.generations.retry("c")).reply.id == TURN.reply.id
    else:
        with pytest.raises(ServerUnreachable):
            await client.generations.retry("c")
        assert len(server.sent("POST /conversations/c/retry")) == 1
    await client.close()


@pytest.mark.parametrize("error", [KeyMissing("Set one."), Conflict("Busy."), NotFound("No."), LimitReached("Wait.")])
async def test_what_the_server_has_decided_is_not_asked_again(tmp_path: Path, error: ArgusError) -> None:
    server = ScriptedServer()
    server.on(ASK, refusal(error))
    client = client_of(server, tmp_path)
    with pytest.raises(type(error)):
        await client.generations.ask("c", "Why?")
    assert len(server.sent(ASK)) == 1
    await client.close()


async def test_a_wrong_address_is_told_soon(tmp_path: Path) -> None:
    server, clock = ScriptedServer(), ManualClock()
    server.on("POST /auth/refresh", httpx2.ConnectError("refused"))
    client = client_of(server, tmp_path, clock)
    with pytest.raises(ServerUnreachable, match=r"Nothing answers at argus\.example\.org"):
        await client.open()
    assert sum(clock.slept) <= 3
    await client.close()


async def test_a_certificate_that_is_not_good_is_told_at_once(tmp_path: Path) -> None:
    server, clock = ScriptedServer(), ManualClock()
    wrong = httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]")
    wrong.__cause__ = ssl.SSLCertVerificationError("self-signed")
    server.on("POST /auth/refresh", wrong)
    client = client_of(server, tmp_path, clock)
    with pytest.raises(ServerUnreachable, match="certificate"):
        await client.open()
    assert clock.slept == []
    await client.close()


async def test_a_wrong_password_is_no_reason_to_refresh(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("PUT /account/password", refusal(BadCredentials("Try again.")))
    client = client_of(server, tmp_path)
    with pytest.raises(BadCredentials):
        await client.account.change_password("old", "new")
    assert server.refreshes == 1
    await client.close()


async def test_the_folder_of_a_picture_is_not_told(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /attachments", refusal(InvalidInput("No.")))
    client = client_of(server, tmp_path)
    for name in ("/home/sara/roof.png", r"C:\Users\sara\roof.png"):
        with pytest.raises(InvalidInput):
            await client.attachments.add(name, b"bytes")
    assert {request.url.params["name"] for request in server.sent("POST /attachments")} == {"roof.png"}
    assert server.sent("POST /attachments")[0].content == b"bytes"
    await client.close()


async def test_drain_waits_for_the_answers_this_client_asked_for(tmp_path: Path) -> None:
    server, clock = ScriptedServer(), ManualClock()
    client = client_of(server, tmp_path, clock)
    assert await client.drain(0)
    assert server.sent("GET /generations") == []
    server.on(ASK, reply(TURN, 201))
    await client.generations.ask("c", "Why?")
    running = {"items": [encode(TURN.generation)]}
    server.on("GET /generations", reply(running), reply(running), reply({"items": []}))
    assert not await client.drain(0)
    assert await client.drain(20)
    await client.close()


async def test_lists_pages_and_nothing_are_read(tmp_path: Path) -> None:
    server = ScriptedServer()
    conversation = row_of(a_conversation("c"))
    server.on("GET /conversations", reply(Page((conversation,), "more")))
    server.on("GET /account/preferences/theme", reply({"value": None}), reply({"value": "argus-day"}), reply({}))
    server.on("GET /conversations/count", reply({"count": 7}))
    client = client_of(server, tmp_path)
    assert await client.conversations.list(limit=3, title_words="roof") == Page((conversation,), "more")
    assert dict(server.sent("GET /conversations")[0].url.params) == {"limit": "3", "title_words": "roof"}
    assert await client.account.get_preference("theme") is None
    assert await client.account.get_preference("theme") == "argus-day"
    with pytest.raises(ServerUnreachable):
        await client.account.get_preference("theme")
    assert await client.conversations.count() == 7
    await client.close()


async def test_a_proxy_that_cannot_be_used_is_a_wrong_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://proxy.example.org")
    with pytest.raises(ConfigError, match="ALL_PROXY"):
        HttpClient(ADDRESS, kept_in(tmp_path))


def test_patience_is_longest_at_five_seconds() -> None:
    patience = Patience()
    waits = [patience.next_s() for _ in range(100)]
    assert waits[0] == 0
    assert 2.5 <= min(waits[8:]) <= max(waits) <= 5
    assert patience.next_s(LimitReached(retry_after_s=30)) == 30
    assert patience.next_s(LimitReached(retry_after_s=10**9)) == 60
