"""What endpoints get handed: the context, whoever asks, and their client."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from argus_core.auth.service import Identity
from argus_core.auth.throttle import network_of
from argus_core.client.local import LocalClient
from argus_core.errors import InvalidInput, ServerUnreachable
from argus_core.server.context import ServerContext


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


async def _count_address(request: Request, context: Context) -> None:
    """Count a dear request for the network it comes from; a process that is about to end takes none."""
    if context.draining.is_set():
        raise ServerUnreachable("Send it again.", title="This server is about to restart", retry_after_s=1)
    network = network_of(address_of(request))
    await context.services.limits.take_for_address(network, context.address_requests_per_minute)


CountsForAddress = Depends(_count_address)
