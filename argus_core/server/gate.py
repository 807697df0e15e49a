"""What every request passes: a request id, who asks, how much may be sent; and every answer: headers, a log line.

It is written as plain ASGI, since wrappers that hold answers back would break the streams. Only the addresses in `OPEN`
may be asked by anybody: a new endpoint is closed until somebody opens it. Who asks is found out, and what is dear is
counted, before anything of the body is read.
"""

from __future__ import annotations

import logging
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from argus_core.auth.throttle import network_of
from argus_core.errors import ArgusError, InvalidInput, NotAuthenticated, ServerUnreachable, TokenExpired
from argus_core.ids import new_id
from argus_core.server import API
from argus_core.server.context import ServerContext
from argus_core.server.intake import LINGER_BYTES, LINGER_STRANGER_BYTES, UPLOADS, Intake, too_many_answers
from argus_core.server.problems import Problem

_SIGNING_IN = frozenset({f"{API}/auth/signup", f"{API}/auth/login"})
_STRANGERS = _SIGNING_IN | {f"{API}/server", f"{API}/auth/refresh"}
OPEN = _STRANGERS | {"/healthz", "/readyz", "/metrics"}
_DEAR = re.compile(rf"{API}/conversations/[^/]+/(questions|retry|continue)|{UPLOADS}")
"""What is counted for the network it comes from, over all processes, like signing in."""
MOST_WORDS = 16
"""Behind the `?` of an address."""
_PIECE_BYTES = 64 << 10
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
        context: ServerContext = scope["app"].state.context
        passage = _Passage(scope, receive, send, context)
        try:
            await _admit(scope, context)
            await self._app(scope, passage.receiving(), passage.send)
        except ArgusError as error:  # those that endpoints raise have been answered further in
            await Problem(error, passage.request_id)(scope, receive, passage.send)
        finally:
            passage.end()


async def _admit(scope: Scope, context: ServerContext) -> None:
    """Find out who asks, and whether they may ask so much."""
    path, network = scope["path"], network_of(scope["client"][0] if scope["client"] else "")
    per_minute = context.address_requests_per_minute
    if path in _STRANGERS:
        context.callers.count(network, per_minute)
    elif path not in OPEN:
        await _identify(scope, context, network)
    if scope["query_string"].count(b"&") >= MOST_WORDS:
        raise InvalidInput(f"At most {MOST_WORDS} words may stand behind the `?`.", title="The address is too long")
    if scope["method"] == "POST" and (path in _SIGNING_IN or _DEAR.fullmatch(path)):
        if context.draining.is_set():
            raise ServerUnreachable("Send it again.", title="This server is about to restart", retry_after_s=1)
        await context.services.limits.take_for_address(network, per_minute)


async def _identify(scope: Scope, context: ServerContext, network: str) -> None:
    try:
        scheme, _, access_token = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not access_token:
            raise NotAuthenticated("Sign in first: `argus login`.")
        scope["state"]["identity"] = await context.auth.identify(access_token.strip())
    except TokenExpired:
        raise  # every client has one now and then
    except NotAuthenticated:
        context.callers.count(network, context.address_requests_per_minute)
        raise


class _Passage:
    """One request on its way: how much of it is held, and what is said of it at the end."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, context: ServerContext) -> None:
        self.request_id = new_id()
        self._scope = scope
        self._receive = receive
        self._send = send
        self._context = context
        self._began = time.monotonic()
        self._status = 0
        self._intake = Intake(scope["path"], Headers(scope=scope))
        self._held = 0
        """Bytes of the answer that are on their way."""
        self._is_refused = False
        """The answer is dropped: the user holds too many that are not read."""
        scope.setdefault("state", {})["request_id"] = self.request_id

    def receiving(self) -> Receive:
        """Return what gives the body out, counted, or refuse it."""
        self._intake.enter(self._context.rooms, self._whose(), is_stranger=self._is_strange())
        return self._intake.counted(self._receive)

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the headers that every answer has."""
        if self._is_refused:
            return
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            if not self._hold(int(headers.get("content-length", "0"))):
                await self._refuse()
                return
            most = LINGER_STRANGER_BYTES if self._is_strange() else LINGER_BYTES
            await self._intake.linger(self._receive, self._context.rooms.lingering, self._whose(), most)
            self._start(message["status"], headers)
        elif len(message.get("body", b"")) > _PIECE_BYTES:
            await self._send_in_pieces(message["body"], message.get("more_body", False))
            return
        await self._send(message)

    async def _send_in_pieces(self, body: bytes, more: bool) -> None:
        """Send no more at a time than the connection takes."""
        for at in range(0, len(body), _PIECE_BYTES):
            end = at + _PIECE_BYTES
            piece = {"type": "http.response.body", "body": body[at:end], "more_body": more or end < len(body)}
            await self._send(piece)

    def _start(self, status: int, headers: MutableHeaders) -> None:
        self._status = status
        headers["X-Request-ID"] = self.request_id
        for name, value in _HEADERS.items():
            headers.setdefault(name, value)
        if self._scope["scheme"] == "https":
            headers["Strict-Transport-Security"] = "max-age=31536000"
        if not self._intake.is_whole:
            headers["Connection"] = "close"  # else the rest of the body would have to be taken first
        self._count(time.monotonic() - self._began)

    def _hold(self, size: int) -> bool:
        if not self._context.rooms.answers.take(self._whose(), size):
            return False
        self._held = size
        return True

    async def _refuse(self) -> None:
        problem = Problem(too_many_answers(), self.request_id)
        self._start(problem.status_code, problem.headers)
        self._is_refused = True
        await problem(self._scope, _nothing, self._send)

    def _is_strange(self) -> bool:
        return "identity" not in self._scope["state"]

    def _whose(self) -> str:
        identity = self._scope["state"].get("identity")
        if identity is not None:
            return str(identity.user.id)
        return network_of(self._scope["client"][0] if self._scope["client"] else "")

    def _count(self, seconds: float) -> None:
        metrics = self._context.metrics
        route = self._route()
        metrics.requests.labels(route, self._scope["method"], str(self._status)).inc()
        metrics.seconds.labels(route).observe(seconds)
        if self._status in (401, 403, 429):
            metrics.refused.labels(str(self._status)).inc()

    def _route(self) -> str:
        """Return the pattern of the address, never the address: ids and searches stay out of numbers and logs."""
        return getattr(self._scope.get("route"), "path", "none")

    def end(self) -> None:
        """Let go of what was held, and write the line of the log."""
        self._intake.give_back()
        self._context.rooms.answers.give_back(self._whose(), self._held)
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


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
