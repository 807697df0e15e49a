"""The engine: stored, logged, shown, ended exactly once, whatever comes between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

import pytest

from argus_core.domain import Attachment, AttachmentPart, Generation, SourcePart, TextPart, ThoughtPart, Turn, Usage
from argus_core.errors import AttachmentRejected, NotFound, RateLimited, StorageUnavailable
from argus_core.events import (
    Cancelled,
    Completed,
    Event,
    Failed,
    Interrupted,
    LoggedEvent,
    Started,
    TextDelta,
    ThoughtDelta,
    is_terminator,
)
from argus_core.generations import engine as engine_module
from argus_core.generations import leases, patience
from argus_core.generations.engine import Engine
from argus_core.generations.fold import Folded
from argus_core.generations.log import EventLog
from argus_core.generations.run import MAX_COUNT
from argus_core.providers.base import (
    Chunk,
    EndChunk,
    ImageChunk,
    Prompt,
    SourceChunk,
    TextChunk,
    ThoughtChunk,
    UsageChunk,
)
from argus_core.providers.scripted import ScriptedProvider, Step, Stop, saying
from tests.support.memory import MemoryStorage
from tests.support.turns import NOW, USER, a_turn, logged, settle

BLANK = Prompt(model="scripted-1", messages=())
PICTURE = Attachment(id="a1", name="picture", media_type="image/png", size_bytes=1, digest="0" * 64)
NEVER_S = 3600.0
USED = Usage(input_tokens=7, thought_tokens=9)


async def blank() -> Prompt:
    return BLANK


async def keep(user_id: str, name: str, data: bytes) -> Attachment:
    if data == b"broken":
        raise AttachmentRejected("It is broken.")
    return PICTURE


class Stage:
    """An engine on a storage in memory, whose ticks never come: only what is urgent is written."""

    def __init__(self) -> None:
        self.memory = MemoryStorage()
        storage = self.memory.as_storage()
        self.engine = Engine(storage, keep, "me", log=EventLog(storage, "me", tick_s=NEVER_S), clock=lambda: NOW)
        self.provider = ScriptedProvider()

    def start(self, id: str = "g1", *steps: Step, prefix: str = "") -> Turn:
        turn = a_turn(id)
        assert turn.question is not None
        self.memory.put(turn.generation, turn.question, turn.reply)
        provider = ScriptedProvider(steps) if steps else self.provider
        self.engine.start(turn, provider, blank, prefix=prefix)
        return turn

    async def play(self, *steps: Step, prefix: str = "") -> list[Event]:
        self.start("g1", *steps, prefix=prefix)
        return [logged.event async for logged in self.engine.events(USER, "g1")]

    def follow(self, id: str = "g1", after: int = 0) -> asyncio.Task[list[LoggedEvent]]:
        async def collect() -> list[LoggedEvent]:
            return [logged async for logged in self.engine.events(USER, id, after)]

        return asyncio.create_task(collect())

    def said(self, id: str = "g1") -> str:
        return "".join(event.text for event in self.memory.events(id) if isinstance(event, TextDelta))

    def last(self, id: str = "g1") -> Event:
        ends = [event for event in self.memory.events(id) if is_terminator(event)]
        assert len(ends) == 1
        return ends[0]


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(patience, "RETRY_S", (0.0,))
    monkeypatch.setattr(engine_module, "_FINISHED_S", (0,))
    monkeypatch.setattr(engine_module, "_RETRY_FINISH_S", 0)
    stage = Stage()
    yield stage
    stage.memory.away = False
    stage.memory.open_gate.set()
    await stage.engine.close()


async def test_an_answer_is_logged_shown_and_stored(stage: Stage) -> None:
    usage = Usage(input_tokens=1, output_tokens=2)
    source = SourcePart("Title", "https://example.org")
    events = await stage.play(
        ThoughtChunk("hm"),
        TextChunk("Yes", 1),
        SourceChunk(source),
        ImageChunk("image/png", b"png"),
        TextChunk(""),
        TextChunk(".", 2),
        EndChunk(usage),
    )

    assert events[0] == Started("scripted-1")
    assert events[-1] == Completed(usage)
    assert events == stage.memory.events("g1")
    reply = stage.memory.messages["reply of g1"]
    assert reply.parts == (ThoughtPart("hm"), TextPart("Yes."), AttachmentPart(PICTURE), source)
    assert reply.status == stage.memory.generations["g1"].status == "completed"


async def test_the_message_is_stored_before_the_end_is_shown(stage: Stage) -> None:
    stage.start("g1", *saying("One two"))
    async for event in stage.engine.events(USER, "g1"):
        if is_terminator(event.event):
            assert stage.memory.messages["reply of g1"].text == "One two"
            return
    pytest.fail("no terminator came")


async def test_the_first_word_does_not_wait_for_the_tick(stage: Stage) -> None:
    stage.start()
    await stage.provider.wait_for_call()
    await settle()
    assert stage.memory.appends == []

    stage.provider.feed(TextChunk("Yes"))
    await settle()
    assert stage.memory.events("g1") == [Started("scripted-1"), TextDelta("Yes")]

    stage.provider.feed(TextChunk(" and more"))
    await settle()
    assert stage.said() == "Yes"


async def test_neither_the_first_thought_nor_the_first_word_after_it_waits(stage: Stage) -> None:
    stage.start()
    stage.provider.feed(ThoughtChunk("hm"))
    await settle()
    assert ThoughtDelta("hm") in stage.memory.events("g1")

    stage.provider.feed(TextChunk("Yes"))
    await settle()
    assert stage.said() == "Yes"


async def test_thinking_lasts_until_the_first_word(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("argus_core.generations.run.time.monotonic", lambda: now)
    stage.start()
    for chunk, seconds in (
        (ThoughtChunk("h"), 1.0),
        (ThoughtChunk("m"), 2.5),
        (TextChunk("Yes"), 4.0),
        (ThoughtChunk("?"), 9.0),
        (TextChunk("."), 20.0),
    ):
        stage.provider.feed(chunk)
        await settle()
        now += seconds
    stage.provider.feed(EndChunk())
    await settle()

    assert stage.memory.messages["reply of g1"].parts == (ThoughtPart("hm?", 3.5), TextPart("Yes."))


async def test_counts_that_no_storage_takes_are_capped(stage: Stage) -> None:
    absurd = Usage(input_tokens=10**40, output_tokens=-1, thought_tokens=3, cost_micro_usd=10**40)
    events = await stage.play(TextChunk("Yes", 10**40), EndChunk(absurd))

    capped = Usage(input_tokens=MAX_COUNT, output_tokens=0, thought_tokens=3, cost_micro_usd=MAX_COUNT)
    assert events[1:] == [TextDelta("Yes", MAX_COUNT), Completed(capped)]


async def test_an_error_of_the_provider_keeps_what_had_come(stage: Stage) -> None:
    events = await stage.play(TextChunk("Half"), RateLimited("Wait.", retry_after_s=7))

    assert isinstance(events[-1], Failed)
    assert (events[-1].problem.code, events[-1].problem.retry_after_s) == ("rate_limited", 7)
    assert stage.memory.messages["reply of g1"].text == "Half"


async def test_an_answer_without_an_end_was_cut_off(stage: Stage) -> None:
    events = await stage.play(TextChunk("Half"), Stop())

    assert isinstance(events[-1], Failed)
    assert events[-1].problem.title == "The answer was cut off"


async def test_a_picture_that_cannot_be_kept_fails_the_answer(stage: Stage) -> None:
    events = await stage.play(TextChunk("See:"), ImageChunk("image/png", b"broken"), EndChunk())

    assert isinstance(events[-1], Failed)
    assert events[-1].problem.code == "attachment_rejected"
    assert stage.said() == "See:"


@pytest.mark.parametrize(
    ("chunks", "title"),
    [
        ([EndChunk()], "The model answered without a word"),
        ([ThoughtChunk("hm"), EndChunk(USED)], "The model answered without a word"),
        ([ThoughtChunk("hm"), TextChunk(""), EndChunk(USED)], "The model answered without a word"),
        (
            [ThoughtChunk("hm"), EndChunk(USED, truncated=True)],
            "The model reached its length limit before it wrote a word",
        ),
    ],
)
async def test_an_answer_without_a_word_has_failed_and_keeps_what_had_come(
    stage: Stage, chunks: list[Chunk], title: str
) -> None:
    events = await stage.play(*chunks)

    assert isinstance(events[-1], Failed)
    assert (events[-1].problem.code, events[-1].problem.title) == ("empty_answer", title)
    message = stage.memory.messages["reply of g1"]
    end = chunks[-1]
    assert isinstance(end, EndChunk)
    assert (message.status, message.usage) == ("failed", end.usage)
    assert message.thoughts == "".join(chunk.text for chunk in chunks if isinstance(chunk, ThoughtChunk))


async def test_a_picture_alone_is_an_answer(stage: Stage) -> None:
    assert isinstance((await stage.play(ImageChunk("image/png", b"red"), EndChunk()))[-1], Completed)


async def test_an_answer_that_fails_on_its_way_keeps_what_it_used(stage: Stage) -> None:
    events = await stage.play(TextChunk("Half"), UsageChunk(USED), RateLimited("Wait."))

    assert isinstance(events[-1], Failed)
    assert events[-1].usage == USED


async def test_an_answer_at_its_length_limit_is_kept_as_such(stage: Stage) -> None:
    await stage.play(TextChunk("As far as it"), EndChunk(USED, truncated=True))

    assert stage.memory.messages["reply of g1"].truncated


async def test_a_bug_in_a_provider_is_told_and_ends_the_answer(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    events = await stage.play(TextChunk("Half"), ZeroDivisionError("a secret"))

    assert isinstance(events[-1], Failed)
    assert "secret" not in events[-1].problem.title + events[-1].problem.hint
    assert "ended by a bug" in caplog.text


async def test_a_prompt_that_cannot_be_made_fails_the_answer(stage: Stage) -> None:
    async def no_prompt() -> Prompt:
        raise StorageUnavailable("Away.")

    turn = a_turn()
    stage.memory.put(turn.generation, turn.reply)
    stage.engine.start(turn, stage.provider, no_prompt)

    events = [logged.event for logged in await stage.follow()]
    assert isinstance(events[-1], Failed)
    assert stage.provider.calls == []


async def test_what_an_answer_goes_on_from_is_its_first_delta(stage: Stage) -> None:
    events = await stage.play(*saying("two"), prefix="One ")

    assert events[0] == Started("scripted-1")
    assert isinstance(events[1], TextDelta)
    assert events[1].text.startswith("One ")
    assert stage.memory.messages["reply of g1"].text == "One two"


async def test_what_an_answer_goes_on_from_is_safe_before_the_model_says_a_word(stage: Stage) -> None:
    stage.start(prefix="One ")
    await settle()

    assert stage.memory.events("g1") == [Started("scripted-1"), TextDelta("One ")]


# Cancelling


async def test_cancel_keeps_every_chunk_that_had_come_and_closes_the_provider(stage: Stage) -> None:
    stage.start()
    call = await stage.provider.wait_for_call()
    stage.provider.feed(TextChunk("One "))
    await settle()
    stage.provider.feed(TextChunk("two "), TextChunk("three"))
    await settle()
    assert stage.said() == "One "

    await stage.engine.cancel(USER, "g1")
    await settle()

    assert call.closed
    assert stage.said() == "One two three"
    assert stage.last() == Cancelled()
    assert stage.memory.messages["reply of g1"].status == "cancelled"


async def test_cancel_before_the_first_step_ends_it_and_asks_nobody(stage: Stage) -> None:
    stage.start(prefix="Old text")
    await stage.engine.cancel(USER, "g1")
    await settle()

    assert stage.provider.calls == []
    assert stage.memory.events("g1") == [Started("scripted-1"), TextDelta("Old text"), Cancelled()]


async def test_cancel_while_the_history_is_read(stage: Stage) -> None:
    reading = asyncio.Event()

    async def slow() -> Prompt:
        reading.set()
        await asyncio.Event().wait()
        return BLANK

    turn = a_turn()
    stage.memory.put(turn.generation, turn.reply)
    stage.engine.start(turn, stage.provider, slow)
    await reading.wait()
    await stage.engine.cancel(USER, "g1")
    await settle()

    assert stage.last() == Cancelled()
    assert stage.provider.calls == []


class Reluctant:
    """A provider that needs a moment to close."""

    name = "reluctant"

    def __init__(self) -> None:
        self.may_close = asyncio.Event()
        self.closed_well = False

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        try:
            yield TextChunk("One")
            await asyncio.Event().wait()
        finally:
            await self.may_close.wait()
            self.closed_well = True


async def test_a_second_cancel_does_not_disturb_the_closing(stage: Stage) -> None:
    provider = Reluctant()
    turn = a_turn()
    stage.memory.put(turn.generation, turn.reply)
    stage.engine.start(turn, provider, blank)  # type: ignore[arg-type]
    await settle()
    for _ in range(3):
        await stage.engine.cancel(USER, "g1")
        await settle()
    provider.may_close.set()
    await settle()

    assert provider.closed_well
    assert stage.memory.events("g1") == [Started("scripted-1"), TextDelta("One"), Cancelled()]


async def test_cancel_after_the_last_chunk_changes_nothing(stage: Stage) -> None:
    stage.memory.open_gate.clear()
    stage.start("g1", *saying("Done"))
    await settle()  # the answer is whole; its terminator waits for the storage
    await stage.engine.cancel(USER, "g1")
    stage.memory.open_gate.set()
    await settle()
    await stage.engine.cancel(USER, "g1")

    assert isinstance(stage.last(), Completed)
    assert stage.memory.messages["reply of g1"].status == "completed"


@pytest.mark.parametrize("steps", range(12))
async def test_cancel_at_any_moment_ends_exactly_once(stage: Stage, steps: int) -> None:
    stage.start("g1", *saying("One two three"))
    for _ in range(steps):
        await asyncio.sleep(0)
    await stage.engine.cancel(USER, "g1")
    await settle()

    assert isinstance(stage.last(), Cancelled | Completed)
    assert "One two three".startswith(stage.said())
    assert stage.memory.messages["reply of g1"].text == stage.said()


async def test_cancel_needs_no_storage(stage: Stage) -> None:
    stage.start()
    call = await stage.provider.wait_for_call()
    stage.memory.away = True
    await stage.engine.cancel(USER, "g1")
    await settle()
    assert call.closed

    stage.memory.away = False
    await settle()
    assert stage.last() == Cancelled()


async def test_nobody_cancels_or_reads_what_another_user_runs(stage: Stage) -> None:
    stage.start()
    call = await stage.provider.wait_for_call()

    with pytest.raises(NotFound):
        await stage.engine.cancel("somebody else", "g1")
    with pytest.raises(NotFound):
        await anext(stage.engine.events("somebody else", "g1"))
    assert not call.closed


async def test_cancel_of_a_generation_elsewhere_asks_its_owner(stage: Stage) -> None:
    turn = a_turn(owner="another process")
    stage.memory.put(turn.generation)
    await stage.engine.cancel(USER, "g1")

    assert stage.memory.generations["g1"].cancel_requested


# Leases


async def _one_beat(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the background of the engine run, at a second that takes no time."""
    monkeypatch.setattr(engine_module, "RENEW_S", 0)
    await stage.engine.open()
    await settle()


async def test_leases_are_renewed_while_it_runs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = stage.start()
    stage.memory.put(replace(turn.generation, lease_until=NOW))
    await _one_beat(stage, monkeypatch)

    assert stage.memory.generations["g1"].lease_until == stage.engine.lease() > NOW


async def test_leases_are_renewed_at_once_when_the_storage_is_back(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_RETRY_RENEW_S", 0)
    turn = stage.start()
    await _one_beat(stage, monkeypatch)
    monkeypatch.setattr(engine_module, "RENEW_S", NEVER_S)
    stage.memory.away = True
    await settle()
    stage.memory.away = False
    stage.memory.put(replace(turn.generation, lease_until=NOW))
    await settle()

    assert stage.memory.generations["g1"].lease_until == stage.engine.lease() > NOW


async def test_a_cancel_from_another_process_is_honoured(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    turn = stage.start()
    stage.memory.put(replace(turn.generation, cancel_requested=True), turn.reply)
    await _one_beat(stage, monkeypatch)

    assert stage.last() == Cancelled()


async def test_own_generations_are_not_swept_though_nobody_renewed_their_lease(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "ABANDONED_S", 0)
    stage.start()

    assert await stage.engine.sweeper.sweep() == 0


async def test_a_generation_that_lost_its_slot_stops_the_provider_though_it_is_silent(stage: Stage) -> None:
    stage.start()
    call = await stage.provider.wait_for_call()
    stage.memory.logs["g1"] = logged(Interrupted(), owner="a sweeper")
    stage.provider.feed(TextChunk("late"))
    await settle()

    assert call.closed
    assert stage.memory.events("g1") == [Interrupted()]
    assert stage.memory.messages["reply of g1"].status == "interrupted"


async def test_an_event_that_cannot_be_stored_fails_the_answer_and_keeps_what_had_come(stage: Stage) -> None:
    stage.start()
    call = await stage.provider.wait_for_call()
    stage.provider.feed(TextChunk("One"))
    await settle()
    stage.memory.refuse = lambda one: TypeError("a bug") if isinstance(one.event, ThoughtDelta) else None
    stage.provider.feed(ThoughtChunk("Two"))
    assert await stage.engine.drain(60)
    assert call.closed
    reply = stage.memory.messages["reply of g1"]
    assert (reply.status, reply.text) == ("failed", "One")


async def test_a_log_lost_by_a_bug_stops_the_provider_and_is_left_to_the_sweeper(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "ABANDONED_S", 0)
    stage.start()
    call = await stage.provider.wait_for_call()
    stage.memory.refuse = lambda one: None if isinstance(one.event, Interrupted) else TypeError("a bug")
    stage.provider.feed(TextChunk("One"))
    assert await stage.engine.drain(60)
    assert call.closed

    assert await stage.engine.sweeper.sweep() == 1
    assert stage.last() == Interrupted()
    assert caplog.records


# Drain and close


async def test_drain_waits_until_all_have_ended(stage: Stage) -> None:
    assert await stage.engine.drain(0)
    stage.start()
    await stage.provider.wait_for_call()
    assert not await stage.engine.drain(0)

    stage.provider.feed(TextChunk("a"), EndChunk())
    assert await stage.engine.drain(60)
    assert stage.memory.messages["reply of g1"].status == "completed"


async def test_close_ends_what_runs_as_interrupted_and_keeps_the_text(stage: Stage) -> None:
    stage.start()
    call = await stage.provider.wait_for_call()
    stage.provider.feed(TextChunk("One "), TextChunk("two"))
    reader = stage.follow()
    await settle()
    await stage.engine.close()

    assert call.closed
    assert stage.last() == Interrupted()
    assert stage.memory.messages["reply of g1"].text == "One two"
    assert (await reader)[-1].event == Interrupted()


async def test_close_does_not_wait_for_a_storage_that_stays_away(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "CLOSE_S", 0)
    stage.start()
    call = await stage.provider.wait_for_call()
    reader = stage.follow()
    await settle()
    stage.memory.away = True
    await stage.engine.close()
    await stage.engine.close()

    assert call.closed
    assert stage.memory.events("g1") == []
    assert await reader == []
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_close_does_not_wait_for_a_message_that_cannot_be_finished(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "CLOSE_S", 0)

    async def away(*_: object) -> None:
        raise StorageUnavailable("Away.")

    monkeypatch.setattr(stage.memory, "finish_generation", away)
    stage.start("g1", *saying("Done"))
    await settle()
    await stage.engine.close()

    assert isinstance(stage.last(), Completed)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_nothing_starts_after_close(stage: Stage) -> None:
    await stage.engine.close()
    stage.start()
    await settle()

    assert stage.provider.calls == []
    assert await stage.engine.drain(0)


async def test_a_message_is_finished_when_the_storage_is_back(stage: Stage) -> None:
    stage.start()
    await stage.provider.wait_for_call()
    stage.memory.away = True
    stage.provider.feed(TextChunk("One "), TextChunk("two"), EndChunk())
    await settle()
    assert stage.memory.events("g1") == []

    stage.memory.away = False
    assert await stage.engine.drain(60)
    assert stage.memory.messages["reply of g1"].text == stage.said() == "One two"
    assert len(stage.memory.endings) == 1


async def test_an_answer_is_charged_for_before_it_is_finished_and_again_when_that_failed(stage: Stage) -> None:
    charged: list[tuple[str, str, str]] = []

    async def charge(generation: Generation, folded: Folded) -> None:
        charged.append((generation.id, folded.text, stage.memory.generations["g1"].status))
        if len(charged) == 1:
            raise StorageUnavailable("Away.")

    storage = stage.memory.as_storage()
    engine = stage.engine = Engine(storage, keep, "me", clock=lambda: NOW, settle=charge)
    await stage.play(*saying("Hi"))
    await engine.drain(NEVER_S)

    assert charged == [("g1", "Hi", "running")] * 2
    assert stage.memory.generations["g1"].status == "completed"


async def test_whoever_is_told_of_completed_answers_hears_of_those_only(stage: Stage) -> None:
    told: list[tuple[str, str]] = []
    stage.engine.on_completed.append(lambda generation, text: told.append((generation.id, text)))
    stage.start("g1", *saying("Whole"))
    stage.start("g2", TextChunk("Half"), Stop())
    assert await stage.engine.drain(60)

    assert told == [("g1", "Whole")]


async def test_twenty_answers_share_the_writes(stage: Stage) -> None:
    providers: list[ScriptedProvider] = []
    for number in range(20):
        turn = a_turn(f"g{number}")
        stage.memory.put(turn.generation, turn.reply)
        providers.append(ScriptedProvider())
        stage.engine.start(turn, providers[-1], blank)
    await settle()
    for provider in providers:
        provider.feed(TextChunk("a"))
    await settle()

    assert [len(batch) for batch in stage.memory.appends] == [40]  # each began and said its first word


@pytest.mark.parametrize("after", range(6))
async def test_a_late_reader_gets_everything_once(stage: Stage, after: int) -> None:
    whole = await stage.play(TextChunk("a"), ThoughtChunk("hm"), TextChunk("b"), EndChunk())

    assert [logged.event for logged in await stage.follow(after=after)] == whole[after:]


async def test_a_conversation_has_one_lock(stage: Stage) -> None:
    lock = stage.engine.turn("c1")

    assert stage.engine.turn("c1") is lock
    assert stage.engine.turn("c2") is not lock
