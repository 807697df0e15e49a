"""The log of one fault of ours: its traceback, in a file that only the user can read."""

from __future__ import annotations

import os
import traceback
from datetime import datetime
from itertools import count
from pathlib import Path

_numbers = count(1)


def write_bug_log(data_dir: Path, error: BaseException) -> Path:
    """Write the traceback into a new file of `logs` in the data folder and return its path.

    Raises:
        OSError: It cannot be written.
    """
    folder = data_dir / "logs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = "".join(traceback.format_exception(error))
    path = folder / f"bug-{datetime.now().astimezone():%Y%m%d-%H%M%S}-{os.getpid()}-{next(_numbers)}.log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path
