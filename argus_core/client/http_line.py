"""The line to an Argus server: requests and their answers, errors as our classes, and patience with a broken line."""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, TypeVar

import httpx2

from argus_core import wire
from argus_core.client.http_address import API, place_of
from argus_core.domain import Problem
from argus_core.errors import (
    ArgusError,
    InvalidInput,
    LimitReached,
    ServerUnreachable,
    StorageUnavailable,
    from_problem,
)
from argus_core.network import transport_to, trusted
from argus_core.sse import EventParser, ServerEvent, TooLong

T = TypeVar("T")
RETRY_S = 10.0
"""How long a request that may be repeated is tried again."""
FIRST_RETRY_S = 3.0
"""The same before the server has answered once: a wrong address should be told soon."""
DEAD_S = 30.0
"""A stream without an event or a whole heartbeat for so long, three of them, is dead."""
SLOWEST_BYTES_S = 4096
"""What goes there or comes from there more slowly is not waited for: beside the time the server may think."""
IDLE_S = 55.0
"""How long a connection is kept for the next request; servers and proxies keep it a minute or more."""
MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_EVENT_BYTES = 32 * 1024 * 1024
"""An answer that goes on from another begins with all of its text in one event."""
_NOT_OURS = "That is not an Argus server"
_EVENT_STREAM = "text/event-stream"
_STREAM_HEADERS = {"Accept": _EVENT_STREAM, "Accept-Encoding": "identity", "Cache-Control": "no-store"}


class Cut(Exception):
    """A stream that was open has broken off.

    Args:
        silent: Nothing had come for so long that the line must be dead.
    """

    def __init__(self, *, silent: bool) -> None:
        super().__init__("the line was cut")
        self.silent = silent


@dataclass(frozen=True, slots=True)
class Clock:
    """How time passes; tests have one of their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Patience:
    """How long to wait before each next try: not at all, then 0.1 s, doubling to 5 s, each shortened by chance."""

    def __init__(self) -> None:
        self._tries = 0

    def reset(self) -> None:
        """Something went well: begin anew."""
        self._tries = 0

    def next_s(self, error: ArgusError | None = None) -> float:
        """Return the seconds until the next try, at least what `error` asks for."""
        delay_s = min(0.1 * 2 ** (self._tries - 1), 5.0) if self._tries else 0.0
        self._tries = min(self._tries + 1, 10)
        asked_s = min(error.retry_after_s or 0.0, 60.0) if error is not None else 0.0
        return max(delay_s * random.uniform(0.5, 1.0), asked_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request."""

    method: str
    path: str
    params: Mapping[str, str | int] = field(default_factory=dict)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    data: bytes | None = field(default=None, repr=False)
    """What is sent instead of a JSON body."""
    repeatable: bool = False
    """It does no harm when it arrives twice."""
    timeout_s: float = 30.0
    """How long the server may think."""


class OpenStream:
    """The answer to a request that goes on as a stream.

    Args:
        first: Its first event.
        frames: Those to come; iterating raises `Cut` when it breaks off.
        response: What they come in.
    """

    def __init__(
        self,
        first: ServerEvent,
        frames: AsyncGenerator[ServerEvent, None],
        response: httpx2.Response,
    ) -> None:
        self.first = first
        self.frames = frames
        self._response = response

    async def close(self) -> None:
        """Let go of the line; calling it twice is harmless."""
        await self.frames.aclose()
        await self._response.aclose()


class _Broken(Exception):
    """A try failed in a way that another one may mend."""

    def __init__(self, error: ArgusError, *, sent: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.sent = sent
        """It may have arrived."""


class Line:
    """Sends requests to one server.

    Args:
        address: A checked address.
        connect_timeout_s: How long to wait for a connection.
        transport: Carries the requests instead of the network; for tests.
        clock: How time passes.
    """

    def __init__(
        self,
        address: str,
        *,
        connect_timeout_s: float = 10.0,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.place = place_of(address)
        self.clock = clock or Clock()
        self._connect_timeout_s = connect_timeout_s
        self._has_answered = False
        self._http = _open_http(address, transport)

    async def fetch(self, ask: Ask, access_token: str | None = None) -> bytes:
        """Send a request and return the body of the answer.

        What broke is tried again when the request cannot have arrived, or may arrive twice.

        Raises:
            ServerUnreachable: Nobody answered, or not as an Argus server does.
            ArgusError: What the server says.
        """
        return await self._patiently(ask, lambda: self._try(ask, access_token))

    async def begin(self, ask: Ask, access_token: str) -> bytes | OpenStream:
        """Send a request that may be answered by a stream: return the stream behind its first event, or the body.

        Tried again as `fetch` does until the first event has come; it raises the same errors.
        """
        return await self._patiently(ask, lambda: self._try_to_begin(ask, access_token))

    async def _patiently(self, ask: Ask, send: Callable[[], Awaitable[T]]) -> T:
        until = self.clock.now() + (RETRY_S if self._has_answered else FIRST_RETRY_S)
        patience = Patience()
        while True:
            try:
                answer = await send()
            except _Broken as broken:
                wait_s = patience.next_s(broken.error)
                if (broken.sent and not ask.repeatable) or self.clock.now() + wait_s > until:
                    raise broken.error from broken
                await self.clock.sleep(wait_s)
            else:
                self._has_answered = True
                return answer

    @asynccontextmanager
    async def stream(
        self, path: str, access_token: str, *, params: Mapping[str, str | int], last_event_id: int | None = None
    ) -> AsyncGenerator[AsyncGenerator[ServerEvent, None], None]:
        """Open a stream of server-sent events; iterating it raises `Cut` when it breaks off.

        Raises:
            ServerUnreachable: It did not open.
            ArgusError: What the server says.
        """
        headers = dict(_STREAM_HEADERS)
        if last_event_id is not None:
            headers["Last-Event-ID"] = str(last_event_id)
        request = self._request(Ask(method="GET", path=path, params=params, timeout_s=DEAD_S), access_token, headers)
        try:
            async with asyncio.timeout(self._connect_timeout_s + DEAD_S):
                response = await self._http.send(request, stream=True)
        except TimeoutError as error:
            raise self._slow() from error
        except (httpx2.RequestError, ssl.SSLError) as error:
            raise self._broken(error).error from error
        try:
            if response.status_code != 200:
                raise self._error(response, await self._refusal(response))
            self._has_answered = True
            async with aclosing(_frames(response)) as frames:
                yield frames
        except _Broken as broken:
            raise broken.error from broken
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def _try(self, ask: Ask, access_token: str | None) -> bytes:
        request = self._request(ask, access_token, {})
        async with self._limited(ask, request) as limit:
            response = await self._http.send(request, stream=True)
            try:
                return await self._body(response, limit)
            finally:
                await response.aclose()

    async def _try_to_begin(self, ask: Ask, access_token: str) -> bytes | OpenStream:
        request = self._request(ask, access_token, _STREAM_HEADERS)
        opened: OpenStream | None = None
        async with self._limited(ask, request) as limit:
            response = await self._http.send(request, stream=True)
            try:
                if not (response.is_success and _media_type(response) == _EVENT_STREAM):
                    return await self._body(response, limit)
                frames = _frames(response)
                first = await anext(frames, None)
                if first is None:
                    raise Cut(silent=False)
                opened = OpenStream(first, frames, response)
                return opened
            finally:
                if opened is None:
                    await response.aclose()

    @asynccontextmanager
    async def _limited(self, ask: Ask, request: httpx2.Request) -> AsyncGenerator[asyncio.Timeout, None]:
        """Bound the time of an exchange as a whole, and say in a sentence how it broke."""
        limit_s = self._connect_timeout_s + ask.timeout_s + len(request.content) / SLOWEST_BYTES_S
        try:
            async with asyncio.timeout(limit_s) as limit:
                yield limit
        except TimeoutError as error:  # bytes came, but hardly any
            raise _Broken(self._slow(), sent=True) from error
        except Cut as error:
            raise _Broken(ServerUnreachable(f"The line to {self.place} broke off."), sent=True) from error
        except (httpx2.RequestError, ssl.SSLError) as error:
            raise self._broken(error) from error

    async def _body(self, response: httpx2.Response, limit: asyncio.Timeout) -> bytes:
        """Return the body of a success, or raise what another answer says."""
        body = await self._read(response, limit)
        if response.is_success:
            return body
        refusal = self._error(response, body)
        if isinstance(refusal, ServerUnreachable | StorageUnavailable) and response.status_code in (502, 503, 504):
            raise _Broken(refusal, sent=True)
        raise refusal

    def _request(self, ask: Ask, access_token: str | None, headers: Mapping[str, str]) -> httpx2.Request:
        more = dict(headers)
        content = ask.data
        if ask.body is not None:
            content = wire.to_json(ask.body).encode()
            more["Content-Type"] = "application/json"
        elif content is not None:
            more["Content-Type"] = "application/octet-stream"
        if access_token is not None:
            more["Authorization"] = f"Bearer {access_token}"
        timeout = httpx2.Timeout(ask.timeout_s, connect=self._connect_timeout_s, pool=self._connect_timeout_s)
        params = {name: _utf8(value) if isinstance(value, str) else value for name, value in ask.params.items()}
        return self._http.build_request(
            ask.method, f"{API}{ask.path}", params=params or None, content=content, headers=more, timeout=timeout
        )

    async def _refusal(self, response: httpx2.Response) -> bytes:
        try:
            async with asyncio.timeout(DEAD_S) as limit:
                return await self._read(response, limit)
        except TimeoutError as error:
            raise self._slow() from error

    def _slow(self) -> ServerUnreachable:
        return ServerUnreachable(f"{self.place} did not answer in time.")

    async def _read(self, response: httpx2.Response, limit: asyncio.Timeout) -> bytes:
        pieces, size = [], 0
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size += len(piece)
            limit.reschedule((limit.when() or 0.0) + len(piece) / SLOWEST_BYTES_S)
            if size > MAX_ANSWER_BYTES:
                raise ServerUnreachable(f"{self.place} sends without end.", title=_NOT_OURS)
        return b"".join(pieces)

    def _broken(self, error: Exception) -> _Broken:
        """Say in a sentence how the line broke."""
        unsent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout | httpx2.ProxyError)
        if _is_certificate(error):
            hint = f"The certificate of {self.place} is not valid here; look at the address and your clock."
            raise ServerUnreachable(hint) from error
        match error:
            case httpx2.ProxyError():
                hint = "The proxy that HTTPS_PROXY or ALL_PROXY names refused."
            case httpx2.ConnectError():
                hint = f"Nothing answers at {self.place}; look at the address and at your network."
            case httpx2.TimeoutException():
                return _Broken(self._slow(), sent=not unsent)
            case _:
                hint = f"The line to {self.place} broke off."
        return _Broken(ServerUnreachable(hint), sent=not unsent)

    def _error(self, response: httpx2.Response, body: bytes) -> ArgusError:
        """Return what an answer that is no success says, as one of our errors."""
        retry_after_s = _retry_after_s(response)
        problem = _problem(response, body)
        if problem is not None:
            return from_problem(replace(problem, retry_after_s=problem.retry_after_s or retry_after_s))
        status = response.status_code
        if status in (502, 503, 504):
            hint = f"{self.place} is not ready now ({status}); try again in a moment."
            return ServerUnreachable(hint, retry_after_s=retry_after_s)
        if status == 413:
            return InvalidInput(f"What stands before {self.place} does not take so much.", title="That is too large")
        if status == 429:
            return LimitReached(f"{self.place} asks to wait.", retry_after_s=retry_after_s)
        if response.is_redirect:
            hint = f"{self.place} sends us elsewhere; give the address that it leads to."
            return ServerUnreachable(hint, title="The server is somewhere else")
        return ServerUnreachable(f"{self.place} answers with {status}; look at the address.", title=_NOT_OURS)


def parse(place: str, body: bytes) -> Any:
    """Return the JSON in an answer, or raise `ServerUnreachable`: who answers so is no Argus server."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise nonsense(place) from error


def read(cls: type[T], place: str, body: bytes) -> T:
    """Return the value in an answer, or raise `ServerUnreachable`."""
    try:
        return wire.decode(cls, parse(place, body))
    except InvalidInput as error:
        raise nonsense(place) from error


def nonsense(place: str) -> ServerUnreachable:
    """Return the error for an answer that cannot be read."""
    hint = f"{place} answers what this version does not understand; look at the address, or update."
    return ServerUnreachable(hint, title=_NOT_OURS)


def problem_in(data: object) -> ArgusError | None:
    """Return the error in a problem as JSON has it; None when there is none."""
    try:
        return from_problem(wire.decode(Problem, data))
    except InvalidInput:
        return None


async def _frames(response: httpx2.Response) -> AsyncGenerator[ServerEvent, None]:
    if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "text/event-stream":
        raise Cut(silent=False)
    parser = EventParser(MAX_EVENT_BYTES)
    try:
        # It is a generator: closed here, not by chance later.
        async with aclosing(response.aiter_bytes()) as pieces:
            while (frames := await _next_frames(pieces, parser)) is not None:
                for frame in frames:
                    yield frame
    except (httpx2.RequestError, TooLong) as error:
        raise Cut(silent=isinstance(error, httpx2.ReadTimeout)) from error
    except TimeoutError as error:
        raise Cut(silent=True) from error


async def _next_frames(pieces: AsyncGenerator[bytes, None], parser: EventParser) -> list[ServerEvent] | None:
    """Return the events that come next, none for a heartbeat, None at the end.

    Raises:
        TimeoutError: Neither came for too long, whatever bytes did.
    """
    beats = parser.comments
    async with asyncio.timeout(DEAD_S):
        async for piece in pieces:
            if (found := parser.feed(piece)) or parser.comments > beats:
                return found
    return None


def _open_http(address: str, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=IDLE_S)
    return httpx2.AsyncClient(
        base_url=address,
        headers={"User-Agent": f"argus/{metadata.version('argus-tui')}"},
        follow_redirects=False,
        transport=transport or transport_to(address, trusted(), limits),
    )


def _is_certificate(error: BaseException | None) -> bool:
    """Return whether a certificate that is not accepted is behind it; trying again would not help."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _problem(response: httpx2.Response, body: bytes) -> Problem | None:
    if _media_type(response) != "application/problem+json":
        return None
    try:
        return wire.decode(Problem, json.loads(body))
    except (ValueError, RecursionError, InvalidInput):
        return None


def _media_type(response: httpx2.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _retry_after_s(response: httpx2.Response) -> float | None:
    text = response.headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
