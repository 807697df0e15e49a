"""How the program ends when something goes wrong: one sentence on stderr, and an exit code by family of error."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

from argus_core.errors import (
    ArgusError,
    ConfigError,
    InvalidInput,
    KeyMissing,
    KeyRejected,
    LimitReached,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    ProviderError,
    ServerUnreachable,
    StorageError,
)
from argus_core.text.clean import clean_line
from argus_core.text.reading import without_halves
from argus_tui.bug_log import write_bug_log
from argus_tui.cli.streams import drop_output, tell

OK = 0
FAILED = 1
USAGE = 2
INTERRUPTED = 130
LONGEST = 2000
"""Characters of a sentence at most: an argument that it shows may be a whole file."""
_OF_OUTPUT = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EBADF}

EXIT_CODES: Mapping[type[ArgusError], int] = MappingProxyType(
    {
        ArgusError: FAILED,
        InvalidInput: USAGE,
        NotFound: 3,
        NotAuthenticated: 4,
        PermissionDenied: 4,
        KeyMissing: 4,
        KeyRejected: 4,
        ProviderError: 5,
        StorageError: 6,
        ConfigError: 7,
        ServerUnreachable: 8,
        LimitReached: 9,
    }
)
"""The code of each family; an error that is not named here has the code of its nearest base (docs/cli.md)."""


def exit_code(error: ArgusError) -> int:
    """Return the exit code of the error's family."""
    return next(EXIT_CODES[cls] for cls in type(error).__mro__ if cls in EXIT_CODES)


def complain(sentence: str) -> None:
    """Write one clean line on stderr; quiet when nobody can read it any more."""
    tell(f"argus: {clean_line(without_halves(sentence), LONGEST)}\n")


def fail(error: ArgusError) -> int:
    """Say what went wrong and return the exit code."""
    complain(str(error))
    return exit_code(error)


def fail_to_write(error: OSError) -> int:
    """Say that something could not be written; a reader that has left (`| head`) and a dead terminal are no failure.

    Raises:
        OSError: It is no fault of a file or of stdout: this is a bug.
    """
    has_left = isinstance(error, BrokenPipeError) or error.errno == errno.EIO
    if not has_left and error.filename is None and error.errno not in _OF_OUTPUT:
        raise error
    drop_output()
    if has_left:
        return OK
    what = os.fsdecode(error.filename) if error.filename is not None else "the output could not be written"
    complain(f"{error.strerror or type(error).__name__}: {what}.")
    return FAILED


def finish_output() -> int:
    """Write out what is left for stdout and return the exit code of that."""
    try:
        if sys.stdout is not None and not sys.stdout.closed:
            sys.stdout.flush()
    except OSError as error:
        return fail_to_write(error)
    return OK


def catch_bugs(folder: Callable[[], Path]) -> None:
    """From now on an exception nobody expected ends in one sentence and a log, not in a traceback on the screen.

    Args:
        folder: Tells where the data is, when it is needed: logs go to `logs` in there.
    """

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        report_bug(folder, kind, error, trace)
        finish_output()

    sys.excepthook = hook


def report_bug(
    folder: Callable[[], Path], kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Write the traceback to a log of its own and say where it is."""
    if issubclass(kind, KeyboardInterrupt):
        return
    try:
        path = write_bug_log(folder(), error.with_traceback(trace))
    except (OSError, ArgusError):
        complain(f"This is a bug in Argus ({kind.__name__}), and its log could not be written.")
    else:
        complain(f"This is a bug in Argus ({kind.__name__}); please report it with the log {path}.")
