"""One line of JSON for each thing that happens, on stderr. No message text, no token, no address ever stands in it."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog

_OURS = ("argus_core", "uvicorn.error")
_SILENT = ("pymongo.client",)
"""Reports with a traceback what its clean-up could not do while MongoDB was away; whoever needs the store says so."""


def _traceback(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write where an error came from, without its words: they may quote what somebody wrote."""
    info = event.pop("exc_info", None)
    error = sys.exc_info()[1] if info is True else info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_places(error))
    return event


def _places(error: BaseException) -> list[str]:
    """Return the frames of an error, after those of what it came from."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    inner = [line for each in getattr(error, "exceptions", ()) for line in _places(each)]
    frames = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return [*(_places(before) if before else ()), *inner, *frames, type(error).__qualname__]


_PROCESSORS = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    _traceback,
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
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    logging.getLogger().handlers = [
        handler
    ]  # what libraries warn of; they say things that nobody should read below that


def _without_colours(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop the coloured copy that uvicorn hands along."""
    event.pop("color_message", None)
    return event
