"""What an attacker does to a server over bare sockets, each for some seconds; run in a process of its own.

An attack knows only its target. It counts how its requests were answered, so that a test can tell that it was let near;
what it does is bounded in number, in bytes and in time.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Any

from argus_core.conversations import MAX_DRAFT, MAX_SYSTEM, MAX_TITLE
from tests.faults.line import ANSWER_S
from tests.support.fake_gemini import png

API = "/api/v1"
MILLION = 1_000_000
MOST_CHARS = 2 * MILLION
MOST_CONNECTIONS = 4096
"""Of a server, where it may open so many files."""
BROKEN = 0
"""The status of a request whose answer did not come."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server, an account on it, and how long it is attacked."""

    port: int
    address: str
    """Of this machine, and not the victim's: what is counted for an address is counted for the attacker's own."""
    access_token: str = ""
    refresh_token: str = ""
    seconds: float = 3.5
    ids: tuple[str, ...] = ()
    """What was made before the attack."""


@dataclass
class Attacker:
    """Sends requests and counts their answers."""

    target: Target
    statuses: Counter[int] = field(default_factory=Counter)
    until: float = field(init=False)

    def __post_init__(self) -> None:
        self.until = time.monotonic() + self.target.seconds

    @property
    def left_s(self) -> float:
        return max(0.0, self.until - time.monotonic())

    def request(
        self, method: str, path: str, body: bytes | Any = b"", *, length: int | None = None, after: int = 0
    ) -> bytes:
        """Return a request as it goes over the line.

        Args:
            method: Of HTTP.
            path: Below the API.
            body: Bytes, or what is sent as JSON.
            length: What it says of the body's length, if that is not true.
            after: The last event seen of a stream.
        """
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        lines = [f"{method} {API}{path} HTTP/1.1", "Host: argus"]
        lines += [f"Last-Event-ID: {after}"] if after else []
        lines += [f"Authorization: Bearer {self.target.access_token}"] if self.target.access_token else []
        lines += [f"Content-Type: {'application/json' if data[:1] == b'{' else 'application/octet-stream'}"]
        lines += [f"Content-Length: {len(data) if length is None else length}"]
        return "\r\n".join([*lines, "", ""]).encode() + data

    @asynccontextmanager
    async def line(self, address: str = "", *, room: int = 0) -> AsyncGenerator[socket.socket, None]:
        """Open a connection; `room` is what the system takes for one who does not read."""
        with socket.socket() as line:
            line.setblocking(False)
            if room:
                line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
            line.bind((address or self.target.address, 0))
            await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", self.target.port))
            yield line

    async def send(self, request: bytes, *, address: str = "") -> tuple[int, bytes]:
        """Send a request and return status and body; nothing of either when the line breaks."""
        try:
            async with asyncio.timeout(ANSWER_S), self.line(address) as line:
                status, body = await _answered(line, request)
        except (OSError, TimeoutError):
            status, body = BROKEN, b""
        self.statuses[status] += 1
        return status, body

    async def make(self, method: str, path: str, body: Any = b"") -> Any:
        """Send a request that must be granted, and return what was made."""
        status, answer = await self.send(self.request(method, path, body))
        assert status in (200, 201), (path, status, answer[:500])
        return json.loads(answer)

    async def conversation(self, model: str = "once-16", **more: str) -> str:
        return str((await self.make("POST", "/conversations", {"model": model, **more}))["id"])

    async def ask(self, conversation_id: str, text: str = "Why?") -> Any:
        return await self.make("POST", f"/conversations/{conversation_id}/questions", {"text": text})

    async def at_once(self, number: int, act: Callable[[int], Awaitable[object]]) -> None:
        """Do something over and over from many places, until the time is over."""

        async def again(place: int) -> None:
            for turn in count():
                if not self.left_s:
                    return
                await act(turn * number + place)
                await asyncio.sleep(0)

        await asyncio.gather(*(again(place) for place in range(number)))

    async def unread(self, requests: list[bytes], *, room: int = 4096) -> None:
        """Send each request on a line of its own and read nothing of the answers until the time is over."""

        async def one(request: bytes) -> None:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self.left_s), self.line(room=room) as line:
                    await asyncio.get_running_loop().sock_sendall(line, request)
                    self.statuses[200] += 1
                    await asyncio.sleep(self.left_s)

        await asyncio.gather(*(one(each) for each in requests))


async def _answered(line: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Send a request, though the server may answer before it has come whole, and return status and body."""
    loop = asyncio.get_running_loop()
    sending = asyncio.ensure_future(loop.sock_sendall(line, request))
    try:
        answer = bytearray()
        while b"\r\n\r\n" not in answer:
            piece = await loop.sock_recv(line, 1 << 16)
            if not piece:
                raise ConnectionResetError
            answer += piece
        head, _, rest = bytes(answer).partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), await _rest(line, head.lower(), rest)
    finally:
        sending.cancel()
        with suppress(OSError, asyncio.CancelledError):
            await sending


async def _rest(line: socket.socket, head: bytes, body: bytes) -> bytes:
    """Return the body of an answer, of which some has come; of a stream all that came until its end."""
    loop = asyncio.get_running_loop()
    is_chunked = b"transfer-encoding: chunked" in head
    length = 0 if is_chunked else int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or b"0")
    pieces, came = [body], len(body)
    while not pieces[-1].endswith(b"0\r\n\r\n") if is_chunked else came < length:
        piece = await loop.sock_recv(line, 1 << 20)
        if not piece:
            break
        pieces.append(piece)
        came += len(piece)
    return b"".join(pieces)


@cache
def chinese(letters: int) -> str:
    """Return text in which hardly a pair of letters comes twice."""
    return "".join(chr(0x4E00 + (n * 7919 + n * n % 7907) % 20_000) for n in range(letters))


def many_keys(size: int) -> bytes:
    """Return a JSON object of so many bytes, each of its fields unknown."""
    return b"{" + b",".join(b'"k%07d":1' % n for n in range(size // 13)) + b"}"


# ---- U1: bodies -------------------------------------------------------------------------------------------------


async def unknown_keys(attacker: Attacker) -> None:
    """Bodies of a quarter of a million fields that nobody knows, wherever a body is taken."""
    id = await attacker.conversation()
    large, small = many_keys(2_900_000), many_keys(250_000)
    requests = [
        attacker.request("POST", f"/conversations/{id}/questions", large),
        attacker.request("PUT", f"/conversations/{id}/draft", large),
        attacker.request("POST", "/conversations", small),
        attacker.request("PATCH", f"/conversations/{id}", small),
        attacker.request("PUT", "/account/preferences/theme", small),
        attacker.request("PUT", "/account/looking-at", small),
    ]
    await attacker.at_once(8, lambda n: attacker.send(requests[n % len(requests)]))


async def deep_nesting(attacker: Attacker) -> None:
    """Lists in lists in lists, closed and never closed, and one word a million times."""
    id = await attacker.conversation()
    bodies = [
        b'{"text":' + b"[" * 3_000_000,
        b'{"text":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
        b'{"text":' + b'{"a":' * 500_000 + b"1" + b"}" * 500_001,
        b'{"text":"' + b"\\u4e00" * 480_000 + b'","text":"' + b"\\ud83e\\udd8a" * 200_000 + b'"}',
        b'{"text":' + b"9" * 2_900_000 + b"}",
        b'{"attachment_ids":[' + b'"a",' * 700_000 + b'"a"],"text":"x"}',
    ]
    requests = [attacker.request("POST", f"/conversations/{id}/questions", each) for each in bodies]
    requests += [
        attacker.request("PUT", f"/conversations/{id}/draft", each.replace(b"text", b"draft", 1)) for each in bodies
    ]
    await attacker.at_once(8, lambda n: attacker.send(requests[n % len(requests)]))


async def strangers(attacker: Attacker) -> None:
    """Who has no account sends large bodies to what is open to everybody."""
    attacker.target = replace(attacker.target, access_token="")
    keys, pad = many_keys(250_000), b'{"email":"' + b"x" * 240_000 + b'","password":"p"}'
    open_to_all = ("/auth/login", "/auth/signup", "/auth/refresh")
    requests = [
        attacker.request("POST", path, body) for path in open_to_all for body in (keys, pad, b" " * 12 * MILLION)
    ]
    requests += [attacker.request("POST", "/conversations/x/questions", b" " * 12 * MILLION)]
    await attacker.at_once(24, lambda n: attacker.send(requests[n % len(requests)]))


# ---- U2: text ---------------------------------------------------------------------------------------------------


async def long_questions(attacker: Attacker) -> None:
    """Questions of two million Chinese letters, each in a conversation of its own."""
    text = chinese(MOST_CHARS)

    async def ask(_: int) -> None:
        id = await attacker.conversation("err-500")
        await attacker.send(attacker.request("POST", f"/conversations/{id}/questions", {"text": text}))

    await attacker.at_once(3, ask)


async def long_texts(attacker: Attacker) -> None:
    """Drafts, titles, system texts and preferences as long as they may be."""
    id = await attacker.conversation()
    place = f"/conversations/{id}"
    requests = [
        attacker.request("PUT", f"{place}/draft", {"draft": chinese(MOST_CHARS)}),
        attacker.request("PUT", f"{place}/draft", {"draft": chinese(MAX_DRAFT)}),
        attacker.request("PATCH", place, {"title": chinese(MAX_TITLE)}),
        attacker.request("PATCH", place, {"system": chinese(MAX_SYSTEM)}),
        attacker.request("PUT", "/account/preferences/theme", {"value": chinese(10_000)}),
        attacker.request("PATCH", place, {"title": "\u0301" * MAX_TITLE}),
    ]
    await attacker.at_once(6, lambda n: attacker.send(requests[n % len(requests)]))


async def long_searches(attacker: Attacker) -> None:
    """Searches of 500 letters, of one that is everywhere, and of two million."""
    words = [chinese(1), chinese(500), " ".join(chinese(250)), "a" * 500, '"' * 500]
    paths = [f"/search?limit=500&q={_quoted(each)}" for each in words]
    paths += [f"/conversations?limit=500&title_words={_quoted(each[:300])}" for each in words]
    requests = [attacker.request("GET", each) for each in paths]
    requests += [attacker.request("GET", "/search?q=" + "%E4%B8%80" * MOST_CHARS)]
    await attacker.at_once(8, lambda n: attacker.send(requests[n % len(requests)]))


async def something_long(attacker: Attacker) -> tuple[str, ...]:
    """Make a conversation whose one question is as long as it may be, and return the id of the answer to it."""
    turn = await attacker.ask(await attacker.conversation(), chinese(MOST_CHARS))
    return (turn["reply"]["id"],)


def _quoted(text: str) -> str:
    return "".join(f"%{each:02X}" for each in text.encode())


# ---- U3: who does not read --------------------------------------------------------------------------------------


async def long_answers(attacker: Attacker) -> tuple[str, ...]:
    """Have answers written of two million characters and of three thousand pieces, and return their ids."""
    turns = [await attacker.ask(await attacker.conversation(model)) for model in ("once-2000000", "flood-3000")]
    ids = tuple(each["generation"]["id"] for each in turns)
    for id in ids:
        await attacker.send(attacker.request("GET", f"/generations/{id}/events"))
    return ids


def _streams(attacker: Attacker, each: int) -> list[bytes]:
    answers = [f"/generations/{id}/events" for id in attacker.target.ids for _ in range(each)]
    account = [f"/account/events?client_id={n:032}" for n in range(each)]
    return [attacker.request("GET", path) for path in answers + account]


async def unread_streams(attacker: Attacker) -> None:
    """Streams of answers and of the account that nobody reads, while the account changes."""
    id = await attacker.conversation()
    rename = [
        attacker.request("PATCH", f"/conversations/{id}", {"title": f"{n} {chinese(MAX_TITLE - 5)}"}) for n in range(8)
    ]
    draft = attacker.request("PUT", f"/conversations/{id}/draft", {"draft": chinese(MAX_DRAFT)})
    system = attacker.request("PATCH", f"/conversations/{id}", {"system": chinese(MAX_SYSTEM)})
    changes = [draft, system, *rename]
    await asyncio.gather(
        attacker.unread(_streams(attacker, 20)),
        attacker.at_once(2, lambda n: attacker.send(changes[n % len(changes)])),
    )


async def unread_pages(attacker: Attacker) -> None:
    """150 clients ask for pages of six megabytes and read nothing."""
    [leaf] = attacker.target.ids
    await attacker.unread([attacker.request("GET", f"/messages/{leaf}/path?limit=500")] * 150)


async def half_bodies(attacker: Attacker) -> None:
    """200 bodies of which all but the end comes."""
    id = await attacker.conversation()
    body = b'{"text":"' + b"x" * (11 * MILLION)
    question = attacker.request("POST", f"/conversations/{id}/questions", body, length=12 * MILLION)
    picture = attacker.request("POST", "/attachments?name=roof.png", b"\x89PNG" + body, length=20 * MILLION)
    await attacker.unread([question] * 150 + [picture] * 50)


async def ended_streams(attacker: Attacker) -> None:
    """Some hundred stay connected when their stream has ended; half of them have not even read it."""
    whole = [attacker.request("GET", f"/generations/{id}/events") for id in attacker.target.ids]

    async def read_and_stay(n: int) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(attacker.left_s), attacker.line() as line:
                status, _ = await _answered(line, whole[n % len(whole)])
                attacker.statuses[status] += 1
                await asyncio.sleep(attacker.left_s)

    await asyncio.gather(attacker.unread(whole * 25), *(read_and_stay(n) for n in range(50)))


# ---- U5, U6: many things, large events --------------------------------------------------------------------------


async def hoards(attacker: Attacker) -> None:
    """Conversations with all the text they hold, preferences, sessions and lists of it all."""
    system, draft = {"system": chinese(MAX_SYSTEM)}, {"draft": chinese(MAX_DRAFT)}
    listing = attacker.request("GET", "/conversations?limit=500")

    async def hoard(n: int) -> None:
        if n % 4 == 3:
            await attacker.send(listing)
            return
        status, made = await attacker.send(attacker.request("POST", "/conversations", {"title": f"{n}", **system}))
        if status == 201:
            id = json.loads(made)["id"]
            await attacker.send(attacker.request("PUT", f"/conversations/{id}/draft", draft))
        await attacker.send(attacker.request("PUT", f"/account/preferences/p{n}", {"value": chinese(10_000)}))

    await attacker.at_once(8, hoard)


async def large_events(attacker: Attacker) -> None:
    """Answers that come in one event of 5 and of 20 MB."""
    for model in ("once-5000000", "once-20000000", "once-5000000"):
        await attacker.ask(await attacker.conversation(model))
    await asyncio.sleep(attacker.left_s)


# ---- U7 to U9: not in the issue ---------------------------------------------------------------------------------


async def slow_heads(attacker: Attacker) -> None:
    """A thousand connections on which nothing comes, or a letter of a header now and then."""

    async def drip(n: int) -> None:
        loop = asyncio.get_running_loop()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(attacker.left_s), attacker.line() as line:
                attacker.statuses[200] += 1
                await loop.sock_sendall(line, b"GET /healthz HTTP/1.1\r\nX-A: " if n % 2 else b"")
                while True:
                    await asyncio.sleep(0.3)
                    await loop.sock_sendall(line, b"x" if n % 2 else b"")

    await asyncio.gather(*(drip(n) for n in range(_room_for(1000))))


async def crowd(attacker: Attacker) -> None:
    """More connections than the server takes, on which nothing is asked, and another for each that it closes."""
    loop = asyncio.get_running_loop()

    async def stand(_: int) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(attacker.left_s), attacker.line() as line:
                attacker.statuses[200] += 1
                while await loop.sock_recv(line, 1 << 10):
                    pass
        await asyncio.sleep(0.1)

    await attacker.at_once(_room_for(MOST_CONNECTIONS + 200), stand)


def _room_for(lines: int) -> int:
    """Return as many lines as this process may open, at most so many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = lines + 100 if most == resource.RLIM_INFINITY else min(lines + 100, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
    return files - 100


async def sign_in_storm(attacker: Attacker) -> None:
    """Passwords are tried from 200 addresses, and one refresh token is sent again and again."""
    again = attacker.request("POST", "/auth/refresh", {"refresh_token": attacker.target.refresh_token})
    attacker.target = replace(attacker.target, access_token="")

    async def one(n: int) -> None:
        address = f"127.0.1.{1 + n % 200}"
        if n % 3 == 2:
            await attacker.send(again, address=address)
        else:
            tried = {"email": f"{n}@example.org", "password": "not this one"}
            await attacker.send(attacker.request("POST", "/auth/login", tried), address=address)

    await attacker.at_once(48, one)


async def replays(attacker: Attacker) -> None:
    """A long log is read from its beginning by forty at once, over and over."""
    requests = [
        attacker.request("GET", f"/generations/{id}/events", after=n) for n in (1, 2, 500) for id in attacker.target.ids
    ]
    await attacker.at_once(40, lambda n: attacker.send(requests[n % len(requests)]))


async def rename_storm(attacker: Attacker) -> None:
    """A title changes as often as it can, and fifty windows of the account are told each time."""
    id = await attacker.conversation()
    windows = [attacker.request("GET", f"/account/events?client_id={n:032}") for n in range(50)]

    async def window(request: bytes) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(attacker.left_s):
                await attacker.send(request)

    await asyncio.gather(
        *(window(each) for each in windows),
        attacker.at_once(
            8, lambda n: attacker.send(attacker.request("PATCH", f"/conversations/{id}", {"title": f"{n}"}))
        ),
    )


async def change_of_mind(attacker: Attacker) -> None:
    """Ask, stop, ask again, undo: as quickly as it goes, in a dozen conversations."""
    ids = [await attacker.conversation("rate-1000-100") for _ in range(12)]

    async def one(n: int) -> None:
        place = f"/conversations/{ids[n % 12]}"
        for act in ("questions", "retry", "continue"):
            body: Mapping[str, str] | bytes = {"text": "Why?"} if act == "questions" else b""
            status, turn = await attacker.send(attacker.request("POST", f"{place}/{act}", body))
            if status == 201:
                running = json.loads(turn)["generation"]["id"]
                await attacker.send(attacker.request("POST", f"/generations/{running}/cancel"))
        await attacker.send(attacker.request("POST", f"{place}/undo"))

    await attacker.at_once(12, one)


async def floods(attacker: Attacker) -> None:
    """As many answers as a user may ask for in a minute, each as fast as it can be taken."""

    async def ask(place: int) -> None:
        for n in range(place, 30, 6):
            await attacker.ask(await attacker.conversation(f"flood-{6_000 + n}"))

    await asyncio.gather(*(ask(place) for place in range(6)))
    await asyncio.sleep(attacker.left_s)


async def picture_storm(attacker: Attacker) -> None:
    """Pictures as large as they may be, from a dozen at once."""
    data = png(6000, 6000)
    request = attacker.request("POST", "/attachments?name=roof.png", data)
    await attacker.at_once(12, lambda _: attacker.send(request))


# ---- how they are run -------------------------------------------------------------------------------------------

Strike = Callable[[Attacker], Awaitable[None]]
Prepare = Callable[[Attacker], Awaitable[tuple[str, ...]]]
GRACE_S = 3.0
"""So much longer than its time an attack may take to be gone."""


async def _nothing(attacker: Attacker) -> tuple[str, ...]:
    return ()


PREPARED: dict[Strike, Prepare] = {
    long_searches: something_long,
    unread_pages: something_long,
    unread_streams: long_answers,
    ended_streams: long_answers,
    replays: long_answers,
}


def prepare(name: str, target: Target) -> tuple[str, ...]:
    """Make what an attack needs, and return the ids."""
    chinese(MOST_CHARS)  # takes a second or two, which the attack needs for itself
    return asyncio.run(_prepare(name, target))


async def _prepare(name: str, target: Target) -> tuple[str, ...]:
    return await PREPARED.get(globals()[name], _nothing)(Attacker(target))


def strike(name: str, target: Target) -> dict[int, int]:
    """Attack, and return how often which status was answered."""
    return asyncio.run(_strike(name, target))


async def _strike(name: str, target: Target) -> dict[int, int]:
    attacker = Attacker(target)
    with suppress(TimeoutError):
        async with asyncio.timeout(target.seconds + GRACE_S):
            await globals()[name](attacker)
    return dict(attacker.statuses)
