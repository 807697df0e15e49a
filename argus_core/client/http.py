"""`ChatClient` over the network: the mirror of the server (docs/http-api.md)."""

from __future__ import annotations

import platform
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

from argus_core.client.base import Connection
from argus_core.client.http_account import AccountStream
from argus_core.client.http_address import checked_address
from argus_core.client.http_line import Ask, Clock, Line, nonsense, parse
from argus_core.client.http_roles import (
    HttpAccount,
    HttpAdmin,
    HttpAttachments,
    HttpConversations,
    HttpGenerations,
    HttpMessages,
    HttpModels,
    HttpSearch,
)
from argus_core.client.http_session import Api, Tokens
from argus_core.credentials import KeptSession
from argus_core.errors import ConfigError
from argus_core.ids import new_id
from argus_core.settings import Settings, config_path

if TYPE_CHECKING:
    import httpx2

DRAIN_POLL_S = 0.1


class HttpClient:
    """Everything one user may ask of a server.

    Args:
        address: Of the server.
        kept: The sign-in there.
        allow_http: Speak unencrypted to another machine.
        connect_timeout_s: How long to wait for a connection.
        transport: Carries the requests instead of the network; for tests.
        clock: How time passes.

    Raises:
        ConfigError: The address, or a proxy of the environment, cannot be used.
    """

    def __init__(
        self,
        address: str,
        kept: KeptSession,
        *,
        allow_http: bool = False,
        connect_timeout_s: float = 10.0,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        address = checked_address(address, allow_http=allow_http)
        self._line = Line(address, connect_timeout_s=connect_timeout_s, transport=transport, clock=clock)
        self._tokens = Tokens(self._line, kept)
        self._api = api = Api(self._line, self._tokens)
        self._stream = AccountStream(api, new_id())
        self.account = HttpAccount(api, self._stream)
        self.admin = HttpAdmin(api)
        self.conversations = HttpConversations(api, self._stream)
        self.messages = HttpMessages(api)
        self.generations = HttpGenerations(api)
        self.attachments = HttpAttachments(api)
        self.models = HttpModels(api)
        self.search = HttpSearch(api)

    @property
    def place(self) -> str:
        """The server, as people call it."""
        return self._line.place

    async def open(self) -> None:
        """Take up the sign-in that is kept; one request.

        Raises:
            NotAuthenticated: Nobody is signed in here, or not any more.
            ServerUnreachable: The server does not answer, or is none.
            ConfigError: What is kept may be read by others, or cannot be replaced.
        """
        await self._tokens.access_token()

    def connections(self) -> AsyncGenerator[Connection, None]:
        """Yield how the line is now, then each change."""
        return self._stream.connections()

    async def diagnose(self) -> Mapping[str, str]:
        """Return what `argus doctor` prints about the server."""
        found = parse(self.place, await self._api.fetch(Ask(method="GET", path="/diagnosis", repeatable=True)))
        return _texts(self.place, found)

    async def drain(self, timeout_s: float) -> bool:
        """Wait until no answer runs that this client asked for. The server goes on with them in any case."""
        clock = self._api.clock
        until = clock.now() + timeout_s
        asked_in = self.generations.asked_in
        while asked_in and any(one.conversation_id in asked_in for one in await self.generations.running()):
            if clock.now() >= until:
                return False
            await clock.sleep(min(DRAIN_POLL_S, max(0.0, until - clock.now())))
        return True

    async def close(self) -> None:
        """Let go of the lines; answers go on at the server."""
        await self._stream.close()
        await self.generations.close()
        await self._tokens.close()
        await self._line.close()


async def open_http(settings: Settings) -> HttpClient:
    """Return the client of the server that the settings name, open; whoever opens it closes it.

    Raises:
        NotAuthenticated: Nobody is signed in there from here.
        ServerUnreachable: The server does not answer, or is none.
        ConfigError: A setting cannot work.
    """
    client = http_client(settings)
    try:
        await client.open()
    except BaseException:
        await client.close()
        raise
    return client


def http_client(settings: Settings) -> HttpClient:
    """Return the client of the server that the settings name; it takes up the sign-in at its first request.

    Raises:
        ConfigError: A setting cannot work.
    """
    return HttpClient(
        server_address(settings),
        kept_session(settings),
        allow_http=settings.allow_http,
        connect_timeout_s=settings.connect_timeout_s,
    )


def server_address(settings: Settings) -> str:
    """Return the checked address of the server that the settings name, or raise `ConfigError`."""
    if settings.server is None:
        raise ConfigError("Name a server with --server or ARGUS_SERVER.")
    return checked_address(settings.server, allow_http=settings.allow_http)


def kept_session(settings: Settings) -> KeptSession:
    """Return where the sign-in at the server that the settings name is kept."""
    return KeptSession(config_path(settings), server_address(settings), settings.keyring)


def client_name() -> str:
    """Return what this client calls itself, such as `argus on laptop`."""
    return f"argus on {platform.node() or 'a computer'}"[:80]


def _texts(place: str, found: Any) -> dict[str, str]:
    if type(found) is not dict or not all(type(value) is str for value in found.values()):
        raise nonsense(place)
    return found
