"""Sentry and OpenTelemetry: what leaves the server says nothing of anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from argus_core.errors import ConfigError
from argus_core.providers.scripted import ScriptedProvider
from argus_core.server.app import create_app
from argus_core.server.extras import Traced, start_sentry, traced, without_people
from argus_core.settings import Secret
from tests.support.server import open_server


async def test_a_span_says_method_route_and_status_and_no_more(tmp_path: Path) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with (
        open_server(tmp_path, ScriptedProvider(), wrap=lambda app: Traced(app, provider.get_tracer("test"))) as server,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        sara = await server.sign_up("Sara")
        headers = {"Authorization": f"Bearer {sara.access_token}"}
        await http.get(f"{server.api}/search?q=secretwords", headers=headers)
        await http.get(f"{server.api}/conversations/unknownconversation", headers=headers)
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["GET /api/v1/search", "GET /api/v1/conversations/{id}"]
    assert [dict(span.attributes or {}) for span in spans] == [
        {"http.request.method": "GET", "http.response.status_code": 200, "http.route": "/api/v1/search"},
        {"http.request.method": "GET", "http.response.status_code": 404, "http.route": "/api/v1/conversations/{id}"},
    ]


def test_telemetry_wraps_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert isinstance(traced(create_app(lambda: pytest.fail("nobody opens it here")), "1"), Traced)


def test_a_report_of_a_bug_holds_no_request_user_or_words() -> None:
    event: dict[str, Any] = {
        "request": {"headers": {"authorization": "Bearer token"}, "query_string": "q=secret"},
        "user": {"id": "sara"},
        "breadcrumbs": ["secret"],
        "extra": {"body": "secret"},
        "exception": {"values": [{"type": "ValueError", "value": "secret", "stacktrace": {"frames": []}}]},
    }
    assert without_people(event, {}) == {
        "exception": {"values": [{"type": "ValueError", "value": "", "stacktrace": {"frames": []}}]}
    }


def test_an_address_that_sentry_does_not_give_out_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="ARGUS_SENTRY_DSN"):
        start_sentry(Secret("nonsense"), "1")
