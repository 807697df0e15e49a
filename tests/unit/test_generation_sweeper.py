"""The sweeper: ends what was abandoned, and finishes what a crash left between log and message."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from argus_core.domain import Generation
from argus_core.errors import StorageError
from argus_core.events import Completed, Event, Interrupted, Started, TextDelta
from argus_core.generations import sweeper as sweeper_module
from argus_core.generations.fold import Folded
from argus_core.generations.sweeper import KEEP_LOGS, Sweeper
from tests.support.memory import MemoryStorage
from tests.support.turns import NOW, a_generation, a_message, logged, settle

LATER = NOW.replace(year=NOW.year + 1)


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
def sweeper(memory: MemoryStorage) -> Sweeper:
    return Sweeper(memory.as_storage(), "sweeper", ["mine"], clock=lambda: LATER)


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


async def test_an_answer_is_charged_for_before_it_is_finished_and_again_when_that_failed(memory: MemoryStorage) -> None:
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


async def test_a_lease_that_runs_protects_it(memory: MemoryStorage) -> None:
    leave(memory)

    assert await Sweeper(memory.as_storage(), "sweeper", clock=lambda: NOW).sweep() == 0


async def test_a_process_that_is_gone_is_not_waited_for(memory: MemoryStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeper_module, "is_gone", lambda owner: owner == "dead")
    leave(memory)
    leave(memory, id="g2", owner="alive")

    assert await Sweeper(memory.as_storage(), "sweeper", clock=lambda: NOW).sweep() == 1
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
