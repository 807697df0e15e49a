"""Where what goes wrong inside is written: into the file that the settings name, or nowhere; never on the screen."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from argus_core.errors import ConfigError

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def start(path: Path | None) -> None:
    """Send the log of the core to `path`, made with mode 0600; without one the log is dropped.

    Raises:
        ConfigError: The file cannot be written.
    """
    core = logging.getLogger("argus_core")
    core.handlers = [_to_file(path) if path else logging.NullHandler()]
    core.setLevel(logging.INFO)


def _to_file(path: Path) -> logging.Handler:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        handler = logging.FileHandler(path, encoding="utf-8", delay=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(f"ARGUS_LOG_FILE names {path}, which cannot be written: {reason}.") from error
    handler.setFormatter(logging.Formatter(FORMAT))
    return handler
