"""The FastAPI application: the gate in front, the routes behind it, errors as problems."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.types import ASGIApp

from argus_core.server import openapi, problems
from argus_core.server.asking import TakesKnownWords
from argus_core.server.context import ServerContext
from argus_core.server.gate import Gate
from argus_core.server.routes import (
    account,
    admin,
    attachments,
    auth,
    conversations,
    diagnosis,
    generations,
    health,
    messages,
    models,
)

ROUTES = (auth, account, conversations, generations, messages, attachments, models, admin, diagnosis)
"""What stands under `/api/v1`; all of it is closed to strangers but what the gate opens."""
OpenContext = Callable[[], AbstractAsyncContextManager[ServerContext]]


class _App(FastAPI):
    def build_middleware_stack(self) -> ASGIApp:
        """Put the gate before everything, so that the answer to a bug passes it too."""
        return Gate(super().build_middleware_stack())


def create_app(open_context: OpenContext) -> FastAPI:
    """Return the application.

    Args:
        open_context: Opens what all requests share, when the server starts, and closes it when it ends.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with open_context() as context:
            app.state.context = context
            context.streams.start()
            try:
                yield
            finally:
                await context.streams.close()

    app = _App(
        title="Argus",
        version=version("argus-tui"),
        description="Chat with Google Gemini: durable answers, resumable streams.",
        lifespan=lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # it would send what people search for
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for module in ROUTES:
        app.include_router(module.router, dependencies=[TakesKnownWords])
    app.include_router(health.router)
    problems.install(app, [route for module in (*ROUTES, health) for route in module.router.routes])
    openapi.install(app)
    return app
