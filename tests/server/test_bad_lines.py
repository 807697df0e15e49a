"""The client over real sockets to a real server: through lines that are cut, deaf or silent, and through proxies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from argus_core.client.http import HttpClient
from argus_core.credentials import KeptSession
from argus_core.domain import SignedIn
from argus_core.errors import NotAuthenticated, ServerUnreachable
from argus_core.events import Completed, TextDelta
from argus_core.providers.base import EndChunk, TextChunk
from argus_core.providers.scripted import ScriptedProvider
from tests.support.netproxy import NetProxy
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow

WORDS = [f"word{number} " for number in range(300)]


def home(folder: Path, name: str) -> Path:
    (folder / name).mkdir()
    return folder / name


@asynccontextmanager
async def client_at(
    address: str, who: SignedIn, folder: Path, *, allow_http: bool = False
) -> AsyncGenerator[HttpClient, None]:
    kept = KeptSession(folder, address, use_keyring=False)
    kept.keep(who)
    client = HttpClient(address, kept, allow_http=allow_http)
    await client.open()
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def bad_line(server: RunningServer, **how: float) -> AsyncGenerator[tuple[NetProxy, str], None]:
    async with NetProxy(urlsplit(server.url).port or 0, **how) as proxy:  # type: ignore[arg-type]
        yield proxy, f"http://127.0.0.1:{proxy.port}"


async def asked(client: HttpClient) -> str:
    conversation = await client.conversations.create()
    return (await client.generations.ask(conversation.id, "Count.")).generation.id


async def speak(provider: ScriptedProvider) -> None:
    for word in WORDS:
        provider.feed(TextChunk(word))
        await asyncio.sleep(0.005)
    provider.feed(EndChunk())


async def test_a_line_that_is_reset_again_and_again_loses_and_repeats_nothing(
    server: RunningServer, provider: ScriptedProvider, sara: SignedIn, tmp_path: Path
) -> None:
    async with bad_line(server) as (proxy, address), client_at(address, sara, home(tmp_path, "home")) as client:
        generation_id = await asked(client)
        speaking = asyncio.create_task(speak(provider))
        events = []
        async with asyncio.timeout(60):
            async for logged in client.generations.events(generation_id):
                events.append(logged)
                if logged.n % 5 == 0:
                    proxy.reset_all()
        await speaking
    assert [logged.n for logged in events] == list(range(1, len(events) + 1))
    assert "".join(one.event.text for one in events if isinstance(one.event, TextDelta)) == "".join(WORDS)
    assert isinstance(events[-1].event, Completed)
    assert proxy.resets >= 2


async def test_two_clients_see_each_others_changes_and_each_other(
    server: RunningServer, sara: SignedIn, tmp_path: Path
) -> None:
    again = await server.sign_up("Sara")
    async with (
        client_at(server.url, sara, home(tmp_path, "a")) as one,
        client_at(server.url, again, home(tmp_path, "b")) as two,
        aclosing(one.conversations.changes()) as changes,
        aclosing(one.account.watchers()) as watchers,
        aclosing(two.account.watchers()) as others,
        asyncio.timeout(60),
    ):
        await anext(others)
        made = await two.conversations.create(title="Roof")
        assert (await anext(changes)).id == made.id
        await two.account.look_at(made.id)
        async for present in watchers:
            if any(watcher.conversation_id == made.id for watcher in present):
                break
        await two.conversations.delete(made.id)
        async for changed in changes:
            if changed.deleted_at is not None:
                break
        assert changed.id == made.id


async def test_ending_a_session_ends_its_streams(server: RunningServer, sara: SignedIn, tmp_path: Path) -> None:
    again = await server.sign_up("Sara")
    async with (
        client_at(server.url, sara, home(tmp_path, "a")) as one,
        client_at(server.url, again, home(tmp_path, "b")) as two,
    ):
        async with aclosing(two.connections()) as line, asyncio.timeout(60):
            assert await anext(line) == "connected"
            assert await one.account.end_other_sessions() == 1
            with pytest.raises(NotAuthenticated):
                [state async for state in line]
        with pytest.raises(NotAuthenticated):
            await two.account.whoami()
        assert (await one.account.whoami()).email == "sara@example.org"


class ForwardProxy:
    """An HTTP proxy that sends everything to one server, and notes what it was asked for."""

    def __init__(self, server: RunningServer) -> None:
        self._port = urlsplit(server.url).port
        self.asked: list[bytes] = []

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[str, None]:
        tasks: set[asyncio.Task[None]] = set()

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve(reader, writer))
            tasks.add(task)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.asked.append(head.partition(b"\r\n")[0])
            body = await reader.readexactly(_length(head))
            near, far = await asyncio.open_connection("127.0.0.1", self._port)
            method, target, rest = head.split(b" ", 2)
            far.write(
                method
                + b" "
                + target[target.index(b"/api") :]
                + b" "
                + rest.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
                + body
            )
            while data := await near.read(65536):
                writer.write(data)
                await writer.drain()
            far.close()
        finally:
            writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


async def test_a_proxy_of_the_environment_is_used_for_other_machines_and_never_for_this_one(
    server: RunningServer, sara: SignedIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = ForwardProxy(server)
    async with forward.running() as address:
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("ALL_PROXY", address)
        async with client_at(server.url, sara, home(tmp_path, "a")) as client:
            await client.account.whoami()
        assert forward.asked == []
        again = await server.sign_up("Sara")
        async with client_at("http://argus.invalid", again, home(tmp_path, "b"), allow_http=True) as client:
            assert (await client.account.whoami()).email == "sara@example.org"
        assert forward.asked[0].startswith(b"POST http://argus.invalid/api/v1/auth/refresh ")
        monkeypatch.setenv("NO_PROXY", "argus.invalid")
        third = await server.sign_up("Sara")
        with pytest.raises(ServerUnreachable):
            async with client_at("http://argus.invalid", third, home(tmp_path, "c"), allow_http=True):
                pass
