"""The write-ahead log: durable before shown, one write a tick, gapless, read from anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Container, Sequence
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from argus_core.domain import SourcePart
from argus_core.errors import Conflict, InvalidInput, StorageError, StorageUnavailable
from argus_core.events import (
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
from argus_core.generations import patience, remote, tail
from argus_core.generations.fold import Folded
from argus_core.generations.log import MAX_EVENT_CHARS, MAX_UNSAVED_CHARS, EventLog, LiveLog
from argus_core.generations.tail import TAIL
from tests.support.memory import MemoryStorage
from tests.support.turns import logged, settle

NEVER_S = 3600.0
"""A tick that does not come: what is written then was written because it is urgent."""

PATIENCE_S = 5.0


async def not_over() -> bool:
    return False


async def is_over() -> bool:
    return True


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture
async def log(memory: MemoryStorage) -> AsyncIterator[EventLog]:
    log = EventLog(memory.as_storage(), "me", tick_s=NEVER_S)
    yield log
    await log.close()


async def read_all(log: EventLog, after: int = 0) -> list[LoggedEvent]:
    return [event async for event in log.read("g1", after, not_over)]


def said(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_a_reader_is_shown_nothing_that_is_not_durable(memory: MemoryStorage, log: EventLog) -> None:
    memory.open_gate.clear()
    live = log.begin("g1")
    seen: list[LoggedEvent] = []
    stream = log.read("g1", 0, not_over)
    reader = asyncio.create_task(_collect(stream, seen))

    await log.add(live, TextDelta("a"), urgent=True)
    await settle()
    assert memory.appends
    assert seen == []

    memory.open_gate.set()
    await settle()
    assert seen == logged(TextDelta("a"))
    reader.cancel()


async def _collect(stream: AsyncIterator[LoggedEvent], seen: list[LoggedEvent]) -> None:
    async for event in stream:
        seen.append(event)


async def test_what_is_not_urgent_waits_for_the_tick(memory: MemoryStorage, log: EventLog) -> None:
    live = log.begin("g1")
    await log.add(live, TextDelta("a"))
    await settle()

    assert memory.appends == []


async def test_without_anything_urgent_a_tick_writes_too(memory: MemoryStorage) -> None:
    log = EventLog(memory.as_storage(), "me", tick_s=0)
    live = log.begin("g1")
    await log.add(live, TextDelta("a"))
    await memory.tried.wait()
    await settle()

    assert memory.events("g1") == [TextDelta("a")]
    await log.close()


async def test_one_tick_writes_what_waits_in_every_generation(memory: MemoryStorage) -> None:
    log = EventLog(memory.as_storage(), "me", tick_s=0)
    lives = [log.begin(f"g{i}") for i in range(20)]
    for live in lives:
        log.put(live, Started("m"))
        log.put(live, TextDelta("a"), urgent=live.generation_id == "g7")
    async with asyncio.timeout(PATIENCE_S):
        await lives[19].until(lambda: lives[19].written == 2)

    assert len(memory.appends) <= 2
    assert all(memory.events(f"g{i}") == [Started("m"), TextDelta("a")] for i in range(20))
    await log.close()


async def test_what_is_urgent_leaves_others_to_their_tick(memory: MemoryStorage, log: EventLog) -> None:
    lives = [log.begin(f"g{i}") for i in range(20)]
    for live in lives:
        await log.add(live, Started("m"))
        await log.add(live, TextDelta("a"))
    await log.add(lives[7], TextDelta("b"), urgent=True)
    await log.add(lives[8], TextDelta("b"), urgent=True)
    await settle()

    assert len(memory.appends) == 1
    assert memory.events("g7") == memory.events("g8") == [Started("m"), TextDelta("ab")]
    assert not any(memory.events(f"g{i}") for i in range(20) if i not in (7, 8))


async def test_many_urgent_events_do_not_keep_a_tick_away(memory: MemoryStorage) -> None:
    log = EventLog(memory.as_storage(), "me", tick_s=0.01)
    waiting, hurried = log.begin("g1"), log.begin("g2")
    log.put(waiting, TextDelta("a"))
    for _ in range(1000):
        if memory.events("g1"):
            break
        log.put(hurried, TextDelta("b"), urgent=True)
        await asyncio.sleep(0.001)

    assert memory.events("g1") == [TextDelta("a")]
    await log.close()


async def test_events_that_come_during_a_write_go_into_the_next_one(memory: MemoryStorage, log: EventLog) -> None:
    memory.open_gate.clear()
    live = log.begin("g1")
    await log.add(live, TextDelta("a"), urgent=True)
    await settle()
    await log.add(live, TextDelta("b"), urgent=True)
    memory.open_gate.set()
    await settle()

    assert [len(batch) for batch in memory.appends] == [1, 1]
    assert [event.n for event in memory.logs["g1"]] == [1, 2]


async def test_an_answer_of_the_storage_that_was_lost_doubles_nothing(memory: MemoryStorage, log: EventLog) -> None:
    memory.lose_answers = 1
    live = log.begin("g1")
    await log.add(live, TextDelta("a"), urgent=True)
    assert await log.end(live, Completed())

    assert memory.events("g1") == [TextDelta("a"), Completed()]
    assert memory.appends[0] == memory.appends[1]


async def test_a_storage_that_is_away_loses_nothing(
    memory: MemoryStorage, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "RETRY_S", (0.0,))
    memory.away = True
    live = log.begin("g1")
    for letter in "abc":
        await log.add(live, TextDelta(letter), urgent=True)
        await settle()
    assert live.written == 0

    memory.away = False
    assert await log.end(live, Completed())
    assert said(memory.events("g1")) == "abc"
    assert memory.events("g1").count(Completed()) == 1


async def test_a_provider_waits_for_a_storage_that_is_far_behind(memory: MemoryStorage, log: EventLog) -> None:
    memory.open_gate.clear()
    live = log.begin("g1")
    await log.add(live, TextDelta("a"), urgent=True)
    await settle()

    adding = asyncio.create_task(log.add(live, TextDelta("b" * (MAX_UNSAVED_CHARS + 1)), urgent=True))
    await settle()
    assert not adding.done()

    memory.open_gate.set()
    await adding
    await settle()
    assert len(said(memory.events("g1"))) == MAX_UNSAVED_CHARS + 2


async def test_no_event_is_longer_than_any_storage_takes(memory: MemoryStorage, log: EventLog) -> None:
    text = "".join(chr(0x600 + i % 200) for i in range(3 * MAX_EVENT_CHARS + 5))
    live = log.begin("g1")
    await log.add(live, TextDelta(text))
    await log.add(live, ThoughtDelta(text, 1.5))
    await log.end(live, Completed())

    events = memory.events("g1")
    assert Folded().add(memory.logs["g1"]).text == text
    assert all(len(event.text) <= MAX_EVENT_CHARS for event in events if isinstance(event, TextDelta | ThoughtDelta))


async def test_a_taken_slot_stops_the_writer_of_that_generation_only(memory: MemoryStorage, log: EventLog) -> None:
    told: list[str] = []
    fenced = log.begin("g1", lambda: told.append("g1"))
    healthy = log.begin("g2", lambda: told.append("g2"))
    memory.logs["g1"] = logged(Interrupted(), owner="a sweeper")
    await log.add(fenced, TextDelta("late"), urgent=True)
    await log.add(healthy, TextDelta("fine"), urgent=True)
    await settle()

    assert told == ["g1"]
    assert not await log.end(fenced, Completed())
    assert await log.end(healthy, Completed())
    assert memory.events("g1") == [Interrupted()]
    assert memory.events("g2") == [TextDelta("fine"), Completed()]


async def test_readers_of_a_fenced_generation_get_the_end_that_counts(
    memory: MemoryStorage, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = log.begin("g1")
    reader = asyncio.create_task(read_all(log))
    await log.add(live, TextDelta("a"), urgent=True)
    await settle()
    memory.logs["g1"] += logged(Interrupted(), owner="a sweeper", first=2)
    await log.add(live, TextDelta("b"), urgent=True)

    assert [event.event for event in await reader] == [TextDelta("a"), Interrupted()]


async def test_a_write_that_fails_by_a_bug_is_tried_again(
    memory: MemoryStorage, log: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    memory.bug = TypeError("a bug")
    live = log.begin("g1")
    reader = asyncio.create_task(read_all(log))
    await log.add(live, TextDelta("a"), urgent=True)

    assert await log.end(live, Completed())
    assert [event.event for event in await reader] == memory.events("g1") == [TextDelta("a"), Completed()]
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("error", [TypeError("a bug"), InvalidInput("Too long."), Conflict(), StorageError("Odd.")])
async def test_an_event_that_cannot_be_stored_ends_its_own_generation_alone(
    memory: MemoryStorage, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(patience, "RETRY_S", (0.0,))
    memory.refuse = lambda one: error if isinstance(one.event, SourceAdded) else None
    log = EventLog(memory.as_storage(), "me", tick_s=0)
    told: list[str] = []
    bad, good = log.begin("g1", lambda: told.append("g1")), log.begin("g2", lambda: told.append("g2"))
    reader = asyncio.create_task(read_all(log))
    for live in (bad, good):
        log.put(live, TextDelta("a"))
    log.put(bad, SourceAdded(SourcePart(title="t", url="u")))
    log.put(bad, TextDelta("never seen"))
    async with asyncio.timeout(PATIENCE_S):
        await bad.until(lambda: bad.ended)
        log.put(bad, TextDelta("too late"))
        assert await log.end(bad, Interrupted())
        assert await log.end(good, Completed())
        seen = [one.event for one in await reader]

    assert memory.events("g2") == [TextDelta("a"), Completed()]
    assert seen == memory.events("g1")
    assert seen[0] == TextDelta("a")
    assert isinstance(seen[1], Failed)
    assert seen[1].problem.title == "The answer could not be stored"
    assert len(seen) == 2
    assert told == ["g1"]
    assert "g1" in caplog.text
    await log.close()


async def test_a_generation_of_which_nothing_can_be_stored_is_left_to_the_sweeper(
    memory: MemoryStorage, log: EventLog
) -> None:
    memory.refuse = lambda one: TypeError("a bug") if one.generation_id == "g1" else None
    live = log.begin("g1")
    reader = asyncio.create_task(read_all(log))
    async with asyncio.timeout(PATIENCE_S):
        assert not await log.end(live, Completed())
        assert await log.end(log.begin("g2"), Completed())
        memory.logs["g1"] = logged(Interrupted(), owner="a sweeper")
        assert [event.event for event in await reader] == [Interrupted()]


async def test_a_storage_that_is_away_is_waited_for_also_when_one_event_is_bad(
    memory: MemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "RETRY_S", (0.0,))
    away = 20

    def refuse(one: LoggedEvent) -> Exception | None:
        nonlocal away
        if one.generation_id == "g1" and isinstance(one.event, TextDelta):
            return TypeError("a bug")
        if away:
            away -= 1
            return StorageUnavailable("Away.")
        return None

    memory.refuse = refuse
    log = EventLog(memory.as_storage(), "me", tick_s=0)
    bad, good = log.begin("g1"), log.begin("g2")
    log.put(bad, TextDelta("a"))
    log.put(good, TextDelta("a"))
    async with asyncio.timeout(PATIENCE_S):
        assert await log.end(good, Completed())
        await bad.until(lambda: bad.ended)
    assert memory.events("g2") == [TextDelta("a"), Completed()]
    assert [type(each) for each in memory.events("g1")] == [Failed]
    await log.close()


async def test_closing_lets_go_of_writers_and_readers(memory: MemoryStorage) -> None:
    log = EventLog(memory.as_storage(), "me", tick_s=NEVER_S)
    memory.open_gate.clear()
    live = log.begin("g1")
    reader = asyncio.create_task(read_all(log))
    ending = asyncio.create_task(log.end(live, Completed()))
    await settle()

    await log.close()
    await log.close()

    assert not await ending
    assert await reader == []


@pytest.mark.parametrize("after", [-5, 0, 1, 2, 3])
async def test_a_reader_resumes_after_any_number(log: EventLog, after: int) -> None:
    live = log.begin("g1")
    for event in (Started("m"), TextDelta("a"), TextDelta("b")):
        await log.add(live, event, urgent=True)
        await settle()
    reader = asyncio.create_task(read_all(log, after))
    await settle()
    await log.end(live, Completed())

    assert await reader == logged(Started("m"), TextDelta("a"), TextDelta("b"), Completed())[max(after, 0) :]


async def test_a_number_beyond_the_end_gives_nothing(log: EventLog) -> None:
    live = log.begin("g1")
    reader = asyncio.create_task(read_all(log, 99))
    await settle()
    await log.end(live, Completed())

    assert await reader == []


async def test_a_log_that_was_purged_gives_nothing(log: EventLog) -> None:
    assert [event async for event in log.read("long ago", 0, is_over)] == []


async def test_the_last_events_of_another_process_are_read_though_it_has_ended_meanwhile(
    memory: MemoryStorage, log: EventLog
) -> None:
    async def ends_now() -> bool:
        memory.logs["g1"] = logged(TextDelta("a"), Completed(), owner="another")
        return True

    assert [event.n async for event in log.read("g1", 0, ends_now)] == [1, 2]


async def test_a_generation_of_another_process_is_followed(
    memory: MemoryStorage, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = asyncio.create_task(read_all(log))
    await settle()
    memory.logs["g1"] = logged(TextDelta("a"), owner="another")
    await settle()
    memory.logs["g1"] += logged(Completed(), owner="another", first=2)

    assert [event.n for event in await reader] == [1, 2]


async def test_a_reader_bears_with_a_storage_that_is_away_for_a_while(
    memory: MemoryStorage, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "RETRY_S", (0.0,) * 500)
    memory.logs["g1"] = logged(TextDelta("a"), Completed())
    memory.away = True
    reader = asyncio.create_task(read_all(log))
    await settle()
    memory.away = False

    assert len(await reader) == 2


async def test_a_reader_is_told_when_the_storage_stays_away(
    memory: MemoryStorage, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "RETRY_S", (0.0,))
    memory.away = True

    with pytest.raises(StorageUnavailable):
        await read_all(log)


async def test_a_slow_reader_holds_nobody_up_and_misses_nothing(memory: MemoryStorage, log: EventLog) -> None:
    live = log.begin("g1")
    slow = log.read("g1", 0, not_over)
    await log.add(live, TextDelta("0,"), urgent=True)
    first = await anext(slow)

    for number in range(1, 3 * TAIL):
        await log.add(live, TextDelta(f"{number},"), urgent=True)
        await memory.tried.wait()
        memory.tried.clear()
    await log.end(live, Completed())
    rest = [event async for event in slow]

    assert [event.n for event in [first, *rest]] == list(range(1, live.written + 1))
    assert said([event.event for event in [first, *rest]]) == "".join(f"{number}," for number in range(3 * TAIL))
    assert memory.reads > 0


async def test_memory_holds_the_tail_only(memory: MemoryStorage, log: EventLog) -> None:
    live = log.begin("g1")
    for _ in range(2 * TAIL):
        live.add(TextDelta("a"))
        live.publish(live.take("me"))

    assert live.newer(0) is None
    assert len(live.newer(live.written - TAIL) or []) == TAIL


async def test_a_reader_that_waits_while_the_end_comes_needs_no_storage(memory: MemoryStorage, log: EventLog) -> None:
    live = log.begin("g1")
    reader = asyncio.create_task(read_all(log))
    await settle()
    await log.end(live, Completed())
    memory.away = True

    assert [event.event for event in await reader] == [Completed()]


def test_tokens_and_seconds_of_joined_deltas_are_the_last_ones() -> None:
    live = LiveLog("g1", lambda: None)
    for event in (ThoughtDelta("hm", 0.1), ThoughtDelta("", 0.4), TextDelta("a", 1), TextDelta("b", 2), TextDelta("c")):
        live.add(event)

    assert live.pending == [ThoughtDelta("hm", 0.4), TextDelta("abc", 2)]


DELTAS = st.one_of(
    st.builds(TextDelta, st.text(max_size=40), st.integers(0, 9)),
    st.builds(ThoughtDelta, st.text(max_size=40), st.floats(0, 9)),
)


@given(st.lists(st.lists(DELTAS, max_size=6), max_size=12), st.integers(0, 40))
@settings(max_examples=150)
def test_any_cutting_into_ticks_says_the_same_and_can_be_resumed_anywhere(
    ticks: list[list[TextDelta | ThoughtDelta]], after: int
) -> None:
    live = LiveLog("g1", lambda: None)
    for tick in ticks:
        for delta in tick:
            live.add(delta)
        if live.pending:
            live.publish(live.take("me"))
    live.add(Cancelled())
    live.publish(live.take("me"))

    whole = live.newer(0)
    assert whole is not None
    folded = Folded().add(whole)
    every = [delta for tick in ticks for delta in tick]
    assert folded.text == "".join(delta.text for delta in every if isinstance(delta, TextDelta))
    assert [event.n for event in whole] == list(range(1, live.written + 1))
    assert live.newer(after) == whole[after:]
    assert sum(isinstance(event.event, Cancelled) for event in whole) == 1


async def turns_of_the_loop(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


class Hearsay(MemoryStorage):
    """A storage whose listener says what the test makes it say."""

    def __init__(self) -> None:
        super().__init__()
        self.said: asyncio.Queue[list[LoggedEvent] | StorageUnavailable | None] = asyncio.Queue()
        self.deaf = False
        """Nobody can listen."""
        self.listeners = 0
        self.begun = 0

    async def events_after(self, generation_id: str, n: int, limit: int = 500) -> list[LoggedEvent]:
        found = await super().events_after(generation_id, n, limit)
        await turns_of_the_loop(5)  # what comes meanwhile is not in it
        return found

    async def appended(self, wanted: Container[str]) -> AsyncGenerator[Sequence[LoggedEvent] | None, None]:
        self.begun += 1
        if self.deaf:
            raise StorageUnavailable("No listening here.")
        self.listeners += 1
        try:
            yield None
            while True:
                heard = await self.said.get()
                if isinstance(heard, StorageUnavailable):
                    raise heard
                yield heard
        finally:
            self.listeners -= 1


@pytest.fixture
async def hearsay() -> Hearsay:
    return Hearsay()


@pytest.fixture
async def listening(hearsay: Hearsay, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EventLog]:
    """A log that looks by itself only once; after that it knows what it is told."""
    monkeypatch.setattr(remote, "SILENCE_S", (NEVER_S,))
    monkeypatch.setattr(remote, "RETRY_LISTEN_S", 0)
    log = EventLog(hearsay.as_storage(), "me")
    yield log
    await log.close()


async def test_what_the_listener_says_needs_no_storage(hearsay: Hearsay, listening: EventLog) -> None:
    reader = asyncio.create_task(read_all(listening))
    await settle()
    hearsay.away = True
    events = logged(TextDelta("a"), TextDelta("b"), Completed(), owner="another")
    hearsay.said.put_nowait(events[:1])
    await settle()
    hearsay.said.put_nowait(events[1:])

    assert await reader == events


async def test_who_listens_is_silent_costs_nothing_until_there_is_news(hearsay: Hearsay, listening: EventLog) -> None:
    seen: list[LoggedEvent] = []
    readers = [asyncio.create_task(_collect(listening.read("g1", 0, not_over), seen)) for _ in range(1000)]
    await settle()
    reads = hearsay.reads
    await settle()

    assert hearsay.reads == reads
    assert reads < 10  # a thousand readers of one generation ask together
    assert hearsay.listeners == 1
    hearsay.said.put_nowait(logged(Completed(), owner="another"))
    await asyncio.gather(*readers)
    assert len(seen) == 1000


async def test_nobody_listens_while_nobody_reads_what_others_write(hearsay: Hearsay, listening: EventLog) -> None:
    live = listening.begin("g1")
    own = asyncio.create_task(read_all(listening))
    await settle()
    assert hearsay.begun == 0
    await listening.end(live, Completed())
    await own
    readers = [asyncio.create_task(_collect(listening.read(id, 0, not_over), [])) for id in ("g2", "g3")]
    await settle()
    assert hearsay.listeners == 1
    for reader in readers:
        reader.cancel()
    await settle()

    assert (hearsay.listeners, hearsay.begun) == (0, 1)


async def test_where_nobody_can_listen_readers_look_themselves(hearsay: Hearsay, listening: EventLog) -> None:
    hearsay.deaf = True
    reader = asyncio.create_task(read_all(listening))
    await settle()
    hearsay.logs["g1"] = logged(TextDelta("a"), Completed(), owner="another")

    assert len(await reader) == 2
    assert hearsay.begun > 1


async def test_who_waits_for_another_process_is_told_when_this_one_begins_to_write(
    hearsay: Hearsay, listening: EventLog
) -> None:
    reader = asyncio.create_task(read_all(listening))
    await settle()
    await listening.end(listening.begin("g1"), Completed())

    assert [event.event for event in await reader] == [Completed()]


async def test_closing_lets_go_of_who_reads_what_others_write(hearsay: Hearsay, listening: EventLog) -> None:
    reader = asyncio.create_task(read_all(listening))
    await settle()
    await listening.close()

    assert await reader == []
    assert hearsay.listeners == 0


async def test_who_asks_after_a_gap_is_not_given_an_answer_from_before_it() -> None:
    tail_of_another = remote.RemoteTail()
    answered = asyncio.Event()
    asked: list[str] = []

    async def call() -> int:
        asked.append("again")
        number = len(asked)
        await answered.wait()
        return number

    before = [asyncio.create_task(tail_of_another.ask("events", call)) for _ in range(2)]
    await settle()
    tail_of_another.miss()
    after = asyncio.create_task(tail_of_another.ask("events", call))
    await settle()
    answered.set()

    assert await asyncio.gather(*before, after) == [1, 1, 2]


async def test_news_of_others_do_not_keep_a_reader_from_seeing_that_all_is_over(
    hearsay: Hearsay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "SILENCE_S", (0.01,))
    log = EventLog(MemoryStorage().as_storage(), "me")  # it says None all the time
    asked = 0

    async def over_when_asked_twice() -> bool:
        nonlocal asked
        asked += 1
        return asked == 2

    assert [event async for event in log.read("g1", 0, over_when_asked_twice)] == []
    await log.close()


ACTS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 4)),
    st.tuples(st.just("say"), st.integers(0, 6), st.integers(1, 6)),
    st.tuples(st.just("say of another"), st.integers(1, 9)),
    st.tuples(st.just("say None")),
    st.tuples(st.just("break")),
    st.tuples(st.just("read"), st.integers(0, 12), st.integers(0, 3)),
    st.tuples(st.just("leave"), st.integers(0, 5)),
)
LAST_ACTS = st.sampled_from([("say", 1000, 1000), ("say None",), ("break",)])
Act = tuple[Any, ...]
STEPS = st.lists(st.tuples(ACTS, st.integers(0, 12)), max_size=30)
Step = tuple[Act, int]
"""What happens, and how many turns of the event loop come after it."""


class Scene:
    """Another process appends, a listener tells, readers read."""

    def __init__(self) -> None:
        self.storage = Hearsay()
        self.storage.logs["g1"] = []
        self.log = EventLog(self.storage.as_storage(), "me")
        self.readers: list[tuple[int, asyncio.Task[list[LoggedEvent]]]] = []

    @property
    def durable(self) -> list[LoggedEvent]:
        return self.storage.logs["g1"]

    def append(self, *events: Event) -> None:
        self.durable.extend(logged(*events, owner="another", first=len(self.durable) + 1))

    async def take(self, act: Act, turns: int = 0) -> None:
        match act:
            case ("append", count):
                self.append(*(TextDelta(str(number)) for number in range(count)))
            case ("say", back, count):
                start = max(len(self.durable) - back, 0)
                self.storage.said.put_nowait(self.durable[start : start + count])
            case ("say of another", n):
                self.storage.said.put_nowait(logged(TextDelta("x"), id="g2", first=n))
            case ("say None",):
                self.storage.said.put_nowait(None)
            case ("break",):
                self.storage.said.put_nowait(StorageUnavailable("Away."))
            case ("read", after, pause):
                self.readers.append((after, asyncio.create_task(self._read(after, pause))))
            case ("leave", number) if number < len(self.readers):
                self.readers.pop(number)[1].cancel()
        await turns_of_the_loop(turns)

    async def _read(self, after: int, pause: int) -> list[LoggedEvent]:
        seen = []
        async for event in self.log.read("g1", after, not_over):
            seen.append(event)
            await turns_of_the_loop(pause)
        return seen

    async def play(self, steps: list[Step], last: Act | None) -> None:
        """Take all steps, end the generation and see what each reader was shown."""
        await self.take(("read", 0, 0))
        for step in steps:
            await self.take(*step)
        self.append(Completed())
        if last is not None:
            await self.take(last)
        for _ in range(4):
            await self.take(("read", len(self.durable) - 1, 0), turns=1)
        async with asyncio.timeout(PATIENCE_S):
            for after, reader in self.readers:
                if after < len(self.durable):
                    assert await reader == self.durable[after:]
        await self.log.close()


def _play(steps: list[Step], last: Act | None, silence_s: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote, "SILENCE_S", (silence_s,))
        patch.setattr(remote, "RETRY_LISTEN_S", 0)
        patch.setattr(remote, "PAGE", 3)
        patch.setattr(tail, "TAIL", 4)
        asyncio.run(_played(steps, last))


async def _played(steps: list[Step], last: Act | None) -> None:
    await Scene().play(steps, last)


# A reader that fell behind must not share an answer that was on its way before the news which it missed.
@example(
    [*[(("append", n), 0) for n in (1, 1, 2)], (("read", 3, 0), 0), (("append", 2), 2), (("read", 6, 0), 2),
     (("append", 1), 0), (("append", 3), 0)],
    ("say", 1000, 1000),
)  # fmt: skip
@given(STEPS, LAST_ACTS)
@settings(max_examples=250, deadline=None)
def test_readers_see_everything_once_however_the_listener_tells_it(steps: list[Step], last: Act) -> None:
    _play(steps, last, NEVER_S)


@given(STEPS)
@settings(max_examples=120, deadline=None)
def test_readers_see_everything_once_though_the_listener_keeps_quiet_of_the_end(steps: list[Step]) -> None:
    _play(steps, None, 0)


# Readers who are handed what comes


async def _follow(
    log: EventLog, seen: list[LoggedEvent], takes: Callable[[list[LoggedEvent]], bool], pushed: list[int]
) -> None:
    def push(batch: list[LoggedEvent]) -> bool:
        if not takes(batch):
            return False
        seen.extend(batch)
        pushed.extend(event.n for event in batch)
        return True

    async with aclosing(log.batches("g1", 0, not_over, push)) as batches:
        async for batch in batches:
            seen.extend(batch)


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.lists(st.booleans(), max_size=12))
@settings(deadline=None)
def test_what_comes_is_handed_on_or_yielded_once_and_in_order(takes: list[bool], pauses: list[bool]) -> None:
    async def run() -> None:
        memory = MemoryStorage()
        log = EventLog(memory.as_storage(), "me", tick_s=0)
        live = log.begin("g1")
        answers = iter([*takes, *[True] * 100])
        seen: list[LoggedEvent] = []
        reader = asyncio.create_task(_follow(log, seen, lambda _: next(answers), []))
        for number, pause in enumerate(pauses):
            log.put(live, SourceAdded(SourcePart(title=str(number), url="u")), urgent=True)
            if pause:
                await settle()
        async with asyncio.timeout(PATIENCE_S):
            assert await log.end(live, Completed())
            await reader
        assert seen == memory.logs["g1"]
        await log.close()

    asyncio.run(run())


async def test_a_reader_at_the_end_is_handed_what_comes_and_woken_for_the_terminator(
    memory: MemoryStorage, log: EventLog
) -> None:
    live = log.begin("g1")
    seen: list[LoggedEvent] = []
    pushed: list[int] = []
    readers = [asyncio.create_task(_follow(log, seen, lambda _: True, pushed)) for _ in range(2)]
    await settle()
    for text in ("a", "b"):
        await log.add(live, TextDelta(text), urgent=True)
        await settle()
    await log.end(live, Completed())
    await asyncio.gather(*readers)
    assert pushed == [1, 1, 2, 2]
    assert [one.n for one in seen] == [1, 1, 2, 2, 3, 3]
    assert live._followers == {}


async def test_a_reader_whose_hand_is_broken_harms_nobody(
    memory: MemoryStorage, log: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    live = log.begin("g1")
    bad: list[LoggedEvent] = []
    good: list[LoggedEvent] = []

    def broken(batch: list[LoggedEvent]) -> bool:
        raise TypeError("a bug")

    readers = [asyncio.create_task(_follow(log, bad, broken, [])), asyncio.create_task(read_all(log))]
    readers.append(asyncio.create_task(_follow(log, good, lambda _: True, [])))
    await settle()
    await log.add(live, TextDelta("a"), urgent=True)
    await settle()
    assert await log.end(live, Completed())
    await asyncio.gather(*readers)
    assert bad == good == memory.logs["g1"]
    assert "could not be handed" in caplog.text


async def test_a_reader_who_is_handed_what_comes_goes_on_elsewhere_when_the_log_is_lost(
    memory: MemoryStorage, log: EventLog
) -> None:
    live = log.begin("g1")
    seen: list[LoggedEvent] = []
    reader = asyncio.create_task(_follow(log, seen, lambda _: True, []))
    await log.add(live, TextDelta("a"), urgent=True)
    await settle()
    memory.logs["g1"] += logged(Interrupted(), owner="a sweeper", first=2)
    await log.add(live, TextDelta("b"), urgent=True)
    async with asyncio.timeout(PATIENCE_S):
        await reader
    assert [one.event for one in seen] == [TextDelta("a"), Interrupted()]
