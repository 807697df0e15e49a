"""What Schemathesis makes of the OpenAPI document is answered as the document says, for a member and for an admin."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from argus_core.auth.service import Origin
from argus_core.client.local import LocalClient
from argus_core.domain import SignedIn, UserRole
from argus_core.providers.scripted import ScriptedProvider, saying
from argus_core.server.app import create_app
from argus_core.tasks import Background
from tests.support.fake_gemini import png
from tests.support.server import PASSWORD, RunningServer, open_server

T = TypeVar("T")
DOCUMENT = create_app(lambda: pytest.fail("nobody opens it here")).openapi()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
EXAMPLES = 10
"""For each operation and role; beside them come the cases that the document's own bounds ask for."""
ENDS_SESSIONS = ("/auth/logout", "/account/password", "/account/sessions", "/admin/users/")

pytestmark = pytest.mark.slow


class Server:
    """A server on a thread of its own, since Schemathesis waits for its answers."""

    def __init__(self, running: RunningServer, loop: asyncio.AbstractEventLoop) -> None:
        self._running = running
        self._loop = loop
        self._accounts = 0
        self.url = running.url

    def sign_in(self, role: UserRole) -> SignedIn:
        """Make an account and sign in to it, from an address of its own."""
        self._accounts += 1
        return self._wait(self._signed_in(f"u{self._accounts}", role))

    async def _signed_in(self, name: str, role: UserRole) -> SignedIn:
        email = f"{name}@example.org"
        auth = self._running.context.auth
        await auth.administration(None).create_user(email, name, role=role, password=PASSWORD)
        return await auth.sign_in(email, PASSWORD, Origin(address=name))

    def furnish(self, who: SignedIn) -> dict[str, str]:
        """Return ids of what that user has, one of each kind, for the addresses that take one."""
        return self._wait(_furnished(LocalClient(self._running.services, who.user, session_id=who.session_id)))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        waiting: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return waiting.result(60)


async def _furnished(client: LocalClient) -> dict[str, str]:
    conversation = await client.conversations.create(title="A roof in the rain")
    turn = await client.generations.ask(conversation.id, "Where does it leak?")
    async for _ in client.generations.events(turn.generation.id):
        pass
    picture = await client.attachments.add("roof.png", png(4, 4))
    return {
        "/conversations/": conversation.id,
        "/generations/": turn.generation.id,
        "/messages/": turn.reply.id,
        "/attachments/": picture.id,
        "/account/sessions/": "0" * 32,
        "/admin/users/": (await client.account.whoami()).id,
    }


@contextmanager
def serving() -> Iterator[Server]:
    """Run a server on another thread until the end of the block."""
    started: Future[Server] = Future()
    over = threading.Event()

    async def run() -> None:
        provider = ScriptedProvider(saying("Because so."))
        with tempfile.TemporaryDirectory(prefix="argus-schema-") as folder:
            (Path(folder) / "config").mkdir()
            async with open_server(Path(folder), provider) as running, ending_streams(running):
                started.set_result(Server(running, asyncio.get_running_loop()))
                await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="server")
    thread.start()
    try:
        yield started.result(60)
    finally:
        over.set()
        thread.join()


@asynccontextmanager
async def ending_streams(running: RunningServer) -> AsyncGenerator[None, None]:
    """Let no stream last: one of the account never ends by itself, and Schemathesis reads answers to their end."""

    async def end() -> None:
        while True:
            await asyncio.sleep(0.02)
            await running.context.streams.drain()

    background = Background()
    background.start(end(), "ending streams")
    try:
        yield
    finally:
        await background.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as opened:
        yield opened


@pytest.fixture(scope="module", params=["member", "admin"])
def who(request: pytest.FixtureRequest, server: Server) -> tuple[UserRole, SignedIn, dict[str, str]]:
    signed_in = server.sign_in(request.param)
    return request.param, signed_in, server.furnish(signed_in)


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_document_says(
    case: schemathesis.Case[Any], server: Server, who: tuple[UserRole, SignedIn, dict[str, str]]
) -> None:
    role, signed_in, ids = who
    path = case.operation.path
    if any(each in path for each in ENDS_SESSIONS):
        signed_in = server.sign_in(role)
    kind = next((prefix for prefix in ids if prefix in path), None)
    if kind is not None and not is_negative(case, "path") and len(str(case.path_parameters.get("id", ""))) % 2:
        case.path_parameters["id"] = ids[kind]
    excluded: list[CheckFunction] = [positive_data_acceptance]  # no schema says which passwords everybody uses
    if is_negative(case, "header"):
        excluded.append(negative_data_rejection)  # the header that was made wrong may be the one put right here
    case.call_and_validate(
        base_url=server.url,
        headers={"Authorization": f"Bearer {signed_in.access_token}"},
        timeout=30,
        excluded_checks=excluded,
    )


def is_negative(case: schemathesis.Case[Any], part: str) -> bool:
    """Return whether that part of a request was made wrong on purpose."""
    components = case.meta.components if case.meta is not None else {}
    return any(where.value == part and info.mode.is_negative for where, info in components.items())
