"""The standard streams, whatever the shell made of them: closed ones are opened on nothing, text comes decoded."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO

from argus_core.errors import InvalidInput
from argus_core.text.reading import decoded


def stand_in_for_closed() -> None:
    """Open the standard streams that the shell has closed (`>&-`) on nothing.

    Else the next file that is opened would get their number, and what is written to stdout would land in it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            nothing = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - to the end


def be_lenient(stream: TextIO | None) -> None:
    """Let a terminal without UTF-8 show `?` for what it does not have, not an error."""
    if stream is not None and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")


def is_piped() -> bool:
    """Return whether stdin is something else than a terminal."""
    return not (sys.stdin is None or sys.stdin.isatty())


def read_stdin(most_bytes: int, errors: str = "strict") -> str:
    """Return the text on stdin to its end.

    Args:
        most_bytes: More is refused.
        errors: What becomes of bytes that are no text, as `bytes.decode` takes it.

    Raises:
        InvalidInput: It is more than that, no text, or cannot be read.
    """
    try:
        data = sys.stdin.buffer.read(most_bytes + 1) if sys.stdin is not None else b""
    except OSError as error:  # a folder, a terminal that is gone
        raise InvalidInput(f"Stdin cannot be read: {error.strerror}.") from error
    if len(data) > most_bytes:
        most = f"{most_bytes // 1_000_000} MB" if most_bytes >= 1_000_000 else f"{most_bytes:,} bytes"
        raise InvalidInput(f"Keep it under {most}.", title="Too much was piped in")
    try:
        return decoded(data, errors)
    except UnicodeDecodeError as error:
        raise InvalidInput("Write it in UTF-8.", title="What was piped in is no text") from error


def tell(text: str) -> None:
    """Write on stderr, which is no result: where nobody can read it any more, nothing comes of it."""
    try:
        print(text, end="", file=sys.stderr, flush=True)
    except (OSError, ValueError):  # a pipe that is closed, a terminal that is dead, a disk that is full
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Let what is still to be written vanish, so that the interpreter's last flush is quiet."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def drop_output() -> None:
    """Let what is still to be written to stdout vanish."""
    drop(sys.stdout)
