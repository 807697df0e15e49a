"""What endpoints get handed: the context, whoever asks, and their client."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.responses import Response

from argus_core.auth.service import Identity
from argus_core.client.local import MAX_QUESTION_CHARS, LocalClient
from argus_core.errors import InvalidInput
from argus_core.server.context import ServerContext
from argus_core.server.decoder import decode
from argus_core.server.intake import too_many_answers


async def _context(request: Request) -> ServerContext:
    context: ServerContext = request.app.state.context
    return context


Context = Annotated[ServerContext, Depends(_context)]


async def _identity(request: Request) -> Identity:
    """Return who asks; the gate has found it out."""
    identity: Identity = request.state.identity
    return identity


Asker = Annotated[Identity, Depends(_identity)]


async def _client(context: Context, identity: Asker) -> LocalClient:
    return context.client_of(identity)


Client = Annotated[LocalClient, Depends(_client)]


async def _only_known_words(request: Request) -> None:
    """Refuse an address with something behind its `?` that the route does not take, as bodies with other fields are."""
    known = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    if not known.issuperset(request.query_params):
        takes = ", ".join(f"`{name}`" for name in sorted(known)) or "nothing"
        raise InvalidInput(f"It takes {takes} behind the `?`.", title="The request is not as it should be")


TakesKnownWords = Depends(_only_known_words)


def address_of(request: Request) -> str:
    """Return the address a request comes from; what a proxy says counts only where the proxy is trusted."""
    return request.client.host if request.client else ""


class _Taken(Request):
    """A request whose body is taken by the one decoder, and is not kept beside what was made of it."""

    async def body(self) -> bytes:
        """Take the body in; FastAPI is only told whether there is one."""
        self._came = bytearray()
        async for piece in self.stream():
            self._came += piece
        return b"a body" if self._came else b""

    async def json(self) -> Any:
        """Return what the body says, and let go of it."""
        came, self._came = self._came, bytearray()
        return await decode(came, MAX_QUESTION_CHARS)


class Bounded(APIRoute):
    """A route whose bodies are read by `decoder`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what handles a request."""
        handle = super().get_route_handler()

        async def handle_taken(request: Request) -> Response:
            return await handle(_Taken(request.scope, request.receive))

        return handle_taken


async def _dear(context: Context, identity: Asker) -> AsyncGenerator[None, None]:
    """Wait for a turn at what may take much memory; it is over when the answer is made, before it is sent."""
    async with context.turns.turn(identity.user.id):
        if context.rooms.answers.is_crowded(identity.user.id):
            raise too_many_answers()
        yield


Dear = Depends(_dear, scope="function")
