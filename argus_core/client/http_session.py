"""Who is signed in at a server: the tokens, refreshed once for all who wait, and requests that carry them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from argus_core.client.http_line import Ask, Line, OpenStream, nonsense, parse, read
from argus_core.credentials import KeptSession, KeptSignIn
from argus_core.domain import SignedIn
from argus_core.errors import BadCredentials, InvalidInput, NotAuthenticated, ServerUnreachable
from argus_core.sse import ServerEvent
from argus_core.wire import decode

T = TypeVar("T")
EARLY_S = 30.0
"""So long before its end an access token is replaced."""
_SIGN_IN = "Sign in again: argus login"


class Tokens:
    """The access token of one sign-in.

    Programs that share what is kept take turns: whoever refreshes reads first what is kept now, and keeps what it got
    before anybody uses it. So a refresh token is never sent by two of them, which would end the session.
    """

    def __init__(self, line: Line, kept: KeptSession) -> None:
        self._line = line
        self._kept = kept
        self._signed_in: SignedIn | None = None
        self._good_until = 0.0
        self._refreshing: asyncio.Task[str] | None = None
        self._is_over = False

    async def access_token(self, *, refused: str | None = None) -> str:
        """Return one that is good for a while, another than the one that was refused.

        Raises:
            NotAuthenticated: Nobody is signed in here any more.
            ServerUnreachable: It had to be refreshed, and the server does not answer.
        """
        if self._is_over:
            raise _signed_out()
        now = self._line.clock.now()
        if self._signed_in is not None and now < self._good_until and self._signed_in.access_token != refused:
            return self._signed_in.access_token
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh(), name="refresh")
            self._refreshing.add_done_callback(_look_at)
        # Shielded: when the one who waits goes away, what the server gave must be kept all the same.
        return await asyncio.shield(self._refreshing)

    async def forget(self) -> bool:
        """Nobody is signed in here from now on; a sign-in that somebody else kept since stays.

        Returns:
            Whether anybody was.

        Raises:
            ConfigError: What is kept could not be removed.
        """
        self._is_over = True
        async with self._kept.alone():
            kept = await asyncio.to_thread(self._kept.find)
            if kept is not None and (self._signed_in is None or kept.session_id == self._signed_in.session_id):
                await asyncio.to_thread(self._kept.forget)
            return kept is not None or self._signed_in is not None

    async def close(self) -> None:
        """Let a refresh that is under way keep what it gets."""
        if self._refreshing is not None:
            await asyncio.wait([self._refreshing])

    async def _refresh(self) -> str:
        async with self._kept.alone():
            refresh_token = await self._refresh_token()
            ask = Ask(method="POST", path="/auth/refresh", body={"refresh_token": refresh_token}, repeatable=True)
            asked_at = self._line.clock.now()
            try:
                body = await self._line.fetch(ask)
            except NotAuthenticated as error:
                raise NotAuthenticated(_SIGN_IN, title=error.title) from error
            signed_in = read(SignedIn, self._line.place, body)
            await asyncio.to_thread(self._kept.keep, signed_in)
        self._signed_in = signed_in
        self._good_until = asked_at + signed_in.expires_in_s - min(EARLY_S, signed_in.expires_in_s / 4)
        return signed_in.access_token

    async def _refresh_token(self) -> str:
        """Return what is kept now; another program may have refreshed or signed out meanwhile."""
        kept: KeptSignIn | None = await asyncio.to_thread(self._kept.find)
        if kept is None and self._signed_in is not None and self._kept.is_kept():
            return self._signed_in.refresh_token  # the keyring is locked now
        if kept is None or not kept.refresh_token:
            raise _signed_out()
        return kept.refresh_token


class Api:
    """Requests of who is signed in."""

    def __init__(self, line: Line, tokens: Tokens) -> None:
        self._line = line
        self._tokens = tokens
        self.place = line.place
        self.clock = line.clock

    async def fetch(self, ask: Ask) -> bytes:
        """Send a request and return the body of the answer; a token that is refused is replaced once."""
        return await self._with_token(lambda access_token: self._line.fetch(ask, access_token))

    async def begin(self, ask: Ask) -> bytes | OpenStream:
        """Send a request that may be answered by a stream, see `Line.begin`."""
        return await self._with_token(lambda access_token: self._line.begin(ask, access_token))

    async def _with_token(self, send: Callable[[str], Awaitable[T]]) -> T:
        access_token = await self._tokens.access_token()
        try:
            return await send(access_token)
        except BadCredentials:
            raise
        except NotAuthenticated:
            return await send(await self._tokens.access_token(refused=access_token))

    async def get(self, cls: type[T], path: str, **params: str | int | None) -> T:
        """Return the value at `path`; parameters that are None are left out."""
        given = {name: value for name, value in params.items() if value is not None}
        return self.read(cls, await self.fetch(Ask(method="GET", path=path, params=given, repeatable=True)))

    async def items(self, cls: type[T], path: str, **params: str | int | None) -> list[T]:
        """Return the values in the list at `path`."""
        given = {name: value for name, value in params.items() if value is not None}
        body = await self.fetch(Ask(method="GET", path=path, params=given, repeatable=True))
        return self.items_in(cls, body)

    async def send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool = True
    ) -> bytes:
        """Send a change and return the body of the answer."""
        return await self.fetch(Ask(method=method, path=path, body=body, repeatable=repeatable))

    async def change(
        self, cls: type[T], method: str, path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool = True
    ) -> T:
        """Send a change and return the value in the answer."""
        return self.read(cls, await self.send(method, path, body, repeatable=repeatable))

    def items_in(self, cls: type[T], body: bytes) -> list[T]:
        """Return the values in an answer `{"items": […]}`."""
        found = self.part(body, "items", list)
        if cls is str:
            return [one for one in found if type(one) is str]  # type: ignore[misc]
        try:
            return [decode(cls, one) for one in found]
        except InvalidInput as error:
            raise nonsense(self.place) from error

    def read(self, cls: type[T], body: bytes) -> T:
        """Return the value that an answer is."""
        return read(cls, self.place, body)

    def text_or_none(self, body: bytes, name: str) -> str | None:
        """Return the text that stands under `name` in an answer; None when that is null."""
        data = parse(self.place, body)
        if type(data) is dict and data.get(name, "") is None:
            return None
        return self.part(body, name, str)

    def part(self, body: bytes, name: str, cls: type[T]) -> T:
        """Return what stands under `name` in an answer."""
        data = parse(self.place, body)
        value = data.get(name) if type(data) is dict else None
        if type(value) is not cls:
            raise nonsense(self.place)
        return value

    @asynccontextmanager
    async def stream(
        self, path: str, *, last_event_id: int | None = None, **params: str | int
    ) -> AsyncGenerator[AsyncGenerator[ServerEvent, None], None]:
        """Open a stream, see `Line.stream`."""
        async with AsyncExitStack() as stack:
            access_token = await self._tokens.access_token()
            try:
                opened = self._line.stream(path, access_token, params=params, last_event_id=last_event_id)
                frames = await stack.enter_async_context(opened)
            except NotAuthenticated:
                access_token = await self._tokens.access_token(refused=access_token)
                opened = self._line.stream(path, access_token, params=params, last_event_id=last_event_id)
                frames = await stack.enter_async_context(opened)
            yield frames

    async def sign_out(self, *, everywhere: bool) -> None:
        """End the session at the server and forget it here, the latter in any case.

        Raises:
            NotAuthenticated: Nobody was signed in here; a session that had ended already is as good as one ended now.
        """
        refused: NotAuthenticated | None = None
        try:
            await self.send("POST", "/auth/logout", {"everywhere": True} if everywhere else {}, repeatable=False)
        except NotAuthenticated as error:
            refused = error
        except ServerUnreachable as error:
            hint = f"You are signed out here, but {self.place} did not hear of it; end the session from another client."
            raise ServerUnreachable(hint) from error
        finally:
            was_in = await self._tokens.forget()
        if refused is not None and not was_in:
            raise refused


def _signed_out() -> NotAuthenticated:
    return NotAuthenticated("Sign in: argus login")


def _look_at(task: asyncio.Task[str]) -> None:
    """Take note of an error that perhaps nobody waits for any more."""
    if not task.cancelled():
        task.exception()
