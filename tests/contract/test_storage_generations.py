"""Every storage: the write-ahead log and its arbiter, leases, cancellation."""

from __future__ import annotations

import asyncio

import pytest

from argus_core.domain import Generation, Problem, SourcePart, Usage
from argus_core.errors import InvalidInput
from argus_core.events import (
    AttachmentAdded,
    Cancelled,
    Completed,
    Event,
    Failed,
    Interrupted,
    LoggedEvent,
    SourceAdded,
    Started,
    TextDelta,
    ThoughtDelta,
)
from argus_core.storage.base import Storage
from argus_core.storage.paging import PAGE_CHARS, is_full
from tests.support.builders import ALICE, OWNER, a_conversation, a_turn, an_attachment, an_ending, later, logged

RIVAL = "process-2"


async def _running(storage: Storage, name: str | None = None) -> Generation:
    conversation = await storage.create_conversation(a_conversation(name))
    return (await storage.start_turn(a_turn(conversation))).generation


@pytest.fixture
async def generation(storage: Storage) -> Generation:
    return await _running(storage)


async def test_every_kind_of_event_comes_back_in_order(storage: Storage, generation: Generation) -> None:
    usage = Usage(input_tokens=1, output_tokens=2, thought_tokens=3, cost_micro_usd=None)
    problem = Problem(code="rate_limited", title="Too many", hint="Wait.", retry_after_s=3.5)
    events = logged(
        generation,
        Started("scripted"),
        ThoughtDelta("hm", 0.5),
        TextDelta("متن $a.b \ud83d\0", 4),
        TextDelta("\udc4d"),
        AttachmentAdded(an_attachment()),
        SourceAdded(SourcePart("A page", "https://example.org")),
        Failed(problem, usage),
    )
    assert await storage.append_events(events) == set()
    assert await storage.events_after(generation.id, 0) == events
    assert await storage.events_after(generation.id, 4) == events[4:]
    assert await storage.events_after(generation.id, 2, limit=3) == events[2:5]
    assert await storage.events_after(generation.id, 7) == []
    assert await storage.events_after("none", 0) == []


async def test_a_page_of_long_events_is_full_before_its_limit(storage: Storage, generation: Generation) -> None:
    events = logged(generation, *(TextDelta("x" * (PAGE_CHARS // 4)) for _ in range(6)), Completed())
    await storage.append_events(events)
    first = await storage.events_after(generation.id, 0, 7)
    assert events[:4] == first[:4]
    assert len(first) < 7
    assert is_full(first, 7)
    rest = await storage.events_after(generation.id, len(first), 7)
    assert [*first, *rest] == events
    assert not is_full(rest, 7)


async def test_a_repeated_write_counts_as_written(storage: Storage, generation: Generation) -> None:
    events = logged(generation, Started("m"), TextDelta("a"), TextDelta("b"))
    await storage.append_events(events[:2])
    assert await storage.append_events(events[:2]) == set()
    assert await storage.append_events(events) == set()
    assert await storage.events_after(generation.id, 0) == events


@pytest.mark.parametrize(
    ("event", "owner"),
    [(TextDelta("other"), OWNER), (TextDelta("a"), RIVAL), (Interrupted(), RIVAL)],
    ids=["other text", "other owner", "terminator"],
)
async def test_a_taken_slot_is_lost_and_what_follows_is_left_out(
    storage: Storage, generation: Generation, event: Event, owner: str
) -> None:
    first = logged(generation, TextDelta("a"))
    await storage.append_events(first)
    late = logged(generation, event, TextDelta("later"), owner=owner)
    assert await storage.append_events(late) == {generation.id}
    assert await storage.events_after(generation.id, 0) == first


@pytest.mark.parametrize("terminator", [Completed(), Cancelled(), Interrupted()])
async def test_nothing_is_written_behind_a_terminator(
    storage: Storage, generation: Generation, terminator: Event
) -> None:
    events = logged(generation, TextDelta("a"), terminator)
    await storage.append_events(events)
    assert await storage.append_events(logged(generation, TextDelta("zombie"), first=3)) == {generation.id}
    assert await storage.append_events(events) == set()
    assert await storage.events_after(generation.id, 0) == events


async def test_a_terminator_in_the_same_write_shuts_what_follows_out(storage: Storage, generation: Generation) -> None:
    events = logged(generation, TextDelta("a"), Completed(), TextDelta("b"))
    assert await storage.append_events(events) == {generation.id}
    assert await storage.events_after(generation.id, 0) == events[:2]


@pytest.mark.parametrize("n", [0, -1, 2, 3])
async def test_no_gap_is_written(storage: Storage, generation: Generation, n: int) -> None:
    assert await storage.append_events([LoggedEvent(generation.id, n, OWNER, TextDelta("a"))]) == {generation.id}
    assert await storage.events_after(generation.id, 0) == []


async def test_a_lost_generation_does_not_hold_up_the_others(storage: Storage) -> None:
    winner, loser = await _running(storage), await _running(storage)
    await storage.append_events(logged(loser, Interrupted(), owner=RIVAL))
    good, bad = logged(winner, Started("m"), TextDelta("a")), logged(loser, Started("m"), TextDelta("a"))
    unknown = [LoggedEvent("none", 1, OWNER, TextDelta("a"))]
    mixed = [good[0], bad[0], *unknown, good[1], bad[1]]
    assert await storage.append_events(mixed) == {loser.id, "none"}
    assert await storage.events_after(winner.id, 0) == good
    assert await storage.append_events([]) == set()


async def test_concurrent_writers_leave_one_gapless_log_with_one_terminator(
    storage: Storage, other_storage: Storage, generation: Generation
) -> None:
    async def write(through: Storage, owner: str, last: Event) -> list[int]:
        """Append one by one until a slot is lost; return the numbers that were taken."""
        taken = []
        for n in range(1, 30):
            event: Event = TextDelta(f"{owner} {n}") if n < 20 else last
            if await through.append_events([LoggedEvent(generation.id, n, owner, event)]):
                continue
            taken.append(n)
            if event is last:
                break
        return taken

    results = await asyncio.gather(
        write(storage, OWNER, Completed()), write(other_storage, RIVAL, Interrupted()), write(storage, "3", Cancelled())
    )
    log = await storage.events_after(generation.id, 0)
    assert [logged.n for logged in log] == list(range(1, 21))
    assert sorted(n for taken in results for n in taken) == list(range(1, 21))
    assert sum(type(logged.event) in (Completed, Interrupted, Cancelled) for logged in log) == 1


async def test_what_one_process_writes_another_reads(
    storage: Storage, other_storage: Storage, generation: Generation
) -> None:
    for each in logged(generation, Started("m"), TextDelta("a"), Completed()):
        await storage.append_events([each])
        assert await other_storage.events_after(generation.id, each.n - 1) == [each]


async def test_running_generations_are_listed_oldest_first(storage: Storage) -> None:
    conversation = await storage.create_conversation(a_conversation())
    turns = [await storage.start_turn(a_turn(conversation, at=later(-number))) for number in range(3)]
    assert await storage.list_running(ALICE) == [turn.generation for turn in reversed(turns)]
    await storage.finish_generation(turns[1].generation.id, an_ending())
    assert [each.id for each in await storage.list_running(ALICE)] == [turns[2].generation.id, turns[0].generation.id]


async def test_a_lease_is_renewed_by_its_owner_only(storage: Storage, generation: Generation) -> None:
    assert await storage.list_expired(later(15)) == []
    assert await storage.list_expired(later(15.001)) == [generation]
    await storage.renew_leases([generation.id, "none"], RIVAL, later(100))
    assert len(await storage.list_expired(later(16))) == 1
    assert await storage.renew_leases([generation.id, "none"], OWNER, later(100)) == set()
    assert await storage.list_expired(later(100)) == []
    assert (await storage.get_generation(ALICE, generation.id)).lease_until == later(100)
    await storage.finish_generation(generation.id, an_ending())
    assert await storage.list_expired(later(1000)) == []
    assert await storage.renew_leases([], OWNER, later(1)) == set()


async def test_the_owner_hears_of_a_cancellation(
    storage: Storage, other_storage: Storage, generation: Generation
) -> None:
    asked = await other_storage.request_cancel(ALICE, generation.id)
    assert asked.cancel_requested
    assert await storage.renew_leases([generation.id], RIVAL, later(20)) == set()
    assert await storage.renew_leases([generation.id], OWNER, later(20)) == {generation.id}
    await storage.finish_generation(generation.id, an_ending(status="cancelled"))
    assert (await storage.request_cancel(ALICE, generation.id)).status == "cancelled"
    assert await storage.renew_leases([generation.id], OWNER, later(30)) == set()


async def test_cancelling_what_has_ended_changes_nothing(storage: Storage, generation: Generation) -> None:
    await storage.finish_generation(generation.id, an_ending())
    assert not (await storage.request_cancel(ALICE, generation.id)).cancel_requested


async def test_logs_are_purged_once_they_are_old(storage: Storage) -> None:
    old, fresh, running = [await _running(storage) for _ in range(3)]
    for generation in (old, fresh, running):
        await storage.append_events(logged(generation, Started("m"), Completed()))
    await storage.finish_generation(old.id, an_ending(at=later(0)))
    await storage.finish_generation(fresh.id, an_ending(at=later(100)))
    assert await storage.purge_events(later(50)) == 2
    assert await storage.purge_events(later(50)) == 0
    assert await storage.events_after(old.id, 0) == []
    assert len(await storage.events_after(fresh.id, 0)) == 2
    assert len(await storage.events_after(running.id, 0)) == 2
    assert await storage.append_events(logged(old, Started("zombie"))) == {old.id}


async def test_a_limit_of_events_is_bounded(storage: Storage, generation: Generation) -> None:
    for limit in (0, 1001):
        with pytest.raises(InvalidInput):
            await storage.events_after(generation.id, 0, limit)
