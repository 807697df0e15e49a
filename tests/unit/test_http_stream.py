"""An answer read over a line that cuts, repeats, lies and falls silent: each event once, in order, to the end."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.client import http_line, http_stream
from argus_core.domain import Generation, Message, Turn
from argus_core.errors import (
    KeyMissing,
    LimitReached,
    NotAuthenticated,
    NotFound,
    ServerUnreachable,
    StorageUnavailable,
)
from argus_core.events import Completed, Event, LoggedEvent, Started, TextDelta
from argus_core.wire import encode
from tests.support.builders import NOON
from tests.support.scripted_server import (
    Body,
    ManualClock,
    ScriptedServer,
    client_of,
    frame,
    refusal,
    reply,
    stream,
    until,
)

EVENTS = "GET /generations/g/events"
LOG: list[Event] = [
    Started("m"),
    *(TextDelta(f"{word} ") for word in ["سلام", "the", "roof", "is", "屋根", "wet"]),
    Completed(),
]
EVENT_STREAM = {"Content-Type": "text/event-stream"}
CUT = httpx2.ReadError("cut")
GENERATION = Generation(
    id="g",
    conversation_id="c",
    user_id="u",
    message_id="m",
    model="m",
    status="running",
    created_at=NOON,
    owner="o",
    lease_until=NOON,
)
ENDED = Generation(**{**{name: getattr(GENERATION, name) for name in GENERATION.__slots__}, "status": "completed"})


def frames(after: int = 0, until: int | None = None) -> list[bytes]:
    """The frames of the log behind number `after`."""
    return [frame(encode(e)["type"], encode(e), n) for n, e in enumerate(LOG, 1)][after:until]


def last_seen(request: httpx2.Request) -> int:
    return int(request.headers["Last-Event-ID"])


def rest(request: httpx2.Request) -> httpx2.Response:
    """An honest connection."""
    return stream(*frames(last_seen(request)))


async def read(
    server: ScriptedServer, folder: Path, after: int = 0, clock: ManualClock | None = None
) -> list[LoggedEvent]:
    client = client_of(server, folder, clock)
    try:
        return [logged async for logged in client.generations.events("g", after=after)]
    finally:
        await client.close()


def numbered(after: int = 0) -> list[LoggedEvent]:
    return [LoggedEvent("g", n, "", event) for n, event in enumerate(LOG, 1)][after:]


async def test_an_answer_is_read_to_its_terminator(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(EVENTS, rest)
    assert await read(server, tmp_path) == numbered()
    assert len(server.sent(EVENTS)) == 1


@pytest.mark.parametrize("after", range(len(LOG)))
async def test_it_begins_behind_what_is_known(tmp_path: Path, after: int) -> None:
    server = ScriptedServer()
    server.on(EVENTS, rest)
    assert await read(server, tmp_path, after) == numbered(after)


async def test_a_cut_line_is_taken_up_at_once_where_it_was(tmp_path: Path) -> None:
    server, clock = ScriptedServer(), ManualClock()
    server.on(EVENTS, stream(*frames(0, 3), error=CUT), stream(*frames(3, 5), b"id: 6\ndata: {", error=CUT), rest)
    assert await read(server, tmp_path, clock=clock) == numbered()
    assert [last_seen(one) for one in server.sent(EVENTS)] == [0, 3, 5]
    assert sum(clock.slept) == 0


async def test_what_is_said_twice_is_told_once(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(EVENTS, stream(*frames(0, 4), *frames(1, 5), error=CUT), stream(*frames()))
    assert await read(server, tmp_path) == numbered()


async def test_a_gap_is_not_believed(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(EVENTS, stream(*frames(0, 2), *frames(4)), rest)
    assert await read(server, tmp_path) == numbered()


@pytest.mark.parametrize(
    "lie",
    [
        b"id: 1\nevent: started\ndata: {\n\n",
        b'id: 1\nevent: started\ndata: {"type": "unheard_of"}\n\n',
        b'id: one\nevent: started\ndata: {"type": "started", "model": "m"}\n\n',
        b'event: started\ndata: {"type": "started", "model": "m"}\n\n',
        b"id: 1\nevent: started\ndata: " + b"[" * 100_000 + b"\n\n",
        b"\xff\xfe\x00\n\nid: 1\ndata: \xff\n\n",
    ],
)
async def test_nonsense_is_asked_again_and_told_when_it_does_not_end(tmp_path: Path, lie: bytes) -> None:
    server = ScriptedServer()
    server.on(EVENTS, stream(lie), rest)
    assert await read(server, tmp_path) == numbered()
    server.on(EVENTS, stream(lie))
    with pytest.raises(ServerUnreachable, match="does not understand"):
        await read(server, tmp_path)


async def test_drain_means_to_go_on_elsewhere_at_once(tmp_path: Path) -> None:
    server, clock = ScriptedServer(), ManualClock()
    server.on(EVENTS, stream(*frames(0, 2), frame("drain", {})), stream(frame("drain", {})), rest)
    assert await read(server, tmp_path, clock=clock) == numbered()
    assert sum(clock.slept) <= 0.1


async def test_a_silent_line_is_dead(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(EVENTS, stream(*frames(0, 2), b": beat\n\n", error=httpx2.ReadTimeout("silent")), rest)
    assert await read(server, tmp_path) == numbered()
    assert server.sent(EVENTS)[0].extensions["timeout"]["read"] == 30.0


@pytest.mark.parametrize("drip", [b":", b" ", b"\n", b"id: 3\n"])
async def test_a_line_is_dead_without_whole_beats_whatever_bytes_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drip: bytes
) -> None:
    monkeypatch.setattr(http_line, "DEAD_S", 0.1)
    server = ScriptedServer()
    drips = httpx2.Response(200, headers=EVENT_STREAM, stream=Body(frames(0, 2), drip=drip))
    server.on(EVENTS, drips, rest)
    assert await read(server, tmp_path) == numbered()
    assert len(server.sent(EVENTS)) == 2


async def test_beats_keep_a_line_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_line, "DEAD_S", 0.1)
    server = ScriptedServer()
    beats = httpx2.Response(200, headers=EVENT_STREAM, stream=Body(frames(0, 2), drip=b": beat\n\n"))
    server.on(EVENTS, beats)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(server, tmp_path), 0.5)
    assert len(server.sent(EVENTS)) == 1


async def test_patience_grows_to_five_seconds_and_begins_anew_when_something_comes(tmp_path: Path) -> None:
    server, clock = ScriptedServer(), ManualClock()
    away = [httpx2.ConnectError("refused")] * 12
    server.on(EVENTS, *away, stream(*frames(0, 1), error=CUT), httpx2.ConnectError("refused"), rest)
    assert await read(server, tmp_path, clock=clock) == numbered()
    waits = clock.slept[:12]
    assert waits[0] == 0
    assert all(0.05 * 2**n <= wait <= 0.1 * 2**n for n, wait in enumerate(waits[1:6]))
    assert all(2.5 <= wait <= 5 for wait in waits[7:])
    assert max(clock.slept[12:]) <= 0.1


@pytest.mark.parametrize(
    "passing",
    [
        refusal(StorageUnavailable("Away.")),
        refusal(LimitReached("Too many streams are open.")),
        httpx2.Response(502, text="<html>Bad gateway"),
        httpx2.Response(404, text="<html>Not here"),
        httpx2.Response(200, text="<html>Sign in to the hotel"),
        stream(frame("problem", {"code": "storage_unavailable", "title": "Away"})),
        httpx2.ConnectTimeout("slow"),
        httpx2.RemoteProtocolError("half a header"),
    ],
)
async def test_what_passes_is_waited_for(tmp_path: Path, passing: httpx2.Response | Exception) -> None:
    server = ScriptedServer()
    server.on(EVENTS, passing, passing, rest)
    assert await read(server, tmp_path) == numbered()


async def test_a_server_that_asks_to_wait_is_left_alone_so_long(tmp_path: Path) -> None:
    server, clock = ScriptedServer(), ManualClock()
    server.on(EVENTS, refusal(LimitReached("Too many.", retry_after_s=7)), rest)
    assert await read(server, tmp_path, clock=clock) == numbered()
    assert clock.slept == [7]


@pytest.mark.parametrize(
    "error", [NotFound("No such answer."), KeyMissing("Strange, but told.")], ids=lambda error: error.code
)
async def test_what_does_not_pass_is_told(tmp_path: Path, error: NotFound | KeyMissing) -> None:
    server = ScriptedServer()
    server.on(EVENTS, refusal(error))
    with pytest.raises(type(error)):
        await read(server, tmp_path)


@pytest.mark.parametrize("data", [{"code": "not_authenticated", "title": "You were signed out"}, {}, "?"])
async def test_the_end_of_the_session_is_the_end(tmp_path: Path, data: object) -> None:
    server = ScriptedServer()
    server.on(EVENTS, stream(*frames(0, 2), frame("ended", data), *frames(2)))
    with pytest.raises(NotAuthenticated, match="signed out"):
        await read(server, tmp_path)


async def test_a_log_that_is_gone_ends_the_reading(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(EVENTS, stream())
    server.on("GET /generations/g", reply(ENDED))
    assert await read(server, tmp_path, 3) == []


async def test_an_answer_that_ends_while_we_ask_is_still_read_to_its_end(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(EVENTS, stream(), rest)
    server.on("GET /generations/g", reply(ENDED))
    assert await read(server, tmp_path) == numbered()


async def test_a_stream_that_ends_early_is_no_end_while_the_answer_runs(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(EVENTS, stream(*frames(0, 2)), stream(), stream(), rest)
    server.on("GET /generations/g", reply(GENERATION))
    assert await read(server, tmp_path) == numbered()


async def test_a_reader_that_leaves_closes_the_line(tmp_path: Path) -> None:
    server = ScriptedServer()
    opened = stream(*frames())
    server.on(EVENTS, opened)
    client = client_of(server, tmp_path)
    async with aclosing(client.generations.events("g")) as events:
        assert (await anext(events)).n == 1
    assert opened.stream.closed  # type: ignore[union-attr]
    await client.close()


@pytest.mark.parametrize("generation_id", ["", "..", "../admin/users", "a/b", "a?b", "x" * 65, "é"])
async def test_an_id_cannot_lead_elsewhere(tmp_path: Path, generation_id: str) -> None:
    server = ScriptedServer()
    client = client_of(server, tmp_path)
    with pytest.raises(NotFound):
        await anext(client.generations.events(generation_id))
    assert server.requests == []
    await client.close()


@dataclass(frozen=True)
class Connection:
    """What one connection does: bytes of the log behind an event, in pieces, then an end."""

    back: int
    """So many events before what was asked for are said again."""
    length: int
    """Bytes that come through."""
    piece: int
    ending: str


connections = st.builds(
    Connection,
    back=st.integers(0, 3),
    length=st.integers(0, 900),
    piece=st.integers(1, 400),
    ending=st.sampled_from(["cut", "clean", "silent", "drain", "refused", "503", "beat"]),
)


@given(st.lists(connections, max_size=12))
async def test_any_cutting_gives_each_event_once(plan: list[Connection]) -> None:
    def act(connection: Connection) -> object:
        def answer(request: httpx2.Request) -> httpx2.Response | Exception:
            if connection.ending == "refused":
                return httpx2.ConnectError("refused")
            if connection.ending == "503":
                return httpx2.Response(503)
            whole = b"".join(frames(max(0, last_seen(request) - connection.back)))
            sent = whole[: connection.length]
            pieces = [sent[at : at + connection.piece] for at in range(0, len(sent), connection.piece)]
            if connection.ending == "drain" and len(sent) == len(whole):
                pieces.append(frame("drain", {}))
            if connection.ending == "beat":
                pieces = [b": beat\n\n", *pieces]
            errors = {"cut": CUT, "beat": CUT, "silent": httpx2.ReadTimeout("silent")}
            return stream(*pieces, error=errors.get(connection.ending))

        return answer

    server = ScriptedServer()
    server.on(EVENTS, *(act(one) for one in plan), rest)  # type: ignore[arg-type]
    server.on("GET /generations/g", reply(GENERATION))
    with TemporaryDirectory() as folder:
        assert await read(server, Path(folder)) == numbered()


# The answer to a question goes on as the stream of its events

QUESTIONS = "POST /conversations/c/questions"
TURN = Turn(
    question=None,
    reply=Message(
        id="m",
        conversation_id="c",
        parent_id=None,
        seq=2,
        role="assistant",
        parts=(),
        status="running",
        created_at=NOON,
    ),
    generation=GENERATION,
)


def with_turn(*rest: bytes, error: Exception | None = None) -> httpx2.Response:
    return stream(frame("turn", encode(TURN)), *rest, error=error)


async def ask_and_read(server: ScriptedServer, folder: Path) -> list[LoggedEvent]:
    client = client_of(server, folder)
    try:
        turn = await client.generations.ask("c", "Why?")
        assert turn == TURN
        return [logged async for logged in client.generations.events(turn.generation.id)]
    finally:
        await client.close()


async def test_a_question_and_its_answer_are_one_request(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(QUESTIONS, with_turn(*frames()))
    assert await ask_and_read(server, tmp_path) == numbered()
    assert server.sent(QUESTIONS)[0].headers["Accept"] == "text/event-stream"
    assert server.sent(EVENTS) == []


async def test_a_server_that_answers_with_the_turn_alone_is_asked_for_the_events(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(QUESTIONS, reply(TURN, 201))
    server.on(EVENTS, rest)
    assert await ask_and_read(server, tmp_path) == numbered()


async def test_what_breaks_before_the_turn_is_asked_again_as_the_same_question(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(QUESTIONS, stream(error=CUT), stream(), with_turn(*frames()))
    assert await ask_and_read(server, tmp_path) == numbered()
    assert len({json.loads(one.content)["client_msg_id"] for one in server.sent(QUESTIONS)}) == 1
    assert len(server.sent(QUESTIONS)) == 3


async def test_what_breaks_behind_the_turn_is_taken_up_where_it_was(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(QUESTIONS, with_turn(*frames(0, 3), error=CUT))
    server.on(EVENTS, rest)
    assert await ask_and_read(server, tmp_path) == numbered()
    assert [last_seen(one) for one in server.sent(EVENTS)] == [3]


async def test_a_second_reader_opens_a_stream_of_its_own(tmp_path: Path) -> None:
    server = ScriptedServer()
    server.on(QUESTIONS, with_turn(*frames()))
    server.on(EVENTS, rest)
    client = client_of(server, tmp_path)
    turn = await client.generations.ask("c", "Why?")
    for _ in range(2):
        assert [logged async for logged in client.generations.events(turn.generation.id)] == numbered()
    assert len(server.sent(EVENTS)) == 1
    await client.close()


@pytest.mark.parametrize("first", [b"event: turn\ndata: {}\n\n", b"event: turn\ndata: no\n\n"])
async def test_a_first_event_that_is_no_turn_is_told_and_the_line_let_go(tmp_path: Path, first: bytes) -> None:
    server, answer = ScriptedServer(), stream(first)
    server.on(QUESTIONS, answer)
    client = client_of(server, tmp_path)
    with pytest.raises(ServerUnreachable):
        await client.generations.ask("c", "Why?")
    assert isinstance(answer.stream, Body)
    assert answer.stream.closed
    await client.close()


async def test_an_answer_that_nobody_reads_lets_go_of_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_stream, "UNREAD_S", 0.0)
    server, answer = ScriptedServer(), with_turn(*frames())
    server.on(QUESTIONS, answer)
    client = client_of(server, tmp_path)
    await client.generations.ask("c", "Why?")
    body = answer.stream
    assert isinstance(body, Body)
    await until(lambda: body.closed)
    await client.close()


async def test_closing_the_client_lets_go_of_answers_that_nobody_reads(tmp_path: Path) -> None:
    server, answer = ScriptedServer(), with_turn(*frames())
    server.on(QUESTIONS, answer)
    client = client_of(server, tmp_path)
    await client.generations.ask("c", "Why?")
    await client.close()
    assert isinstance(answer.stream, Body)
    assert answer.stream.closed
