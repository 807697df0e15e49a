"""The events of one answer as frames, each encoded once for all who read it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing

from argus_core.events import LoggedEvent, TextDelta, ThoughtDelta
from argus_core.generations.engine import Reading
from argus_core.server.streams import frame
from argus_core.wire import encode

_TOGETHER = 64
"""Events that are sent as one piece when they lie ready: to send each alone costs more than to make it."""
_TOGETHER_CHARS = 16 << 10
"""More text is not sent at once: it would wait in memory for those who read slowly."""
_PUSHED = 4
"""So many events at once are pushed; more are sent piece by piece."""
_KEPT_BYTES = 8 << 20

Key = tuple[str, int, int]


class Frames:
    """What was encoded last: readers at the same place of an answer are sent the same bytes."""

    def __init__(self, most_bytes: int = _KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: dict[Key, bytes] = {}
        self._bytes = 0
        self.encoded = 0
        """How many events were encoded so far."""

    def of(self, events: list[LoggedEvent]) -> bytes:
        """Return the frames of events that follow each other; the id is the number."""
        key = (events[0].generation_id, events[0].n, events[-1].n)  # a slot of a log never changes
        data = self._kept.get(key)
        if data is None:
            self.encoded += len(events)
            data = b"".join(map(_frame, events))
            self._keep(key, data)
        return data

    def _keep(self, key: Key, data: bytes) -> None:
        self._kept[key] = data
        self._bytes += len(data)
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._kept.pop(next(iter(self._kept))))


async def answer_frames(
    reading: Reading, frames: Frames, push: Callable[[bytes], bool], *, first: bytes = b""
) -> AsyncGenerator[bytes, None]:
    """Yield the frames of events, those that are there together.

    Args:
        reading: The events.
        frames: Encodes them.
        push: Sends what comes at once, if the client takes it: no task is woken for each event of each reader.
        first: Comes before them, if it is not empty.
    """

    def take(events: list[LoggedEvent]) -> bool:
        return len(events) <= _PUSHED and push(frames.of(events))

    if first:
        yield first
    async with aclosing(reading(take)) as batches:
        async for batch in batches:
            for together in _cut(batch):
                yield frames.of(together)


def _cut(batch: list[LoggedEvent]) -> Iterator[list[LoggedEvent]]:
    together: list[LoggedEvent] = []
    chars = 0
    for logged in batch:
        together.append(logged)
        chars += len(logged.event.text) if isinstance(logged.event, TextDelta | ThoughtDelta) else 0
        if len(together) == _TOGETHER or chars >= _TOGETHER_CHARS:
            yield together
            together, chars = [], 0
    if together:
        yield together


def _frame(logged: LoggedEvent) -> bytes:
    event = encode(logged.event)
    return frame(event["type"], event, logged.n)
