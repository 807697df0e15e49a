"""Sentry and OpenTelemetry, where their extras are installed and a setting asks for them."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from argus_core.errors import ConfigError
from argus_core.settings import Secret

_DROPPED = ("request", "user", "breadcrumbs", "extra")
"""What of a report may hold text or tokens of somebody."""


def start_sentry(dsn: Secret, release: str) -> None:
    """Report bugs to Sentry, without local variables, requests and users.

    Raises:
        ConfigError: The extra is not installed, or the address cannot work.
    """
    try:
        import sentry_sdk
    except ImportError as error:
        raise ConfigError("ARGUS_SENTRY_DSN is set; install Sentry: pip install 'argus-tui[sentry]'") from error
    try:
        sentry_sdk.init(
            dsn=dsn.value,
            release=f"argus@{release}",
            include_local_variables=False,
            max_breadcrumbs=0,
            before_send=without_people,
        )
    except ValueError as error:
        raise ConfigError("ARGUS_SENTRY_DSN is not an address that Sentry gives out.") from error


def without_people(event: Any, _hint: Any) -> Any:
    """Return a report without what may be somebody's: requests, users, values of errors."""
    for name in _DROPPED:
        event.pop(name, None)
    for exception in (event.get("exception") or {}).get("values", ()):
        exception["value"] = ""  # an error may quote what it was given
    return event


def traced(app: ASGIApp, release: str) -> ASGIApp:
    """Return the application with a span for each request, sent as the OTEL_ variables say.

    Raises:
        ConfigError: The extra is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError("ARGUS_TELEMETRY is set; install it: pip install 'argus-tui[telemetry]'") from error
    provider = TracerProvider(resource=Resource.create({"service.name": "argus", "service.version": release}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traced(app, provider.get_tracer("argus"))


class Traced:
    """A span for each request: method, route and status, no address and no user."""

    def __init__(self, app: ASGIApp, tracer: Any) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with self._tracer.start_as_current_span("request") as span:

            async def noted(message: Any) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.request.method", scope["method"])
                    span.set_attribute("http.response.status_code", message["status"])
                    route = getattr(scope.get("route"), "path", "none")
                    span.set_attribute("http.route", route)
                    span.update_name(f"{scope['method']} {route}")
                await send(message)

            await self._app(scope, receive, noted)
