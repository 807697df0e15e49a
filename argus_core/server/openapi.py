"""The OpenAPI document: what each endpoint takes, answers and refuses, with examples."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from argus_core.errors import (
    ArgusError,
    Conflict,
    InvalidInput,
    LimitReached,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RequestRejected,
    StorageUnavailable,
    all_errors,
)
from argus_core.server.problems import MEDIA_TYPE, body
from argus_core.server.schema import Schema, Schemas

EVENT_STREAM = "text/event-stream"
_STREAM = 'id: 2\nevent: text_delta\ndata: {"type":"text_delta","text":"Under the ridge."}\n\n: beat\n\n'
SCHEMAS = Schemas()
"""Collects what the endpoints name while they are declared."""
_ERRORS: dict[int, ArgusError] = {
    400: InvalidInput("Send one JSON object.", title="The request is not as it should be"),
    401: NotAuthenticated("Sign in first: `argus login`."),
    403: PermissionDenied("Only an admin may do that; ask one of yours."),
    404: NotFound("There is no such conversation."),
    409: Conflict("Wait for it, or stop it with esc.", title="An answer is being written here"),
    422: InvalidInput("`text` is missing."),
    429: LimitReached("Try again in 12 s.", title="You are asking too fast", retry_after_s=12),
    502: RequestRejected("Gemini gave its reason."),
    503: StorageUnavailable("MongoDB does not answer, or has no primary with a majority."),
}
_ALWAYS = (400, 422, 429, 503)
_WORDS = {
    400: "The body cannot be read",
    401: "Nobody is signed in",
    403: "Not allowed",
    404: "Not there, or somebody else's",
    409: "Something else was faster",
    422: "Something in the request cannot be used",
    429: "A limit is reached",
    502: "The model's service refused",
    503: "The store, the model's service or this process is away for now",
}


def answers(schema: Schema | None, *, status: int = 200, errors: tuple[int, ...] = (), public: bool = False) -> Any:
    """Return what a route declares of its answers: the good one and the statuses of its refusals."""
    good: dict[str, Any] = {"description": "Done"}
    if schema is not None:
        good["content"] = {"application/json": {"schema": schema}}
    refusals = sorted({*_ALWAYS, *errors, *(() if public else (401,))})
    responses: dict[int | str, dict[str, Any]] = {status: good}
    responses |= {each: _refusal(each) for each in refusals}
    return {
        "status_code": status,
        "responses": responses,
        "openapi_extra": {} if public else {"security": [{"bearer": []}]},
    }


def one(cls: type, *, status: int = 200, errors: tuple[int, ...] = (), public: bool = False) -> Any:
    """Declare that a route answers with one value."""
    return answers(SCHEMAS.of(cls), status=status, errors=errors, public=public)


def many(item: Any, *, errors: tuple[int, ...] = ()) -> Any:
    """Declare that a route answers with a list of values."""
    return answers(SCHEMAS.items(item), errors=errors)


def page(item: type, *, errors: tuple[int, ...] = ()) -> Any:
    """Declare that a route answers with a page of values."""
    return answers(SCHEMAS.page(item), errors=errors)


def nothing(*, errors: tuple[int, ...] = ()) -> Any:
    """Declare that a route answers that it is done."""
    return answers(None, status=204, errors=errors)


def count() -> Any:
    """Declare that a route answers with a count."""
    return answers(fields(count={"type": "integer", "minimum": 0}))


def fields(**properties: Schema) -> Schema:
    """Return the schema of an object that has exactly these fields."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def content(media_types: tuple[str, ...], words: str, *, errors: tuple[int, ...] = (404,)) -> Any:
    """Declare that a route answers with bytes or a stream."""
    declared = answers(None, errors=errors)
    binary: Schema = {"schema": {"type": "string", "format": "binary"}}
    bodies = {each: _stream() if each == EVENT_STREAM else binary for each in media_types}
    declared["responses"][200] = {"description": words, "content": bodies}
    return declared


def or_streamed(declared: Any) -> Any:
    """Declare that a route goes on from its good answer with a stream for whoever accepts one."""
    declared["responses"][declared["status_code"]]["content"][EVENT_STREAM] = _stream()
    return declared


def _stream() -> Schema:
    return {"example": _STREAM}  # OpenAPI 3.1 has no schema for what comes piece by piece


def install(app: FastAPI) -> None:
    """Let the application describe itself so."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas |= SCHEMAS.components | {"Refusal": _refusal_schema()}
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    return document


def _refusal(status: int) -> dict[str, Any]:
    example = body(_ERRORS[status], status, "5f" * 16)
    schema = {"$ref": "#/components/schemas/Refusal"}
    answer: dict[str, Any] = {
        "description": _WORDS[status],
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer"}}}
    return answer


def _refusal_schema() -> Schema:
    text: Schema = {"type": "string"}
    return {
        "type": "object",
        "description": "Why there is no other answer (RFC 9457).",
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "code": {"type": "string", "enum": sorted(all_errors())},
            "hint": text,
            "retry_after_s": {"type": ["number", "null"]},
            "request_id": text,
        },
        "required": ["type", "title", "status", "detail", "code", "request_id"],
    }
