"""Following an answer: what a signal, a reader that left and each ending lead to."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from argus_core.client.base import ChatClient
from argus_core.domain import Generation, Message, Problem, Turn, Usage
from argus_core.errors import StorageUnavailable
from argus_core.events import (
    Cancelled,
    Completed,
    Event,
    Failed,
    Interrupted,
    LoggedEvent,
    Started,
    TextDelta,
    is_terminator,
)
from argus_core.ids import utc_now
from argus_tui.cli import follow
from argus_tui.cli.follow import Follower

NOW = utc_now()
TURN = Turn(
    question=None,
    reply=Message(
        id="m", conversation_id="c", parent_id=None, seq=1, role="assistant", parts=(), status="running", created_at=NOW
    ),
    generation=Generation(
        id="g",
        conversation_id="c",
        user_id="u",
        message_id="m",
        model="scripted",
        status="running",
        created_at=NOW,
        owner="o",
        lease_until=NOW,
    ),
)


class Answer:
    """The role `generations` with one answer: it says `texts`, then ends as told, or when it is cancelled."""

    def __init__(self, *texts: str, ending: Event | None, after: asyncio.Event | None = None) -> None:
        self.texts = texts
        self.ending = ending
        self.after = after
        """What must happen before the ending comes."""
        self.cancelled = asyncio.Event()

    async def cancel(self, generation_id: str) -> None:
        assert generation_id == "g"
        self.cancelled.set()

    async def events(self, generation_id: str, *, after: int = 0) -> AsyncGenerator[LoggedEvent, None]:
        events: list[Event] = [Started("scripted"), *(TextDelta(text) for text in self.texts)]
        for n, event in enumerate(events, start=1):
            yield LoggedEvent("g", n, "o", event)
        if self.ending is None:
            await self.cancelled.wait()
        if self.after is not None:
            await self.after.wait()
        yield LoggedEvent("g", len(events) + 1, "o", self.ending or Cancelled())


class Recorder:
    """A view that keeps what it is shown, and does something at each text."""

    def __init__(self, at_text: Any = lambda: None) -> None:
        self.events: list[Event] = []
        self.gone = asyncio.Event()
        self.ended = False
        self._at_text = at_text

    def begin(self, turn: Turn) -> None:
        pass

    def show(self, logged: LoggedEvent) -> None:
        self.events.append(logged.event)
        if isinstance(logged.event, TextDelta):
            self._at_text()

    def end(self) -> None:
        self.ended = True

    def leave(self) -> None:
        self.gone.set()


@pytest.fixture(autouse=True)
def keep_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "drop_output", lambda: None)


async def run(answer: Answer, view: Recorder) -> int:
    client = cast(ChatClient, SimpleNamespace(generations=answer))
    return await Follower(client, TURN, view).run()


def signalled(number: signal.Signals) -> Any:
    return lambda: os.kill(os.getpid(), number)


async def test_a_whole_answer_is_success() -> None:
    view = Recorder()
    assert await run(Answer("a", "b", ending=Completed(Usage())), view) == 0
    assert [event.text for event in view.events if isinstance(event, TextDelta)] == ["a", "b"]


async def test_a_cut_at_the_length_limit_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(Answer("a", ending=Completed(truncated=True)), Recorder()) == 0
    assert "length limit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ending", "code", "words"),
    [
        (
            Failed(Problem(code="rate_limited", title="Too many requests", hint="Wait 7 s.")),
            5,
            "Too many requests. Wait",
        ),
        (Failed(Problem(code="key_rejected", title="Gemini did not accept the key")), 4, "did not accept"),
        (Failed(Problem(code="storage_error", title="The store did not take it")), 6, "store"),
        (Interrupted(), 1, "cut off"),
        (Cancelled(), 1, "another window"),
    ],
)
async def test_each_ending_has_its_code_and_sentence(
    ending: Event, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run(Answer("part", ending=ending), Recorder()) == code
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_stop_cancels_the_generation_and_reads_to_its_end(number: signal.Signals, code: int) -> None:
    answer, view = Answer("part", ending=None), Recorder(signalled(number))
    assert await run(answer, view) == code
    assert answer.cancelled.is_set()
    assert is_terminator(view.events[-1])


async def test_after_a_hang_up_the_answer_goes_on_unseen() -> None:
    view = Recorder(signalled(signal.SIGHUP))
    answer = Answer("one", "two", ending=Completed(), after=view.gone)
    assert await run(answer, view) == 129
    assert not answer.cancelled.is_set()


async def test_a_reader_that_left_stops_the_answer_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    def leave() -> None:
        raise BrokenPipeError

    answer, view = Answer("one", "two", ending=None), Recorder(leave)
    assert await run(answer, view) == 0
    assert answer.cancelled.is_set()
    assert view.gone.is_set()
    assert capsys.readouterr().err == ""


async def test_a_dead_terminal_does_not_stop_the_answer() -> None:
    def fail() -> None:
        raise OSError(errno.EIO, "Input/output error")

    answer, view = Answer("one", "two", ending=Completed()), Recorder(fail)
    assert await run(answer, view) == 0
    assert not answer.cancelled.is_set()
    assert view.gone.is_set()


async def test_a_full_disk_is_not_swallowed() -> None:
    def fail() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        await run(Answer("one", ending=Completed()), Recorder(fail))


async def test_an_error_on_the_way_ends_the_view_and_is_told_by_the_caller() -> None:
    class Broken(Answer):
        async def events(self, generation_id: str, *, after: int = 0) -> AsyncGenerator[LoggedEvent, None]:
            yield LoggedEvent("g", 1, "o", TextDelta("part"))
            raise StorageUnavailable

    view = Recorder()
    with pytest.raises(StorageUnavailable):
        await run(Broken(ending=None), view)
    assert view.ended


async def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        view = Recorder(signalled(signal.SIGHUP))
        assert await run(Answer("one", ending=Completed()), view) == 0
        assert not view.gone.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)
