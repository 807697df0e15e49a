"""The entrance of a server: signing in and up, keeping what that gives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast, get_args

from argus_core.client.http import client_name, kept_session, server_address
from argus_core.client.http_address import checked_address, place_of
from argus_core.client.http_line import Ask, Clock, Line, nonsense, parse, read
from argus_core.credentials import KeptSession
from argus_core.domain import SignedIn, SignUpPolicy, User
from argus_core.errors import BadCredentials, NotAuthenticated
from argus_core.settings import Settings

if TYPE_CHECKING:
    import httpx2


class HttpEntrance:
    """Role `Entrance` of a server; holds no connection between two calls.

    Args:
        address: Of the server.
        kept: Where the sign-in there is kept.
        name: What this client calls itself.
        allow_http: Speak unencrypted to another machine.
        connect_timeout_s: How long to wait for a connection.
        transport: Carries the requests instead of the network; for tests.
        clock: How time passes.

    Raises:
        ConfigError: The address cannot be used.
    """

    def __init__(
        self,
        address: str,
        kept: KeptSession,
        *,
        name: str,
        allow_http: bool = False,
        connect_timeout_s: float = 10.0,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._address = checked_address(address, allow_http=allow_http)
        self._kept = kept
        self._name = name
        self._connect_timeout_s = connect_timeout_s
        self._transport = transport
        self._clock = clock
        self.kept_in = ""
        """Where the last sign-in was kept, in words: `your keyring` or a path; empty before."""

    @property
    def place(self) -> str:
        """The server, as people call it."""
        return place_of(self._address)

    async def policy(self) -> SignUpPolicy:
        """Return who may make an account.

        Raises:
            ServerUnreachable: The server does not answer, or is none.
        """
        async with self._line() as line:
            found = parse(self.place, await _fetch(line, Ask(method="GET", path="/server", repeatable=True)))
        policy = found.get("signup") if type(found) is dict and found.get("name") == "argus" else None
        if policy not in get_args(SignUpPolicy):
            raise nonsense(self.place)
        return cast(SignUpPolicy, policy)

    async def sign_in(self, email: str, password: str) -> User:
        """Sign in and keep it."""
        return await self._enter("/auth/login", {"email": email, "password": password})

    async def sign_up(self, name: str, email: str, password: str, *, invite: str = "") -> User:
        """Make an account, or set the password of the one a reset code is for, sign in and keep it."""
        body = {"name": name, "email": email, "password": password}
        return await self._enter("/auth/signup", body | ({"invite": invite} if invite else {}))

    async def _enter(self, path: str, body: dict[str, Any]) -> User:
        kept = await asyncio.to_thread(self._kept.find)
        body |= {"client": self._name}
        if kept is not None and kept.device_token:
            body["device_token"] = kept.device_token
        async with self._line() as line:
            signed_in = read(SignedIn, self.place, await _fetch(line, Ask(method="POST", path=path, body=body)))
        async with self._kept.alone():
            self.kept_in = await asyncio.to_thread(self._kept.keep, signed_in)
        return signed_in.user

    @asynccontextmanager
    async def _line(self) -> AsyncGenerator[Line, None]:
        line = Line(
            self._address, connect_timeout_s=self._connect_timeout_s, transport=self._transport, clock=self._clock
        )
        try:
            yield line
        finally:
            await line.close()


async def _fetch(line: Line, ask: Ask) -> bytes:
    """Send a request that takes no sign-in: who asks for one all the same is not at that address."""
    try:
        return await line.fetch(ask)
    except BadCredentials:
        raise
    except NotAuthenticated as error:
        raise nonsense(line.place) from error


def http_entrance(settings: Settings) -> HttpEntrance:
    """Return the entrance of the server that the settings name.

    Raises:
        ConfigError: A setting cannot work.
    """
    return HttpEntrance(
        server_address(settings),
        kept_session(settings),
        name=client_name(),
        allow_http=settings.allow_http,
        connect_timeout_s=settings.connect_timeout_s,
    )
