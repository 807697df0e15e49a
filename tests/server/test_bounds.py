"""U1 and U3 at the level of one server: work is bounded before it is done, and who does not read holds nothing up."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from argus_core.domain import Conversation, SignedIn
from argus_core.errors import InvalidInput
from argus_core.events import LoggedEvent, TextDelta
from argus_core.providers.base import EndChunk, TextChunk
from argus_core.providers.scripted import ScriptedProvider
from argus_core.server import intake, protocol, streams
from argus_core.server.account_stream import account_frames
from argus_core.server.answer_stream import Frames, answer_frames
from argus_core.server.uploads import MOST_WAITING, OF_USER, Uploads
from tests.server.conftest import Web
from tests.server.test_gate import connected, left
from tests.server.test_streams import ask, reading
from tests.support.fake_gemini import png
from tests.support.server import RunningServer, open_server

PATIENCE_S = 20.0


def head(method: str, path: str, who: SignedIn | None = None, *, length: int = 0, more: str = "") -> bytes:
    """Return the head of a request whose body is so long by its own account."""
    lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: x", "Content-Type: application/json"]
    lines += [f"Authorization: Bearer {who.access_token}"] if who else []
    lines += [f"Content-Length: {length}"] if length else []
    return ("\r\n".join(lines) + f"\r\n{more}\r\n").encode()


async def answered(server: RunningServer, sent: bytes) -> bytes:
    """Send something and return all that comes until the server closes the line."""
    reader, writer = await connected(server)
    writer.write(sent)
    answer = b""
    with suppress(ConnectionError):
        async with asyncio.timeout(PATIENCE_S):
            while more := await reader.read(1 << 16):
                answer += more
    await left(writer)
    return answer


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - it tells nobody when it happens
            await asyncio.sleep(0.01)


@asynccontextmanager
async def deaf(server: RunningServer, path: str, who: SignedIn) -> AsyncGenerator[None, None]:
    """Ask for something and read nothing of it."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect((host, int(port)))
        line.sendall(head("GET", path, who))
        yield


@pytest.mark.parametrize(
    ("method", "path", "length"),
    [
        ("POST", "/conversations/a/questions", 9 << 20),
        ("PUT", "/conversations/a/draft", 3 << 20),
        ("PATCH", "/conversations/a", 300 << 10),
        ("PUT", "/account/looking-at", 17 << 10),
        ("POST", "/attachments?name=a.png", (20 << 20) + 1),
    ],
)
async def test_a_body_that_says_it_is_too_long_is_refused_before_it_comes(
    server: RunningServer, sara: SignedIn, method: str, path: str, length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "LINGER_PIECE_S", 0.05)
    answer = await answered(server, head(method, path, sara, length=length))
    assert b" 422 " in answer.splitlines()[0]
    assert b"connection: close" in answer.lower()
    assert b"too large" in answer or b"larger than 20 MB" in answer


async def test_who_sends_a_body_that_is_too_long_hears_why(web: Web, sara: SignedIn) -> None:
    made = (await web("POST", "/conversations", sara, {})).json()["id"]
    refused = await web("POST", f"/conversations/{made}/questions", sara, {"text": "x" * (9 << 20)})
    assert (refused.status_code, refused.json()["title"]) == (422, "The request is too large")


async def test_a_body_of_many_fields_is_refused_for_the_first_ones(web: Web, sara: SignedIn) -> None:
    body = "{" + ",".join(f'"k{n}":1' for n in range(200_000)) + "}"
    sent = {"Content-Type": "application/json"}
    refused = await web("POST", "/conversations/a/questions", sara, content=body.encode(), headers=sent)
    assert (refused.status_code, refused.json()["hint"]) == (422, "It holds more than 128 values.")


async def test_strangers_are_counted_before_their_bodies_come(tmp_path: Path, provider: ScriptedProvider) -> None:
    async with open_server(tmp_path, provider, address_requests_per_minute=2) as server:
        for path in ("/auth/login", "/auth/refresh"):
            _, writer = await connected(server)
            writer.write(head("POST", path, length=1000))
            await asyncio.sleep(0.1)
            await left(writer)
        for path in ("/auth/login", "/auth/signup", "/auth/refresh", "/server"):
            method = "GET" if path == "/server" else "POST"
            refused = await answered(server, head(method, path, length=1000, more="Expect: 100-continue\r\n"))
            assert b" 429 " in refused.splitlines()[0]
            assert b"100 Continue" not in refused


async def test_tokens_that_are_not_good_are_counted_and_those_that_are_go_on(
    tmp_path: Path, provider: ScriptedProvider
) -> None:
    async with open_server(tmp_path, provider, address_requests_per_minute=3) as server:
        sara = await server.sign_up("Sara")
        bad = head("GET", "/account", more="Authorization: Bearer made.up.token\r\nConnection: close\r\n")
        statuses = [(await answered(server, bad)).split()[1] for _ in range(5)]
        assert statuses == [b"401", b"401", b"401", b"429", b"429"]
        good = head("GET", "/account", sara, more="Connection: close\r\n")
        assert (await answered(server, good)).split()[1] == b"200"


@pytest.mark.slow
async def test_bodies_that_come_half_take_no_more_than_one_user_may(
    web: Web, server: RunningServer, sara: SignedIn
) -> None:
    bodies = server.context.rooms.bodies
    lines = []
    for _ in range(6):
        reader, writer = await connected(server)
        writer.write(head("POST", "/conversations/a/questions", sara, length=5 << 20) + b" " * (4 << 20))
        with suppress(ConnectionError):
            await writer.drain()
        lines.append((reader, writer))
    await until(lambda: bodies.held == 5 << 20)  # what the first one says it is
    refused, waiting = await asyncio.wait([asyncio.create_task(_first_line(one[0])) for one in lines], timeout=3)
    told = [task.result()[:12] for task in refused]
    assert len(told) == 5
    assert told.count(b"HTTP/1.1 429") >= intake.new_rooms().lingering.most_of_one
    assert (await web("POST", "/conversations", sara, {"title": "a small one"})).status_code == 201
    assert bodies.held == 5 << 20
    for task in waiting:
        task.cancel()
    for _, writer in lines:
        await left(writer)
    await until(lambda: bodies.held == 0)


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionError:
        return b""  # who sends on when the line is closed may lose the answer


async def test_a_body_that_does_not_tell_its_length_is_counted_while_it_comes(
    server: RunningServer, sara: SignedIn
) -> None:
    bodies = server.context.rooms.bodies
    reader, writer = await connected(server)
    writer.write(head("POST", "/conversations/a/questions", sara, more="Transfer-Encoding: chunked\r\n"))
    piece = b"10000\r\n" + b" " * (64 << 10) + b"\r\n"
    writer.write(piece * 10)
    await until(lambda: bodies.held == 640 << 10)
    bodies.most_of_one = 1 << 20
    writer.write(piece * 10 + b"0\r\n\r\n")
    async with asyncio.timeout(PATIENCE_S):
        assert b" 429 " in await reader.readline()
    await left(writer)
    await until(lambda: bodies.held == 0)


@pytest.mark.slow
async def test_long_answers_of_one_user_that_are_not_read_are_bounded_and_cut(
    web: Web, server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "STUCK_S", 1.0)
    answers = server.context.rooms.answers
    made = (await web("POST", "/conversations", sara, {})).json()["id"]
    turn = await web("POST", f"/conversations/{made}/questions", sara, {"text": "🌧" * 2_000_000})
    path = f"/messages/{turn.json()['question']['id']}/path"
    async with deaf(server, path, sara), deaf(server, path, sara):
        await until(lambda: answers.held > 16_000_000)
        refused = await web("GET", path, sara)
        assert (refused.status_code, refused.json()["title"]) == (429, "Too many long answers at once")
        await until(lambda: answers.held == 0)
        assert (await web("GET", path, sara)).status_code == 200


@pytest.mark.slow
async def test_others_run_while_a_long_answer_is_made(web: Web, sara: SignedIn) -> None:
    made = (await web("POST", "/conversations", sara, {})).json()["id"]
    text = "سلام 🌧\n" * 250_000
    turn = await web("POST", f"/conversations/{made}/questions", sara, {"text": text})
    assert turn.json()["question"]["parts"] == [{"type": "text", "text": text}]
    assert len(turn.content) < len(text.encode()) + len(text) // 7 + 5_000  # only line ends are escaped


@pytest.mark.slow
async def test_a_stream_that_is_not_read_holds_no_other_up(
    web: Web, server: RunningServer, provider: ScriptedProvider, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEAT_S", 0.05)
    monkeypatch.setattr(streams, "TICK_S", 0.02)
    long = await ask(web, sara)
    provider.feed(*[TextChunk("word " * 3_000) for _ in range(1_000)], EndChunk())
    ali = await server.sign_up("Ali")
    async with deaf(server, f"/generations/{long['generation']['id']}/events", sara):
        await until(lambda: any(each.waiting_bytes > 0 for each in server.context.streams._open))
        async with reading(server, f"/account/events?client_id={'c' * 32}", ali) as frames, asyncio.timeout(PATIENCE_S):
            seen = [frame async for frame in _first(frames, 5)]
        assert {"comment": "beat"} in seen
        most = max(each.waiting_bytes for each in server.context.streams._open)
        assert most < protocol.HIGH_WATER_BYTES + (128 << 10)


async def _first(frames: AsyncIterator[Any], count: int) -> AsyncIterator[Any]:
    async for frame in frames:
        yield frame
        count -= 1
        if not count:
            return


@pytest.mark.slow
async def test_who_does_not_read_a_stream_that_has_ended_is_cut(
    web: Web, server: RunningServer, provider: ScriptedProvider, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "STUCK_S", 0.3)
    monkeypatch.setattr(streams, "LAST_WORD_S", 0.2)
    turn = await ask(web, sara)
    provider.feed(*[TextChunk("word " * 3_000) for _ in range(1_000)], EndChunk())
    path = f"/generations/{turn['generation']['id']}/events"
    async with reading(server, path, sara) as frames:
        assert [frame["event"] async for frame in frames][-1] == "completed"
    async with deaf(server, path, sara):
        await until(lambda: bool(server.context.streams._open))
        await until(lambda: not server.context.streams._open)


@pytest.mark.slow
async def test_when_all_streams_wait_too_much_the_fullest_are_cut(
    web: Web, server: RunningServer, provider: ScriptedProvider, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "TICK_S", 0.02)
    turn = await ask(web, sara)
    provider.feed(*[TextChunk("word " * 3_000) for _ in range(1_000)], EndChunk())
    async with (
        reading(server, f"/account/events?client_id={'c' * 32}", sara) as frames,
        deaf(server, f"/generations/{turn['generation']['id']}/events", sara),
    ):
        await anext(frames)
        await until(lambda: sum(each.waiting_bytes for each in server.context.streams._open) > 1 << 10)
        monkeypatch.setattr(streams, "MOST_WAITING_BYTES", 1 << 10)
        await until(lambda: len(server.context.streams._open) == 1)


@pytest.mark.slow
async def test_an_answer_is_encoded_once_for_all_who_read_it(
    web: Web, server: RunningServer, provider: ScriptedProvider, sara: SignedIn
) -> None:
    turn = await ask(web, sara)
    path = f"/generations/{turn['generation']['id']}/events"

    async def read() -> list[Any]:
        async with reading(server, path, sara) as frames:
            return [frame async for frame in frames]

    readers = [asyncio.create_task(read()) for _ in range(10)]
    await until(lambda: len(server.context.streams._open) == 10)
    for word in ("One ", "two ", "three"):
        provider.feed(TextChunk(word))
        await asyncio.sleep(0.12)
    provider.feed(EndChunk())
    first, *others = await asyncio.gather(*readers)
    assert others == [first] * 9
    assert server.context.frames.encoded <= len(first) + 2


async def test_long_events_go_out_a_few_at_a_time() -> None:
    async def batches(_push: object) -> AsyncGenerator[list[LoggedEvent], None]:
        yield [LoggedEvent("g", n, "me", TextDelta("x" * 10_000)) for n in range(1, 11)]

    sent = [data async for data in answer_frames(batches, Frames(), lambda _: False)]
    assert [data.count(b"event: text_delta") for data in sent] == [2] * 5


def test_encoded_events_are_kept_within_bounds() -> None:
    frames = Frames(most_bytes=1_000)
    for n in range(1, 100):
        frames.of([LoggedEvent("g", n, "me", TextDelta("x" * 100))])
    assert frames._bytes <= 1_000
    assert sum(map(len, frames._kept.values())) == frames._bytes
    frames.of([LoggedEvent("g", 99, "me", TextDelta("x" * 100))])
    assert frames.encoded == 99


@pytest.mark.parametrize("count", [9, 40])
async def test_requests_that_do_not_wait_for_their_answers_are_few(
    server: RunningServer, sara: SignedIn, count: int
) -> None:
    one = head("GET", "/account", sara)
    few = await answered(server, one * 4 + head("GET", "/account", sara, more="Connection: close\r\n"))
    assert few.count(b"HTTP/1.1 200") == 5
    stream = head("GET", f"/account/events?client_id={'c' * 32}", sara)
    many = await answered(server, stream + one * count)
    assert many.count(b"HTTP/1.1 200") <= 1
    await until(lambda: not server.context.streams._open)


async def test_a_body_behind_another_request_is_not_kept(server: RunningServer, sara: SignedIn) -> None:
    stream = head("GET", f"/account/events?client_id={'c' * 32}", sara)
    body = json.dumps({"title": "Roof"}).encode()
    cut = await answered(server, stream + head("POST", "/conversations", sara, length=len(body)) + body)
    assert cut.count(b"HTTP/1.1 201") == 0
    await until(lambda: not server.context.streams._open)


async def test_a_stream_ends_with_its_connection_also_when_another_request_waits(
    server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEAT_S", 0.1)
    monkeypatch.setattr(streams, "TICK_S", 0.05)
    _, writer = await connected(server)
    stream = head("GET", f"/account/events?client_id={'c' * 32}", sara)
    writer.write(stream + head("GET", "/account", sara))
    await until(lambda: bool(server.context.streams._open))
    writer.transport.abort()
    await until(lambda: not server.context.streams._open)


async def test_an_address_that_is_a_book_is_refused(server: RunningServer, sara: SignedIn) -> None:
    assert (await answered(server, head("GET", f"/search?q={'x' * 20_000}", sara))).startswith(b"HTTP/1.1 400")
    many = await answered(server, head("GET", f"/search?{'a&' * 4_000}", sara, more="Connection: close\r\n"))
    assert b" 422 " in many.splitlines()[0]


@pytest.fixture
def few_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time: the third would take the last place, with which all would be turned away."""
    made = protocol.BoundedProtocol.__init__

    def limited(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.limit_concurrency = 3

    monkeypatch.setattr(protocol.BoundedProtocol, "__init__", limited)


@pytest.mark.usefixtures("few_connections")
async def test_a_connection_too_many_is_told_so_though_it_asks_nothing(server: RunningServer, sara: SignedIn) -> None:
    at_work = [await connected(server) for _ in range(2)]
    for _, writer in at_work:
        writer.write(head("POST", "/conversations", sara, length=100))
        await asyncio.sleep(0.05)
    assert (await answered(server, b"")).startswith(b"HTTP/1.1 503")
    for _, writer in at_work:
        await left(writer)
    await asyncio.sleep(0.05)
    assert (await answered(server, head("GET", "/server", more="Connection: close\r\n"))).startswith(b"HTTP/1.1 200")


@pytest.mark.usefixtures("few_connections")
@pytest.mark.parametrize("begun", [b"", b"GET /api/v1/serv", head("GET", "/server")], ids=["nothing", "half", "done"])
async def test_who_asks_nothing_makes_room_for_who_asks(server: RunningServer, begun: bytes) -> None:
    """Else whoever opens enough connections keeps everybody out, for as long as they like."""
    reader, idle = await connected(server)
    idle.write(begun)
    await asyncio.sleep(0.05)
    _, younger = await connected(server)
    await asyncio.sleep(0.05)
    assert (await answered(server, head("GET", "/server", more="Connection: close\r\n"))).startswith(b"HTTP/1.1 200")
    with suppress(ConnectionError):
        async with asyncio.timeout(PATIENCE_S):
            while await reader.read(1 << 16):
                pass
    assert not younger.is_closing()
    for writer in (idle, younger):
        await left(writer)


class _Broken:
    """A client whose conversations cannot be followed because of a bug."""

    def __init__(self) -> None:
        self.account = self.conversations = self

    async def changes(self) -> AsyncGenerator[Conversation, None]:
        raise TypeError("a bug")
        yield

    async def watchers(self) -> AsyncGenerator[list[Any], None]:
        yield []
        await asyncio.Event().wait()


async def test_a_bug_ends_the_stream_of_the_account() -> None:
    client: Any = _Broken()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(TypeError, match="a bug"):
            [data async for data in account_frames(client)]


async def test_a_picture_is_written_to_disk_away_from_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()
    write = tempfile.SpooledTemporaryFile.write

    def noted(file: Any, data: Any) -> Any:
        threads.add(threading.get_ident())
        return write(file, data)

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "write", noted)
    picture = png(400, 400)

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(picture), 1000):
            yield picture[at : at + 1000]

    async with Uploads().received("sara", pieces()) as data:
        assert data == picture
    assert threads
    assert threading.get_ident() not in threads


async def test_pictures_of_one_user_wait_in_a_bounded_line() -> None:
    uploads, go_on = Uploads(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        await go_on.wait()
        yield b"a picture"

    async def send() -> bytes:
        async with uploads.received("sara", slowly()) as data:
            return data

    sending = [asyncio.create_task(send()) for _ in range(OF_USER + MOST_WAITING + 3)]
    await asyncio.sleep(0.01)
    go_on.set()
    outcomes = await asyncio.gather(*sending, return_exceptions=True)
    assert outcomes.count(b"a picture") == OF_USER + MOST_WAITING
    assert await send() == b"a picture"


async def test_a_draft_is_kept_up_to_a_length(web: Web, sara: SignedIn) -> None:
    made = (await web("POST", "/conversations", sara, {})).json()["id"]
    kept = await web("PUT", f"/conversations/{made}/draft", sara, {"draft": "س" * 500_000})
    assert kept.status_code == 204
    refused = await web("PUT", f"/conversations/{made}/draft", sara, {"draft": "x" * 500_001})
    assert (refused.status_code, refused.json()["code"]) == (422, InvalidInput.code)
