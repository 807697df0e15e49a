"""A server that does what a test says, over a transport without a network; and time that passes when told."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from argus_core.client.http import HttpClient
from argus_core.client.http_line import Clock
from argus_core.credentials import KeptSession
from argus_core.domain import SignedIn, User
from argus_core.errors import ArgusError
from argus_core.wire import encode, http_status
from tests.support.builders import NOON

ADDRESS = "https://argus.example.org"
ME = User(id="1" * 32, name="Sara", email="sara@example.org", created_at=NOON)
Answer = httpx2.Response | Exception
Act = Answer | Callable[[httpx2.Request], "Answer | Awaitable[Answer]"]


class ManualClock:
    """Time that stands still except while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    @property
    def clock(self) -> Clock:
        return Clock(now=self.now, sleep=self.sleep)


@dataclass(slots=True)
class Body(httpx2.AsyncByteStream):
    """Pieces of an answer, then perhaps an error; `hold` keeps it open at the end."""

    pieces: Sequence[bytes]
    error: Exception | None = None
    hold: asyncio.Event | None = None
    drip: bytes = b""
    """Sent again and again behind the pieces, every few milliseconds, until the client goes away."""
    closed: bool = field(default=False, init=False)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
            await asyncio.sleep(0)
        while self.drip:
            yield self.drip
            await asyncio.sleep(0.005)
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error

    async def aclose(self) -> None:
        self.closed = True


def stream(*pieces: bytes, error: Exception | None = None, hold: asyncio.Event | None = None) -> httpx2.Response:
    """A stream of server-sent events."""
    return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, stream=Body(pieces, error, hold))


def reply(value: Any, status: int = 200) -> httpx2.Response:
    """A JSON answer; values of the domain are encoded."""
    data = value if isinstance(value, dict | list) else encode(value)
    return httpx2.Response(status, content=json.dumps(data).encode(), headers={"Content-Type": "application/json"})


def refusal(error: ArgusError, *, retry_after: str | None = None) -> httpx2.Response:
    """A problem+json answer."""
    more = {"Retry-After": retry_after} if retry_after is not None else {}
    return httpx2.Response(
        http_status(error),
        content=json.dumps({"type": "about:blank", "status": 0, "detail": "", **encode(error.problem())}).encode(),
        headers={"Content-Type": "application/problem+json", **more},
    )


def frame(event: str, data: Any, n: int | None = None) -> bytes:
    """One server-sent event."""
    head = f"id: {n}\n" if n is not None else ""
    return f"{head}event: {event}\ndata: {json.dumps(data)}\n\n".encode()


class ScriptedServer(httpx2.AsyncBaseTransport):
    """Answers each request with the next act of its script; the last one goes on for ever."""

    def __init__(self) -> None:
        self.requests: list[httpx2.Request] = []
        self.refreshes = 0
        self._scripts: dict[str, list[Act]] = defaultdict(list)
        self.on("POST /auth/refresh", self._refresh)

    def on(self, request: str, *acts: Act) -> None:
        """Set what is answered to a request such as `GET /account`."""
        self._scripts[request] = list(acts)

    def sent(self, request: str) -> list[httpx2.Request]:
        """Return the requests of that kind that came."""
        return [one for one in self.requests if _name(one) == request]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.requests.append(request)
        await asyncio.sleep(0)
        script = self._scripts[_name(request)]
        if not script:
            raise AssertionError(f"nobody expects {_name(request)}")
        act = script.pop(0) if len(script) > 1 else script[0]
        answer: Any = act(request) if callable(act) else act
        if isinstance(answer, Awaitable):
            answer = await answer
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx2.Response)
        # An answer may be given again: its body, once read, is fresh each time.
        return httpx2.Response(answer.status_code, headers=answer.headers, stream=_body(answer))

    def _refresh(self, request: httpx2.Request) -> httpx2.Response:
        self.refreshes += 1
        return reply(signed_in(self.refreshes))


def _name(request: httpx2.Request) -> str:
    return f"{request.method} {request.url.path.removeprefix('/api/v1')}"


def _body(answer: httpx2.Response) -> httpx2.AsyncByteStream:
    if isinstance(answer.stream, httpx2.ByteStream):
        return Body([answer.content])
    assert isinstance(answer.stream, httpx2.AsyncByteStream)
    return answer.stream


def signed_in(number: int = 1, *, expires_in_s: int = 600) -> SignedIn:
    """What the server gives at the sign-in and each refresh."""
    return SignedIn(
        user=ME,
        session_id="s" * 32,
        access_token=f"access-{number}",
        refresh_token=f"refresh-{number}",
        device_token="device",
        expires_in_s=expires_in_s,
    )


def kept_in(folder: Path, *, is_signed_in: bool = True) -> KeptSession:
    """A sign-in that is kept in a file."""
    kept = KeptSession(folder, ADDRESS, use_keyring=False)
    if is_signed_in:
        kept.keep(signed_in(0))
    return kept


def client_of(server: ScriptedServer, folder: Path, clock: ManualClock | None = None) -> HttpClient:
    """A client of the server, signed in."""
    return HttpClient(ADDRESS, kept_in(folder), transport=server, clock=(clock or ManualClock()).clock)


async def until(is_so: Callable[[], bool]) -> None:
    """Let others work until it is so."""
    async with asyncio.timeout(20):
        while True:
            if is_so():
                return
            await asyncio.sleep(0)


async def taken(source: AsyncGenerator[Any, None], count: int) -> list[Any]:
    """Return the next `count` values."""
    async with asyncio.timeout(20):
        return [await anext(source) for _ in range(count)]
