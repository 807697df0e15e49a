"""A fault of ours ends no more than the part it is in: it is told once, kept in a log, and the rest goes on."""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol, cast

from textual import events
from textual.message import Message
from textual.message_pump import MessagePump

MOST: Final = 50
WITHIN_S: Final = 10.0
"""More faults than that in so many seconds, and nothing works any more: better to end with the draft kept."""


class Faults:
    """What went wrong so far.

    Args:
        keep: Writes a traceback to a log, and returns what the log is called.
        clock: Seconds of a monotonic clock.
    """

    def __init__(self, keep: Callable[[BaseException], str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep = keep
        self._clock = clock
        self._known: set[tuple[type[BaseException], str, int]] = set()
        self._times: deque[float] = deque(maxlen=MOST)

    @property
    def are_too_many(self) -> bool:
        """Whether there is no use in going on."""
        return len(self._times) == MOST and self._clock() - self._times[0] < WITHIN_S

    def take(self, error: BaseException) -> str:
        """Take a fault in; return the one line to tell, empty when it is told already."""
        self._times.append(self._clock())
        place = _place_of(error)
        if place in self._known:
            return ""
        self._known.add(place)
        return f"This is a bug in Argus; what you wrote is kept. Please report it with the log {self._keep(error)}."


def _place_of(error: BaseException) -> tuple[type[BaseException], str, int]:
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return type(error), last.filename if last else "", (last.lineno or 0) if last else 0


class Survivor(Protocol):
    """An app that tells faults instead of ending."""

    def survives(self, error: Exception) -> bool:
        """Tell the fault; False when the program has to end."""
        ...


_dispatch = MessagePump._dispatch_message


async def _dispatch_and_go_on(pump: MessagePump, message: Message) -> None:
    """Let a handler fail without ending its widget, which would hear of nothing any more.

    What a screen or a widget is made in still ends as before: half of it is of no use.
    """
    try:
        await _dispatch(pump, message)
    except Exception as error:
        is_making = isinstance(message, events.Compose | events.Mount | events.Load)
        if is_making or not cast("Survivor", pump.app).survives(error):
            raise


def go_on_after_faults() -> None:
    """From now on no handler that fails ends the program, as far as the app survives it."""
    MessagePump._dispatch_message = _dispatch_and_go_on  # type: ignore[method-assign, assignment]
