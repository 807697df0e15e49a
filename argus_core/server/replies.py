"""Values as answers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from starlette.responses import Response

from argus_core.wire import encode


class Json(Response):
    """A JSON answer; nobody between us and the client may keep it."""

    media_type = "application/json"

    def __init__(self, data: Any, status_code: int = 200) -> None:
        super().__init__(json.dumps(data, separators=(",", ":")), status_code)


def value(item: object, status_code: int = 200) -> Json:
    """Answer with one value of the domain."""
    return Json(encode(item), status_code)


def values(items: Iterable[object]) -> Json:
    """Answer with a list of values."""
    return Json({"items": [encode(item) for item in items]})


def nothing() -> Response:
    """Answer that it is done."""
    return Response(status_code=204)
