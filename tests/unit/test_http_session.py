"""Tokens: refreshed once for all who wait, kept before they are used, shared by programs that take turns."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx2
import pytest

from argus_core.client.entrance import HttpEntrance
from argus_core.client.http import HttpClient
from argus_core.credentials import KeptSession, KeptSignIn
from argus_core.errors import (
    BadCredentials,
    ConfigError,
    LimitReached,
    NotAuthenticated,
    PermissionDenied,
    ServerUnreachable,
    TokenExpired,
)
from tests.support.scripted_server import (
    ADDRESS,
    ME,
    ManualClock,
    ScriptedServer,
    client_of,
    kept_in,
    refusal,
    reply,
    signed_in,
    stream,
    until,
)

EXPIRED = refusal(TokenExpired("Refresh it."))
OUT = refusal(NotAuthenticated("Sign in again.", title="You were signed out"))


def kept(folder: Path) -> KeptSignIn:
    found = KeptSession(folder, ADDRESS, use_keyring=False).find()
    assert found is not None
    return found


def file_of(folder: Path) -> Path:
    (path,) = folder.glob("session_*[0-9a-f]")
    return path


def good_for(access_token: str) -> object:
    """Answers who sends this token; who sends another one has to refresh."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        return reply(ME) if request.headers["Authorization"] == f"Bearer {access_token}" else EXPIRED

    return answer


async def test_many_who_wait_refresh_once(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("GET /account", reply(ME))
    client = client_of(server, tmp_path)
    assert await asyncio.gather(*(client.account.whoami() for _ in range(20))) == [ME] * 20
    assert server.refreshes == 1
    await client.close()


async def test_a_refused_token_is_replaced_once_for_all(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("GET /account", good_for("access-2"))  # type: ignore[arg-type]
    client = client_of(server, tmp_path)
    assert await asyncio.gather(*(client.account.whoami() for _ in range(20))) == [ME] * 20
    assert server.refreshes == 2
    await client.close()


async def test_a_token_is_replaced_before_it_expires(tmp_path: Path) -> None:
    server, clock = ScriptedServer(), ManualClock()
    server.on("GET /account", reply(ME))
    client = client_of(server, tmp_path, clock)
    for seconds, refreshes in ((0, 1), (560, 1), (20, 2), (500, 2)):
        clock.time += seconds
        await client.account.whoami()
        assert server.refreshes == refreshes
    await client.close()


async def test_what_a_refresh_gives_is_kept_before_it_is_used(tmp_path: Path) -> None:
    server = ScriptedServer()
    seen: list[str] = []

    def note(request: httpx2.Request) -> httpx2.Response:
        seen.append(kept(tmp_path).refresh_token)
        return reply(ME)

    server.on("GET /account", note)
    client = client_of(server, tmp_path)
    await client.account.whoami()
    assert seen == ["refresh-1"]
    assert "access" not in file_of(tmp_path).read_text()
    await client.close()


async def test_who_waits_and_leaves_takes_nothing_away(tmp_path: Path) -> None:
    server = ScriptedServer()
    go_on = asyncio.Event()

    async def slowly(request: httpx2.Request) -> httpx2.Response:
        await go_on.wait()
        return reply(signed_in(1))

    server.on("POST /auth/refresh", slowly)
    client = client_of(server, tmp_path)
    asking = asyncio.create_task(client.account.whoami())
    await until(lambda: bool(server.requests))
    asking.cancel()
    await asyncio.wait([asking])
    go_on.set()
    await client.close()
    assert kept(tmp_path).refresh_token == "refresh-1"


async def test_two_programs_go_on_from_what_the_other_kept(tmp_path: Path) -> None:
    server, clock = ScriptedServer(), ManualClock()
    sent: list[str] = []

    def exchange(request: httpx2.Request) -> httpx2.Response:
        token = json.loads(request.content)["refresh_token"]
        sent.append(token)
        return reply(signed_in(int(token.partition("-")[2]) + 1))

    server.on("POST /auth/refresh", exchange)
    server.on("GET /account", reply(ME))
    kept_in(tmp_path)
    clients = [
        HttpClient(ADDRESS, kept_in(tmp_path, is_signed_in=False), transport=server, clock=clock.clock)
        for _ in range(3)
    ]
    for _ in range(3):
        clock.time += 600
        await asyncio.gather(*(client.account.whoami() for client in clients))
    assert sent == [f"refresh-{number}" for number in range(9)]  # none of them twice
    for client in clients:
        await client.close()


async def test_a_refresh_whose_answer_was_lost_is_sent_again(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /auth/refresh", httpx2.ReadError("lost"), reply(signed_in(1)))
    client = client_of(server, tmp_path)
    await client.open()
    assert {one.content for one in server.requests} == {b'{"refresh_token":"refresh-0"}'}
    await client.close()


async def test_a_refresh_that_is_refused_sends_to_the_sign_in(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /auth/refresh", OUT)
    client = client_of(server, tmp_path)
    for _ in range(2):
        with pytest.raises(NotAuthenticated, match="argus login"):
            await client.account.whoami()
    await client.close()


async def test_a_session_that_ended_is_told_when_a_new_token_does_not_help(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("GET /account", OUT)
    client = client_of(server, tmp_path)
    with pytest.raises(NotAuthenticated):
        await client.account.whoami()
    assert len(server.sent("GET /account")) == 2
    await client.close()


async def test_a_stream_refreshes_too(tmp_path: Path) -> None:
    server = ScriptedServer()
    end = b'id: 1\nevent: completed\ndata: {"type": "completed"}\n\n'
    server.on("GET /generations/g/events", EXPIRED, stream(end))
    client = client_of(server, tmp_path)
    assert [logged.n async for logged in client.generations.events("g")] == [1]
    assert server.refreshes == 2
    await client.close()


@pytest.mark.parametrize("was_there", [True, False])
async def test_nobody_who_is_not_signed_in_asks_the_server(tmp_path: Path, was_there: bool) -> None:
    session = kept_in(tmp_path, is_signed_in=was_there)
    session.forget()
    server = ScriptedServer()
    client = HttpClient(ADDRESS, session, transport=server)
    with pytest.raises(NotAuthenticated, match="argus login"):
        await client.open()
    assert server.requests == []
    await client.close()


async def test_another_program_is_not_sent_our_token(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /auth/refresh", httpx2.Response(200, text="<html>"))
    client = client_of(server, tmp_path)
    with pytest.raises(ServerUnreachable, match="not an Argus server"):
        await client.open()
    assert kept(tmp_path).refresh_token == "refresh-0"
    await client.close()


@pytest.mark.parametrize("everywhere", [True, False])
async def test_signing_out_ends_the_session_there_and_here(tmp_path: Path, everywhere: bool) -> None:
    server = ScriptedServer()
    server.on("POST /auth/logout", httpx2.Response(204))
    client = client_of(server, tmp_path)
    await client.account.sign_out(everywhere=everywhere)
    assert json.loads(server.requests[-1].content) == ({"everywhere": True} if everywhere else {})
    assert kept(tmp_path) == KeptSignIn(place=ADDRESS, device_token="device")
    with pytest.raises(NotAuthenticated):
        await client.account.whoami()
    await client.close()


async def test_signing_out_forgets_also_when_the_server_does_not_hear_it(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /auth/logout", httpx2.ReadError("cut"))
    client = client_of(server, tmp_path)
    with pytest.raises(ServerUnreachable, match="did not hear"):
        await client.account.sign_out()
    assert kept(tmp_path).refresh_token == ""
    await client.close()


async def test_signing_out_of_a_session_that_has_ended_is_harmless(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /auth/logout", OUT)
    client = client_of(server, tmp_path)
    await client.account.sign_out()
    assert kept(tmp_path).refresh_token == ""
    await client.close()


async def test_signing_out_leaves_a_newer_sign_in_of_another_program(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /auth/logout", httpx2.Response(204))
    client = client_of(server, tmp_path)
    await client.open()
    newer = json.loads(file_of(tmp_path).read_text())
    file_of(tmp_path).write_text(json.dumps(newer | {"session_id": "t" * 32}))
    await client.account.sign_out()
    assert kept(tmp_path).session_id == "t" * 32
    await client.close()


# The entrance


def entrance(server: ScriptedServer, session: KeptSession) -> HttpEntrance:
    return HttpEntrance(ADDRESS, session, name="argus on laptop", transport=server, clock=ManualClock().clock)


async def test_signing_in_keeps_what_a_client_finds(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /auth/login", reply(signed_in(0)))
    server.on("GET /account", reply(ME))
    session = kept_in(tmp_path, is_signed_in=False)
    door = entrance(server, session)
    assert door.place == "argus.example.org"
    assert await door.sign_in("sara@example.org", "a long sentence") == ME
    assert door.kept_in == str(file_of(tmp_path))
    assert json.loads(server.requests[0].content) == {
        "email": "sara@example.org",
        "password": "a long sentence",
        "client": "argus on laptop",
    }
    client = HttpClient(ADDRESS, session, transport=server)
    assert await client.account.whoami() == ME
    await client.close()


async def test_who_signs_in_again_shows_the_device(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /auth/login", reply(signed_in(5)))
    session = kept_in(tmp_path)
    session.forget()
    await entrance(server, session).sign_in("sara@example.org", "a long sentence")
    assert json.loads(server.requests[0].content)["device_token"] == "device"
    assert kept(tmp_path).refresh_token == "refresh-5"


async def test_signing_up_may_take_an_invite(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on("POST /auth/signup", reply(signed_in(0), 201))
    door = entrance(server, kept_in(tmp_path, is_signed_in=False))
    await door.sign_up("Sara", "sara@example.org", "a long sentence", invite="code")
    await door.sign_up("Sara", "sara@example.org", "a long sentence")
    first, second = (json.loads(request.content) for request in server.requests)
    assert (first["invite"], "invite" in second) == ("code", False)


@pytest.mark.parametrize(
    "error", [BadCredentials(), LimitReached("Wait.", retry_after_s=9), PermissionDenied("Sign-up is closed.")]
)
async def test_who_is_not_let_in_keeps_what_was_there(
    tmp_path: Path, error: BadCredentials | LimitReached | PermissionDenied
) -> None:
    server = ScriptedServer()
    server.on("POST /auth/login", refusal(error))
    with pytest.raises(type(error)):
        await entrance(server, kept_in(tmp_path)).sign_in("sara@example.org", "a long sentence")
    assert len(server.requests) == 1
    assert kept(tmp_path).refresh_token == "refresh-0"


async def test_the_policy_is_asked_of_an_argus_server_only(tmp_path: Path) -> None:
    server = ScriptedServer()
    door = entrance(server, kept_in(tmp_path))
    server.on("GET /server", reply({"name": "argus", "version": "1", "signup": "invite"}))
    assert await door.policy() == "invite"
    others: list[object] = [{"name": "other", "signup": "open"}, {"name": "argus", "signup": "perhaps"}, []]
    for other in others:
        server.on("GET /server", reply(other))
        with pytest.raises(ServerUnreachable):
            await door.policy()


async def test_who_asks_for_a_sign_in_to_sign_in_is_another_address(tmp_path: Path) -> None:
    server = ScriptedServer()
    for address in ("GET /server", "POST /auth/login"):
        server.on(address, refusal(NotAuthenticated("Sign in first.")))
    door = entrance(server, kept_in(tmp_path))
    with pytest.raises(ServerUnreachable):
        await door.policy()
    with pytest.raises(ServerUnreachable):
        await door.sign_in("sara@example.org", "a long sentence")


def test_an_entrance_speaks_no_plain_http(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        HttpEntrance("http://argus.example.org", kept_in(tmp_path), name="argus")
