"""What every request passes: a request id, who asks, how much may be sent; and every answer: headers, a log line.

It is written as plain ASGI, since wrappers that hold answers back would break the streams. Only the addresses in `OPEN`
may be asked by anybody: a new endpoint is closed until somebody opens it.
"""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from argus_core.errors import ArgusError, InvalidInput, NotAuthenticated
from argus_core.ids import new_id
from argus_core.server import API
from argus_core.server.context import ServerContext
from argus_core.server.problems import Problem

OPEN = frozenset(
    {
        f"{API}/server",
        f"{API}/auth/signup",
        f"{API}/auth/login",
        f"{API}/auth/refresh",
        "/healthz",
        "/readyz",
        "/metrics",
    }
)
MAX_BODY_BYTES = 256 << 10
MAX_TEXT_BODY_BYTES = 12 << 20
"""A question or a draft: two million characters, four bytes each at the most, and some JSON."""
_LONG = ("/questions", "/draft")
UPLOADS = f"{API}/attachments"
BODY_PIECE_S = 30.0
"""A body that brings nothing for so long is given up."""
BODY_S = 600.0
"""So long a whole body may take: 20 MiB at 35 KB a second."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_log = logging.getLogger(__name__)


class Gate:
    """The one middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        passage = _Passage(scope, send)
        try:
            await self._identify(scope)
            await self._app(scope, passage.counting(receive), passage.send)
        except ArgusError as error:  # those that endpoints raise have been answered further in
            await Problem(error, passage.request_id)(scope, receive, passage.send)
        finally:
            passage.end()

    async def _identify(self, scope: Scope) -> None:
        """Find out who asks, before anything of the body is read."""
        if scope["path"] in OPEN:
            return
        scheme, _, access_token = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not access_token:
            raise NotAuthenticated("Sign in first: `argus login`.")
        context: ServerContext = scope["app"].state.context
        identity = await context.auth.identify(access_token.strip())
        scope["state"]["identity"] = identity


class _Passage:
    """One request on its way, for what is said of it at the end."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = new_id()
        self._scope = scope
        self._send = send
        self._began = time.monotonic()
        self._status = 0
        self._most_bytes = _most_bytes(scope["path"])
        self._came_bytes = 0
        self._is_whole = scope["method"] in ("GET", "HEAD", "OPTIONS")
        """All of the body has come."""
        scope.setdefault("state", {})["request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(raw=message["headers"])
            headers["X-Request-ID"] = self.request_id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if self._scope["scheme"] == "https":
                headers["Strict-Transport-Security"] = "max-age=31536000"
            if not self._is_whole:
                headers["Connection"] = "close"  # else the rest of the body would have to be taken first
            self._count(time.monotonic() - self._began)
        await self._send(message)

    def counting(self, receive: Receive) -> Receive:
        """Count a body while it comes, whatever its length was said to be; uploads are counted where they are read."""

        async def counted() -> Message:
            if self._is_whole:
                return await receive()  # only the end of the connection is left to come
            try:
                left_s = self._began + BODY_S - time.monotonic()
                message = await asyncio.wait_for(receive(), min(BODY_PIECE_S, left_s))
            except TimeoutError:
                raise InvalidInput("Send it again.", title="The request came too slowly") from None
            self._came_bytes += len(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
            if self._most_bytes is not None and self._came_bytes > self._most_bytes:
                raise InvalidInput(f"Keep it under {self._most_bytes >> 10:,} KB.", title="The request is too large")
            return message

        return counted

    def _count(self, seconds: float) -> None:
        metrics = self._scope["app"].state.context.metrics
        route = self._route()
        metrics.requests.labels(route, self._scope["method"], str(self._status)).inc()
        metrics.seconds.labels(route).observe(seconds)
        if self._status in (401, 403, 429):
            metrics.refused.labels(str(self._status)).inc()

    def _route(self) -> str:
        """Return the pattern of the address, never the address: ids and searches stay out of numbers and logs."""
        return getattr(self._scope.get("route"), "path", "none")

    def end(self) -> None:
        """Write the line of the log."""
        identity = self._scope["state"].get("identity")
        _log.info(
            "request",
            extra={
                "request_id": self.request_id,
                "user_id": identity.user.id if identity else None,
                "method": self._scope["method"],
                "route": self._route(),
                "status": self._status or 499,
                "duration_ms": round(1000 * (time.monotonic() - self._began), 1),
            },
        )


def _most_bytes(path: str) -> int | None:
    if path == UPLOADS:
        return None
    return MAX_TEXT_BODY_BYTES if path.endswith(_LONG) else MAX_BODY_BYTES
