"""The part of a storage that the engine needs, in memory: can be away, can be slow, counts what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Container, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from argus_core.domain import Generation, Message
from argus_core.errors import NotFound, StorageUnavailable
from argus_core.events import Event, LoggedEvent, is_terminator
from argus_core.storage.base import Ending, Storage


class MemoryStorage:
    """Keeps logs, generations and messages; `as_storage()` is what services take."""

    def __init__(self) -> None:
        self.logs: dict[str, list[LoggedEvent]] = {}
        self.generations: dict[str, Generation] = {}
        self.messages: dict[str, Message] = {}
        self.endings: list[tuple[str, Ending]] = []
        self.appends: list[list[LoggedEvent]] = []
        """The batches of each `append_events` that was tried."""
        self.reads = 0
        self.away = False
        self.lose_answers = 0
        """How many more appends are written, but their answer is lost."""
        self.bug: Exception | None = None
        """What the next append raises, a bug and no `StorageError`."""
        self.refuse: Callable[[LoggedEvent], Exception | None] = lambda logged: None
        """What an append of that event raises, each time."""
        self.open_gate = asyncio.Event()
        """While it is clear, appends wait."""
        self.open_gate.set()
        self.tried = asyncio.Event()
        """Set by each append that is tried."""

    def as_storage(self) -> Storage:
        return cast(Storage, self)

    def put(self, generation: Generation, *messages: Message) -> None:
        self.generations[generation.id] = generation
        self.messages.update({message.id: message for message in messages})

    def events(self, generation_id: str) -> list[Event]:
        return [logged.event for logged in self.logs.get(generation_id, [])]

    def _check(self) -> None:
        if self.away:
            raise StorageUnavailable("Away.")

    async def append_events(self, events: Sequence[LoggedEvent]) -> set[str]:
        self.appends.append(list(events))
        self.tried.set()
        await self.open_gate.wait()
        self._check()
        if self.bug is not None:
            bug, self.bug = self.bug, None
            raise bug
        for event in events:
            if (refusal := self.refuse(event)) is not None:
                raise refusal
        lost: set[str] = set()
        for event in events:
            if event.generation_id not in lost and not self._append(event):
                lost.add(event.generation_id)
        if self.lose_answers:
            self.lose_answers -= 1
            raise StorageUnavailable("The answer was lost.")
        return lost

    def _append(self, logged: LoggedEvent) -> bool:
        log = self.logs.setdefault(logged.generation_id, [])
        if logged.n <= len(log):
            return log[logged.n - 1] == logged
        if (log and is_terminator(log[-1].event)) or logged.n != len(log) + 1:
            return False
        log.append(logged)
        return True

    async def events_after(self, generation_id: str, n: int, limit: int = 500) -> list[LoggedEvent]:
        self.reads += 1
        self._check()
        return self.logs.get(generation_id, [])[n : n + limit]

    async def appended(self, wanted: Container[str]) -> AsyncGenerator[Sequence[LoggedEvent] | None, None]:
        while True:
            self._check()
            yield None
            await asyncio.sleep(0)

    async def get_generation(self, user_id: str, generation_id: str) -> Generation:
        self._check()
        found = self.generations.get(generation_id)
        if found is None or found.user_id != user_id:
            raise NotFound
        return found

    async def list_expired(self, now: datetime, limit: int = 100) -> list[Generation]:
        self._check()
        return [g for g in self.generations.values() if g.status == "running" and g.lease_until < now][:limit]

    async def renew_leases(self, generation_ids: Iterable[str], owner: str, until: datetime) -> set[str]:
        self._check()
        asked: set[str] = set()
        for one in generation_ids:
            generation = self.generations[one]
            if generation.owner == owner and generation.status == "running":
                self.generations[one] = replace(generation, lease_until=until)
                asked |= {one} if generation.cancel_requested else set()
        return asked

    async def request_cancel(self, user_id: str, generation_id: str) -> Generation:
        generation = await self.get_generation(user_id, generation_id)
        self.generations[generation_id] = replace(generation, cancel_requested=True)
        return self.generations[generation_id]

    async def finish_generation(self, generation_id: str, ending: Ending) -> None:
        self._check()
        generation = self.generations[generation_id]
        if generation.status != "running":
            return
        self.endings.append((generation_id, ending))
        self.generations[generation_id] = replace(generation, status=ending.status, ended_at=ending.ended_at)
        message = self.messages.get(generation.message_id)
        if message is not None:
            self.messages[message.id] = replace(
                message, parts=ending.parts, status=ending.status, usage=ending.usage, truncated=ending.truncated
            )

    async def list_path(self, user_id: str, leaf_id: str, limit: int = 50) -> list[Message]:
        self._check()
        path: list[Message] = []
        next_id: str | None = leaf_id
        while next_id and len(path) < limit:
            path.insert(0, self.messages[next_id])
            next_id = path[0].parent_id
        return path

    async def purge_events(self, before: datetime) -> int:
        return 0

    async def purge_deleted(self, before: datetime) -> int:
        return 0
