"""What a command asks for when it was not given: on the terminal, or with a sentence that says how to give it."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from argus_core.errors import InvalidInput
from argus_tui.cli.streams import read_stdin
from argus_tui.cli.terminal import is_terminal

MAX_LINE_BYTES = 4096
_NO_TERMINAL = "There is no terminal to ask on"


def can_ask() -> bool:
    """Return whether somebody can be asked."""
    return is_terminal(sys.stdin)


def line(given: str | None, label: str, option: str, *, default: str | None = None) -> str:
    """Return what was given, or ask for it.

    Args:
        given: What stood on the command line; None when nothing did.
        label: What it is asked with.
        option: How it is given otherwise, for the error.
        default: What an empty answer means; without one it is asked again.

    Raises:
        InvalidInput: It was not given and nobody can be asked.
    """
    if given is not None:
        return given.strip()
    if not can_ask():
        raise InvalidInput(f"Give {option}.", title=_NO_TERMINAL)
    asked: str = typer.prompt(label, default=default, show_default=bool(default), err=True)
    return asked.strip()


def passwords(labels: Sequence[str], from_stdin: bool, *, repeat_last: bool = False) -> list[str]:
    """Return one password for each label, never shown: from stdin one a line, or typed.

    Args:
        labels: What they are asked with.
        from_stdin: They are piped in.
        repeat_last: The last one is typed twice, since it is new.

    Raises:
        InvalidInput: They are not there, or were typed differently.
    """
    if from_stdin:
        return _piped_in(len(labels))
    if not can_ask():
        raise InvalidInput("Pipe it in with --password-stdin.", title=_NO_TERMINAL)
    typed = [_typed(label) for label in labels]
    if repeat_last and _typed("The same again") != typed[-1]:
        raise InvalidInput("Try again.", title="The two are not the same")
    return typed


def _piped_in(count: int) -> list[str]:
    lines = read_stdin(MAX_LINE_BYTES * count).splitlines()
    if len(lines) != count or not all(lines):
        wanted = "one line" if count == 1 else f"{count} lines, the present one first"
        raise InvalidInput(f"It takes {wanted}, in UTF-8.", title="No password was piped in")
    return lines


def _typed(label: str) -> str:
    from getpass import getpass

    typed = getpass(f"{label} (not shown): ")
    if not typed:
        raise InvalidInput("Type something.", title="A password is not empty")
    return typed
