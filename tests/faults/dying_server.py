"""A server that dies at a chosen point of its work, as if the power had gone there.

`python -m tests.faults.dying_server argus_core.storage.mongo.log:_insert before 3 serve` runs `argus serve` and kills
itself with SIGKILL before the third call of that function; `after` is when the call has returned.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

Call = Callable[..., Awaitable[Any]]


def dies(call: Call, when: str, number: int) -> Call:
    """Return the coroutine function, deadly at its call of that number."""
    left = number

    @wraps(call)
    async def deadly(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = await call(*arguments, **named)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return deadly


def main() -> None:
    """Put the death in place and be `argus`."""
    from argus_tui.__main__ import main as argus

    place, when, number, *rest = sys.argv[1:]
    module_name, _, path = place.partition(":")
    holder = importlib.import_module(module_name)
    *way, name = path.split(".")
    for each in way:
        holder = getattr(holder, each)
    setattr(holder, name, dies(getattr(holder, name), when, int(number)))
    sys.argv = ["argus", *rest]
    argus()


if __name__ == "__main__":
    main()
