"""Every storage: whoever listens is told of what any process appends to the logs, or told to read them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from contextlib import aclosing

from argus_core.domain import Generation
from argus_core.events import Completed, LoggedEvent, TextDelta
from argus_core.storage.base import Storage
from tests.support.builders import ALICE, a_conversation, a_turn, logged

PATIENCE_S = 20.0


async def a_generation(storage: Storage) -> Generation:
    conversation = await storage.create_conversation(a_conversation())
    return (await storage.start_turn(a_turn(conversation))).generation


class Ear:
    """Listens as a process does, and reads the logs when it is told to."""

    def __init__(self, storage: Storage, wanted: Container[str]) -> None:
        self._storage = storage
        self.told = storage.appended(wanted)
        self.heard: list[LoggedEvent] = []
        """What was said to have been appended."""
        self.known: dict[str, list[LoggedEvent]] = {}
        """Heard or read, generation by generation."""

    async def begin(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            assert await anext(self.told) is None

    async def until(self, ids: list[str], is_enough: Callable[[list[LoggedEvent]], bool]) -> None:
        """Listen until enough is known of each of these generations."""
        async with asyncio.timeout(PATIENCE_S):
            while not all(is_enough(self.known.get(id, [])) for id in ids):
                batch = await anext(self.told)
                if batch is None:
                    for id in ids:
                        self.known[id] = await self._storage.events_after(id, 0, 1000)
                for event in batch or ():
                    self.heard.append(event)
                    self._learn(event)

    def _learn(self, event: LoggedEvent) -> None:
        known = self.known.setdefault(event.generation_id, [])
        if event.n > len(known):
            assert event.n == len(known) + 1
            known.append(event)


def has(count: int) -> Callable[[list[LoggedEvent]], bool]:
    return lambda known: len(known) >= count


async def test_everything_that_another_process_appends_comes_in_order(storage: Storage, other_storage: Storage) -> None:
    generation = await a_generation(other_storage)
    ear = Ear(storage, {generation.id})
    await ear.begin()
    events = logged(generation, *(TextDelta(f"{number}") for number in range(30)), Completed())
    for start in range(0, len(events), 3):
        await other_storage.append_events(events[start : start + 3])
        if start % 2:
            await ear.until([generation.id], has(start))
    await ear.until([generation.id], has(31))

    assert ear.known[generation.id] == events


async def test_what_was_appended_before_is_left_to_the_log(storage: Storage, other_storage: Storage) -> None:
    generation = await a_generation(storage)
    events = logged(generation, TextDelta("past"), TextDelta("new"))
    await storage.append_events(events[:1])
    ear = Ear(other_storage, {generation.id})
    await ear.begin()
    ear.known[generation.id] = await other_storage.events_after(generation.id, 0)
    await storage.append_events(events[1:])
    await ear.until([generation.id], has(2))

    assert events[0] not in ear.heard


async def test_what_this_process_appends_comes_too(storage: Storage) -> None:
    generation = await a_generation(storage)
    ear = Ear(storage, {generation.id})
    await ear.begin()
    await storage.append_events(logged(generation, TextDelta("mine")))
    await ear.until([generation.id], has(1))

    assert ear.known[generation.id] == logged(generation, TextDelta("mine"))


async def test_many_generations_in_one_write(storage: Storage, other_storage: Storage) -> None:
    generations = [await a_generation(storage) for _ in range(10)]
    ids = [generation.id for generation in generations]
    ear = Ear(other_storage, set(ids))
    await ear.begin()
    events = [logged(generation, TextDelta("a"), TextDelta("b")) for generation in generations]
    await storage.append_events([event for each in events for event in each])
    await ear.until(ids, has(2))

    assert [ear.known[id] for id in ids] == events


async def test_only_what_is_wanted_is_told_and_that_may_change_meanwhile(
    storage: Storage, other_storage: Storage
) -> None:
    first, unwanted, later = [await a_generation(storage) for _ in range(3)]
    wanted = {first.id}
    ear = Ear(other_storage, wanted)
    await ear.begin()
    for generation in (unwanted, first):
        await storage.append_events(logged(generation, TextDelta("a")))
    await ear.until([first.id], has(1))
    wanted.add(later.id)
    for generation in (unwanted, later):
        await storage.append_events(logged(generation, TextDelta("a")))
    await ear.until([later.id], has(1))

    assert unwanted.id not in {event.generation_id for event in ear.heard}


async def test_several_who_listen_each_hear_everything(storage: Storage, other_storage: Storage) -> None:
    generation = await a_generation(storage)
    ears = [Ear(each, {generation.id}) for each in (storage, storage, other_storage)]
    for ear in ears:
        await ear.begin()
    events = logged(generation, TextDelta("a"), Completed())
    await storage.append_events(events)
    for ear in ears:
        await ear.until([generation.id], has(2))

    assert [ear.known[generation.id] for ear in ears] == [events] * 3


async def test_closing_the_storage_ends_the_iteration(storage: Storage) -> None:
    told = storage.appended(set())
    assert await anext(told) is None

    async def listen() -> None:
        async for _ in told:
            pass

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await storage.close()
    async with asyncio.timeout(PATIENCE_S):
        await listening


async def test_who_stops_listening_or_is_cancelled_leaves_the_others_alone(
    storage: Storage, other_storage: Storage
) -> None:
    generation = await a_generation(storage)
    staying, cancelled = Ear(storage, {generation.id}), Ear(storage, {generation.id})
    async with aclosing(storage.appended({generation.id})) as leaving:
        assert await anext(leaving) is None
        for ear in (staying, cancelled):
            await ear.begin()
    waiting = asyncio.create_task(cancelled.until([generation.id], has(1)))
    await storage.get_user(ALICE)
    waiting.cancel()
    await asyncio.wait([waiting])
    await other_storage.append_events(logged(generation, TextDelta("a")))
    await staying.until([generation.id], has(1))

    assert waiting.cancelled()
    assert staying.known[generation.id] == logged(generation, TextDelta("a"))
