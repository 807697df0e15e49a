"""The sweeper: ends what was abandoned, and finishes what a crash left between log and message."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from argus_core.domain import Generation
from argus_core.errors import StorageError, StorageUnavailable
from argus_core.events import Completed, Event, Interrupted, Started, TextDelta
from argus_core.generations import leases
from argus_core.generations import sweeper as sweeper_module
from argus_core.generations.engine import RENEW_S
from argus_core.generations.fold import Folded
from argus_core.generations.sweeper import KEEP_LOGS, SWEEP_S, Sweeper
from tests.support.memory import MemoryStorage
from tests.support.turns import NOW, a_generation, a_message, logged, settle

LATER = NOW.replace(year=NOW.year + 1)


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def sweeper(memory: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> Sweeper:
    """One that gives up at once what it sees."""
    monkeypatch.setattr(leases, "ABANDONED_S", 0)
    return Sweeper(memory.as_storage(), "sweeper", ["mine"], clock=lambda: LATER)


class Watch:
    """A sweeper that looks when it is told to, and a clock that nobody sets."""

    def __init__(self, memory: MemoryStorage, clock: datetime = NOW) -> None:
        self.now_s = 1000.0
        self.sweeper = Sweeper(memory.as_storage(), "sweeper", clock=lambda: clock, monotonic=lambda: self.now_s)

    async def sweep_for(self, seconds: float) -> int:
        """Look as often as it does by itself, and return how many ended."""
        ended = 0
        for _ in range(round(seconds / SWEEP_S)):
            self.now_s += SWEEP_S
            ended += await self.sweeper.sweep()
        return ended


def renew(memory: MemoryStorage, until: datetime, id: str = "g1") -> None:
    memory.generations[id] = replace(memory.generations[id], lease_until=until)


def leave(memory: MemoryStorage, *events: Event, id: str = "g1", owner: str = "dead") -> None:
    reply = a_message(f"reply of {id}", role="assistant", status="running", generation_id=id)
    memory.put(a_generation(id, owner=owner), reply)
    memory.logs[id] = logged(*events, id=id, owner=owner)


async def test_an_abandoned_generation_is_interrupted_and_keeps_its_text(
    memory: MemoryStorage, sweeper: Sweeper
) -> None:
    leave(memory, Started("m"), TextDelta("Half"))

    assert await sweeper.sweep() == 1
    assert memory.events("g1")[-1] == Interrupted()
    assert memory.messages["reply of g1"].text == "Half"
    assert memory.messages["reply of g1"].status == memory.generations["g1"].status == "interrupted"
    assert await sweeper.sweep() == 0


async def test_one_that_never_wrote_anything_is_interrupted(memory: MemoryStorage, sweeper: Sweeper) -> None:
    leave(memory)

    assert await sweeper.sweep() == 1
    assert memory.events("g1") == [Interrupted()]


async def test_an_end_that_was_written_but_not_stored_is_stored_as_it_is(
    memory: MemoryStorage, sweeper: Sweeper
) -> None:
    leave(memory, TextDelta("Whole"), Completed())

    assert await sweeper.sweep() == 1
    assert memory.appends == []
    assert memory.messages["reply of g1"].status == "completed"
    assert memory.endings[0][1].duration_s is None  # nobody knows how long it took


async def test_an_answer_is_charged_for_before_it_is_finished_and_again_when_that_failed(
    memory: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "ABANDONED_S", 0)
    charged: list[tuple[str, str, str]] = []

    async def charge(generation: Generation, folded: Folded) -> None:
        charged.append((generation.id, folded.text, memory.generations["g1"].status))
        if len(charged) == 1:
            raise StorageError("Away.")

    sweeper = Sweeper(memory.as_storage(), "sweeper", clock=lambda: LATER, settle=charge)
    leave(memory, TextDelta("Half"))

    assert await sweeper.sweep() == 0
    assert await sweeper.sweep() == 1
    assert charged == [("g1", "Half", "running")] * 2
    assert memory.generations["g1"].status == "interrupted"


async def test_own_generations_are_left_alone(memory: MemoryStorage, sweeper: Sweeper) -> None:
    leave(memory, id="mine", owner="sweeper")

    assert await sweeper.sweep() == 0


async def test_one_that_this_process_forgot_is_ended_too(memory: MemoryStorage, sweeper: Sweeper) -> None:
    leave(memory, owner="sweeper")

    assert await sweeper.sweep() == 1


@pytest.mark.parametrize("hours", [-10, 0, 10])
async def test_a_lease_that_is_renewed_protects_it_however_the_clocks_go(memory: MemoryStorage, hours: int) -> None:
    leave(memory)
    watch = Watch(memory, NOW + timedelta(hours=hours))
    for second in range(100):
        renew(memory, NOW + timedelta(seconds=second))
        assert await watch.sweep_for(1) == 0


@pytest.mark.parametrize("hours", [-10, 0, 10])
async def test_a_lease_that_is_not_renewed_is_given_up_within_five_seconds_however_the_clocks_go(
    memory: MemoryStorage, hours: int
) -> None:
    watch = Watch(memory, NOW + timedelta(hours=hours))
    leave(memory)

    assert await watch.sweep_for(RENEW_S * 2) == 0
    assert await watch.sweep_for(3 - RENEW_S) == 1


async def test_a_store_that_was_away_makes_nobody_look_dead_when_it_is_back(memory: MemoryStorage) -> None:
    leave(memory)
    watch = Watch(memory)
    await watch.sweep_for(1)
    memory.away = True
    for _ in range(20):
        watch.now_s += SWEEP_S
        with pytest.raises(StorageUnavailable):
            await watch.sweeper.sweep()
    memory.away = False

    assert await watch.sweep_for(2) == 0
    renew(memory, NOW + timedelta(seconds=60))
    assert await watch.sweep_for(2) == 0


async def test_a_look_that_waited_for_the_store_counts_for_nothing(memory: MemoryStorage) -> None:
    leave(memory)
    watch = Watch(memory)
    await watch.sweep_for(1)
    listed = memory.list_expired

    async def late(now: datetime, limit: int = 100) -> list[Generation]:
        watch.now_s += 60
        return await listed(now, limit)

    memory.list_expired = late  # type: ignore[method-assign]
    assert await watch.sweep_for(SWEEP_S) == 0
    memory.list_expired = listed  # type: ignore[method-assign]
    assert await watch.sweep_for(2) == 0


async def test_a_process_that_was_frozen_itself_takes_nobody_for_dead(memory: MemoryStorage) -> None:
    leave(memory)
    watch = Watch(memory)
    await watch.sweep_for(1)
    watch.now_s += 3600

    assert await watch.sweep_for(2) == 0


async def test_a_process_that_is_gone_is_not_waited_for(memory: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper_module, "is_gone", lambda owner: owner == "dead")
    leave(memory)
    leave(memory, id="g2", owner="alive")

    assert await Watch(memory).sweep_for(SWEEP_S) == 1
    assert memory.generations["g2"].status == "running"


async def test_an_owner_that_writes_meanwhile_wins(memory: MemoryStorage, sweeper: Sweeper) -> None:
    leave(memory, TextDelta("Half"))
    append = memory.append_events

    async def faster(events: object) -> set[str]:
        if len(memory.logs["g1"]) == 1:
            memory.logs["g1"] += logged(TextDelta(" more"), owner="dead", first=2)
        return await append(events)  # type: ignore[arg-type]

    memory.append_events = faster  # type: ignore[method-assign]
    assert await sweeper.sweep() == 0
    assert memory.events("g1") == [TextDelta("Half"), TextDelta(" more")]

    assert await sweeper.sweep() == 1
    assert memory.messages["reply of g1"].text == "Half more"


async def test_one_that_cannot_be_ended_keeps_no_other_waiting(
    memory: MemoryStorage, sweeper: Sweeper, caplog: pytest.LogCaptureFixture
) -> None:
    leave(memory, id="g0")
    leave(memory)
    read = memory.events_after

    async def damaged(generation_id: str, n: int, limit: int = 500) -> object:
        if generation_id == "g0":
            raise StorageError("Damaged.")
        return await read(generation_id, n, limit)

    memory.events_after = damaged  # type: ignore[method-assign,assignment]
    assert await sweeper.sweep() == 1
    assert "g0 could not be ended" in caplog.text


async def test_it_looks_again_and_again_and_tidies_now_and_then(
    memory: MemoryStorage, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeper_module, "SWEEP_S", 0)
    monkeypatch.setattr(sweeper_module, "_FIRST_TIDY", 5)
    tidied: list[datetime] = []

    async def purge(before: datetime) -> int:
        tidied.append(before)
        return 0

    monkeypatch.setattr(memory, "purge_events", purge)
    running = asyncio.create_task(sweeper.run())
    memory.away = True
    await settle()
    memory.away = False
    leave(memory)
    await settle()
    running.cancel()

    assert memory.generations["g1"].status == "interrupted"
    assert tidied == [LATER - KEEP_LOGS]
