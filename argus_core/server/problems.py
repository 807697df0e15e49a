"""Errors as problem+json (RFC 9457), with our fields beside the standard ones."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from argus_core.errors import ArgusError, InvalidInput, NotFound
from argus_core.wire import encode, http_status, to_json

MEDIA_TYPE = "application/problem+json"
BUSY_RETRY_S = 2
_log = logging.getLogger(__name__)
_TITLES = {404: "Not found", 405: "That method is not offered here"}


class Problem(Response):
    """The answer that says why there is no other one."""

    media_type = MEDIA_TYPE

    def __init__(self, error: ArgusError, request_id: str, *, status: int | None = None) -> None:
        status = status or http_status(error)
        super().__init__(to_json(body(error, status, request_id)), status_code=status)
        if status in (429, 503):
            wait_s = error.retry_after_s if error.retry_after_s is not None else BUSY_RETRY_S
            self.headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"


def body(error: ArgusError, status: int, request_id: str) -> dict[str, Any]:
    """Return the problem of an error as a JSON object."""
    return {
        "type": f"urn:argus:problem:{error.code}",
        "status": status,
        "detail": str(error),
        "request_id": request_id,
        **encode(error.problem()),
    }


def request_id_of(request: Request) -> str:
    """Return the id that logs and errors of this request share."""
    return str(request.scope.get("state", {}).get("request_id", ""))


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Answer every error as a problem.

    Args:
        app: The application.
        routes: All that it has.
    """

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, ArgusError)
        return Problem(error, request_id_of(request))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return Problem(
            InvalidInput(_first_fault(error), title="The request is not as it should be"), request_id_of(request)
        )

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error.__cause__, ArgusError):  # raised while a body was read, and wrapped by FastAPI
            return Problem(error.__cause__, request_id_of(request))
        wrong: ArgusError = NotFound("There is nothing at this address.")
        if error.status_code != 404:
            title = _TITLES.get(error.status_code, "The request is not as it should be")
            wrong = InvalidInput("See /api/v1/openapi.json for what is.", title=title)
        answer = Problem(wrong, request_id_of(request), status=error.status_code)
        answer.headers.update(error.headers or {})
        if error.status_code == 405:
            answer.headers["Allow"] = ", ".join(_methods(routes, request.scope))
        return answer

    async def left(request: Request, error: Exception) -> Response:
        return Response(status_code=400)  # nobody reads it: they left before all of the body had come

    async def bug(request: Request, error: Exception) -> Response:
        _log.error("bug", exc_info=error, extra={"request_id": request_id_of(request)})
        words = ArgusError("It is written in the server's log under this request id.", title="This is a bug in Argus")
        return Problem(words, request_id_of(request))

    app.add_exception_handler(Exception, bug)
    app.add_exception_handler(ArgusError, ours)
    app.add_exception_handler(ClientDisconnect, left)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """Return every method that is offered at an address: each has a route of its own."""
    here = [route for route in routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE]
    return sorted({method for route in here if route.path == here[0].path for method in route.methods or ()})


def _first_fault(error: RequestValidationError) -> str:
    """Name the first field that is wrong; what was sent is not repeated."""
    first = error.errors()[0] if error.errors() else {}
    where = ".".join(str(part) for part in first.get("loc", ())[1:] if isinstance(part, str | int))
    what = str(first.get("msg", "it cannot be read")).removeprefix("Value error, ").rstrip(".")
    return f"`{where}`: {what}." if where else f"{what}."
