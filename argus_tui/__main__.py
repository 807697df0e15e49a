"""Where `argus` starts: the program itself without loading the command line, everything else through it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

APP_OPTIONS = {"--data-dir": "data_dir", "--config-dir": "config_dir", "--server": "server"}
"""Options that `argus` takes without a command, and the settings they are."""

COMPLETION = "_ARGUS_COMPLETE"
"""A shell that wants to complete a command line sets this, and gives no arguments."""


def main() -> int:
    """Run `argus` with the arguments of the process and return the exit code."""
    from argus_tui.cli import failures, streams

    streams.stand_in_for_closed()
    failures.catch_bugs(_default_data_dir)
    for stream in (sys.stdout, sys.stderr):
        streams.be_lenient(stream)
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = failures.INTERRUPTED
    return failures.finish_output() or code


def app_overrides(arguments: Sequence[str]) -> dict[str, str] | None:
    """Return the settings that the arguments give when they ask for the app, None when they ask for something else."""
    overrides: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        option, has_value, value = rest.pop(0).partition("=")
        if option not in APP_OPTIONS or not (has_value or rest):
            return None
        overrides[APP_OPTIONS[option]] = value if has_value else rest.pop(0)
    return overrides


def _run(arguments: Sequence[str]) -> int:
    overrides = app_overrides(arguments)
    if overrides is None or COMPLETION in os.environ:
        from argus_tui.cli.app import run_command

        return run_command(arguments)
    return _show_app(overrides)


def _show_app(overrides: dict[str, str]) -> int:
    from argus_core.errors import ArgusError
    from argus_tui.cli import failures
    from argus_tui.cli.session import load
    from argus_tui.cli.terminal import can_show_app

    if not can_show_app():
        failures.complain("This needs a terminal; in a script use `argus ask TEXT`, and see `argus --help`.")
        return failures.USAGE
    try:
        settings = load(overrides).settings
        from argus_tui.launch import run

        return run(settings)
    except ArgusError as error:
        return failures.fail(error)


def _default_data_dir() -> Path:
    from argus_core.settings import Settings, data_dir

    return data_dir(Settings())


if __name__ == "__main__":
    sys.exit(main())
