"""One line of JSON for each thing that happens, on stderr. No message text, no token, no address ever stands in it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

_OURS = ("argus_core", "uvicorn.error")
_PROCESSORS = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.format_exc_info,
)


def start(stream: TextIO = sys.stderr) -> None:
    """Write what the core and uvicorn log to `stream`; the gate writes of each request, not uvicorn."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(_PROCESSORS),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_colours,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    for name in _OURS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)


def _without_colours(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop the coloured copy that uvicorn hands along."""
    event.pop("color_message", None)
    return event
