"""A stand-in for the Gemini API: speaks its REST wire, plays every fault, and remembers what it was asked.

In a test: `async with FakeGemini() as fake: GeminiProvider(KEY, base_url=fake.url)`. As a program, for tests that start
real processes: `python -m tests.support.fake_gemini --port 8085`; `GET /_log` tells what it saw. What it does depends
on the name of the model: see `BEHAVIOURS`; `fake.play("my-model", step, …)` adds one. Nothing but the standard library.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import re
import struct
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

# ---- what a behaviour is made of --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Send:
    """One object of the stream."""

    body: Json


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes in the stream as they are."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Drip:
    """Bytes in the stream again and again, until the client goes away."""

    data: bytes
    every_s: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing until the client goes away."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """A whole answer instead of a stream, mostly an error; only as the first step."""

    code: int
    body: Json | bytes
    headers: tuple[tuple[str, str], ...] = ()


Step = Send | Raw | Drip | Wait | Silence | Cut | Refuse


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    connection: int
    at: float
    """`time.monotonic()`, which other processes of this machine can compare."""

    @property
    def target(self) -> str:
        """The address without the query."""
        return urlsplit(self.path).path

    @property
    def query(self) -> dict[str, list[str]]:
        """What follows the question mark."""
        return parse_qs(urlsplit(self.path).query)

    @property
    def model(self) -> str:
        """The model in the address; empty when there is none."""
        found = re.search(r"/models/([^:/?]+)", self.path)
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class Gone:
    """A connection that the client closed."""

    connection: int
    at: float
    midway: bool
    """While an answer was being sent."""


Behaviour = Callable[[Asked], Iterable[Step]]

# ---- what the API sends -----------------------------------------------------------------------------------------

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
RETRY_INFO = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3.5s"}
KEY_INVALID = {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    "reason": "API_KEY_INVALID",
    "domain": "googleapis.com",
}
DAY_QUOTA = {
    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
    "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier", "quotaValue": "250"}],
}
HOSTILE = "\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\u202egnp.exe\u2066 \x1b]0;owned\x07 plain"
"""Escape sequences (OSC 52, clear, C1, title) and bidi controls."""


def png(width: int = 1, height: int = 1) -> bytes:
    """Return a red picture."""

    def block(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + b"\xff\0\0" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", head) + block(b"IDAT", zlib.compress(rows)) + block(b"IEND", b"")


def usage(output: int = 5, *, thoughts: int = 8, prompt: int = 7) -> Json:
    """Return the counts."""
    counts = {"promptTokenCount": prompt, "candidatesTokenCount": output, "totalTokenCount": prompt + output + thoughts}
    return counts | ({"thoughtsTokenCount": thoughts} if thoughts else {})


def chunk(*parts: Json, finish: str = "", count: Json | None = None, **candidate: Any) -> Send:
    """Return a piece of an answer."""
    one: Json = {"content": {"parts": list(parts), "role": "model"}, "index": 0, **candidate}
    if finish:
        one["finishReason"] = finish
    body: Json = {"candidates": [one], "modelVersion": "gemini-2.5-flash", "responseId": "r1"}
    return Send(body | ({"usageMetadata": count} if count else {}))


def text(words: str, *, finish: str = "", output: int = 0) -> Send:
    """Return a piece of text."""
    return chunk({"text": words}, finish=finish, count=usage(output) if output else None)


def thought(words: str) -> Send:
    """Return a piece of thinking."""
    return chunk({"text": words, "thought": True})


def picture(data: bytes, media_type: str = "image/png") -> Send:
    """Return a picture."""
    return chunk({"inlineData": {"mimeType": media_type, "data": base64.b64encode(data).decode()}})


def error(code: int, message: str = "synthetic", *details: Json, status: str = "") -> Json:
    """Return the body of an error."""
    known = status or STATUS.get(code, "UNKNOWN")
    return {"error": {"code": code, "message": message, "status": known, "details": list(details)}}


def refuse(code: int, message: str = "synthetic", *details: Json, status: str = "") -> list[Step]:
    """Return a behaviour that only refuses."""
    return [Refuse(code, error(code, message, *details, status=status))]


def tokens(count: int, rate: float = 0.0) -> Iterator[Step]:
    """Yield `count` pieces of text, `rate` a second; 0 is as fast as they can be taken."""
    for n in range(1, count + 1):
        yield text(f"tok{n} ", output=n, finish="STOP" if n == count else "")
        if rate:
            yield Wait(1 / rate)


def echo(asked: Asked, count: int, rate: float) -> Iterator[Step]:
    """Yield `count` words made from the first word of the question, `rate` a second: no two answers are equal."""
    contents = (asked.body or {}).get("contents") or [{}]
    said = [str(part["text"]) for part in contents[-1].get("parts", []) if "text" in part]
    name = said[-1].partition(" ")[0] if said else ""  # those before it had no answer
    for n in range(1, count + 1):
        yield text(f"{name}-{n} ", output=n, finish="STOP" if n == count else "")
        if rate:
            yield Wait(1 / rate)


def finished(reason: str, *before: Step) -> list[Step]:
    """Return a behaviour whose last piece has no content, only a finish reason."""
    last = {"candidates": [{"finishReason": reason, "index": 0}], "usageMetadata": usage()}
    return [*before, Send(last)]


def describe(asked: Asked) -> Iterable[Step]:
    """Answer as a model would: think a little, tell what was asked and which pictures came along."""
    contents = (asked.body or {}).get("contents") or [{}]
    parts = contents[-1].get("parts", [])
    said = " ".join(str(part["text"]) for part in parts if "text" in part)
    answer = "".join(f"I see a picture: {kind}, {size} bytes. " for kind, size in inline_pictures(parts))
    answer += f"You said: {said[:2000]}"
    if "thinkingConfig" in ((asked.body or {}).get("generationConfig") or {}):
        yield thought("Thinking about it. ")
        yield thought("Nearly there.")
    words = re.findall(r"\S+\s*", answer)
    for n, word in enumerate(words, start=1):
        yield text(word, output=n, finish="STOP" if n == len(words) else "")


def inline_pictures(parts: Iterable[Json]) -> Iterator[tuple[str, int]]:
    """Yield media type and size of each picture; the SDKs do not agree on the spelling."""
    for part in parts:
        data = part.get("inlineData") or part.get("inline_data")
        if data:
            media_type = data.get("mimeType") or data.get("mime_type")
            yield media_type, len(base64.b64decode(data["data"].replace("-", "+").replace("_", "/")))


def event(body: Json, *, end: bytes = b"\r\n") -> Raw:
    """Return a server-sent event as Google sends it, or with other line ends."""
    return Raw(b"data: " + json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + end * 2)


def candidate(**fields: Any) -> Send:
    """Return a response that holds one candidate with these fields and nothing else."""
    return Send({"candidates": [fields]})


def _no_thinking(asked: Asked) -> Iterable[Step]:
    if "thinkingConfig" in (asked.body.get("generationConfig") or {}):
        return refuse(400, "Thinking is not enabled for models/no-thinking")
    return describe(asked)


def _page(url: str, title: str) -> Json:
    return {"web": {"uri": url, "title": title}}


HELLO = (thought("Thinking about it"), text("Hello ", output=2), text("world", output=5))
PAGES = [_page("https://a.example/", "A"), _page("https://b.example/", "B"), _page("https://a.example/", "A")]
BEHAVIOURS: dict[str, Iterable[Step]] = {
    "err-429": refuse(429, "You exceeded your current quota", RETRY_INFO),
    "err-429-header": [Refuse(429, error(429), (("Retry-After", "7"),))],
    "err-429-bare": refuse(429),
    "err-429-day": refuse(429, "You exceeded your current quota", DAY_QUOTA, RETRY_INFO),
    "err-html": [Refuse(502, b"<html><h1>502 Bad Gateway</h1></html>")],
    "err-hostile": refuse(400, f"no {HOSTILE}\n" + "very long " * 100),
    "location": refuse(400, "User location is not supported for the API use.", status="FAILED_PRECONDITION"),
    "key-invalid": refuse(400, "API key not valid. Please pass a valid API key.", KEY_INVALID),
    "too-long": refuse(400, "The input token count (1234567) exceeds the maximum number of tokens allowed (1048576)."),
    "blocked": [Send({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}})],
    "safety": finished("SAFETY", *HELLO),
    "recitation": finished("RECITATION", *HELLO),
    "other": finished("OTHER", *HELLO),
    "unknown-finish": finished("TIRED", *HELLO),
    "max-tokens": finished("MAX_TOKENS", *HELLO),
    "no-finish": HELLO,
    "empty": [],
    "mid-cut": [*HELLO, Cut()],
    "cut-first": [Cut()],
    "mid-err": [*HELLO, Send(error(503, "overloaded in mid-stream"))],
    "mid-err-raw": [*HELLO, Raw(json.dumps(error(500, "raw {brace"), indent=2).encode() + b"\n")],
    "mid-err-nocode": [*HELLO, Send({"error": {"message": "x"}})],
    "mid-badjson": [*HELLO, Raw(b"data: {nope\r\n\r\n")],
    "keepalive": [*HELLO, Raw(b": keepalive\r\n\r\n"), text("!", finish="STOP")],
    "silent": [Silence()],
    "silent-mid": [*HELLO, Silence()],
    "unicode": [text('سلام\u2028دنیا‌ها {"a": [1]} \\', output=4), text(" 🦊", output=5, finish="STOP")],
    "hostile": [text(f"before {HOSTILE} after", output=9, finish="STOP")],
    "picture": [text("Here: "), picture(png()), text("done", output=9, finish="STOP")],
    "grounded": [text("From the web.", output=3), chunk(finish="STOP", groundingMetadata={"groundingChunks": PAGES})],
    "empty-stop": [candidate(content={"role": "model"}, finishReason="STOP"), Send({"usageMetadata": usage(0)})],
    "empty-nothing": [Send({"usageMetadata": {"promptTokenCount": 5}, "modelVersion": "gemini-2.5-flash"})],
    "only-thoughts": finished("STOP", thought("Thinking hard")),
    "max-thoughts": finished("MAX_TOKENS", thought("Thinking hard")),
    "function-call": [chunk({"functionCall": {"name": "weather", "args": {}}}, finish="STOP")],
    "malformed-call": [candidate(finishReason="MALFORMED_FUNCTION_CALL", finishMessage="Malformed: print(1)")],
    "no-quota": refuse(429, "Quota exceeded for metric: g/free_tier_requests, limit: 0, model: no-quota", DAY_QUOTA),
    "billing": refuse(400, "Imagen API is only accessible to billed users at this time.", status="FAILED_PRECONDITION"),
    "html": [Refuse(200, b"<html><body>Please sign in to the hotel network</body></html>")],
    "drip": [Drip(b":", 0.05)],
    "drip-comments": [*HELLO, Drip(b": keepalive\n\n", 0.05)],
    "drip-events": [*HELLO, Drip(b"event: ping\ndata: {}\n\n", 0.05)],
    "late-usage": [text("Hi", finish="STOP"), Send({"usageMetadata": usage(1)})],
}
"""By the name of the model. Beside these: `err-CODE`, `flood-COUNT`, `rate-COUNT-PER_SECOND`, `echo-COUNT-PER_SECOND`
(words made from the question), `once-CHARACTERS` (all in one piece), `no-thinking`, and any other name, which thinks
and then repeats what it was told (`describe`)."""


def behaviour_of(asked: Asked) -> Iterable[Step]:
    """Return what the model named in `asked` does."""
    if asked.model in BEHAVIOURS:
        return BEHAVIOURS[asked.model]
    if asked.model == "no-thinking":
        return _no_thinking(asked)
    if found := re.fullmatch(r"err-(\d+)", asked.model):
        return refuse(int(found[1]))
    if found := re.fullmatch(r"flood-(\d+)", asked.model):
        return tokens(int(found[1]))
    if found := re.fullmatch(r"rate-(\d+)-(\d+)", asked.model):
        return tokens(int(found[1]), float(found[2]))
    if found := re.fullmatch(r"echo-(\d+)-(\d+)", asked.model):
        return echo(asked, int(found[1]), float(found[2]))
    if found := re.fullmatch(r"once-(\d+)", asked.model):
        return [text("0123456789abcde " * (int(found[1]) // 16), finish="STOP", output=int(found[1]) // 4)]
    return describe(asked)


def _model(name: str, title: str, *, thinking: bool = True, actions: tuple[str, ...] = ("generateContent",)) -> Json:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": title,
        "description": f"{title}, a stand-in",
        "inputTokenLimit": 1048576,
        "outputTokenLimit": 65536,
        "supportedGenerationMethods": [*actions, "countTokens"],
        **({"thinking": True} if thinking else {}),
    }


MODELS = [
    _model("gemini-2.5-pro", "Gemini 2.5 Pro"),
    _model("gemini-2.5-flash", "Gemini 2.5 Flash"),
    _model("embedding-001", "Embedding", thinking=False, actions=("embedContent",)),
    _model("gemini-2.5-flash-image", "Nano Banana", thinking=False),
    _model("gemma-3-27b-it", "Gemma 3 27B", thinking=False),
]

# ---- the server -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class FakeGemini:
    """The server, as an async context manager: it listens inside the block."""

    port: int = 0
    """0 takes a free one."""
    key: str = ""
    """The only key that is accepted; empty accepts any."""
    models: list[Json] = field(default_factory=lambda: list(MODELS))
    page_size: int = 2
    redirect: str = ""
    """Where every call is sent instead of being answered; empty for nowhere."""
    drips: bool = False
    """The list of models comes byte by byte, without end."""
    listed: bytes = b""
    """What comes in the place of the list of models; empty for the list."""
    requests: list[Asked] = field(default_factory=list)
    gone: list[Gone] = field(default_factory=list)
    _played: dict[str, Behaviour] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}"

    def play(self, model: str, *steps: Step) -> None:
        """Let the model of this name answer with these steps."""
        self._played[model] = lambda _: steps

    async def __aenter__(self) -> FakeGemini:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=1 << 26, backlog=2048)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def asked(self, count: int = 1) -> Asked:
        """Wait until `count` requests came and return the last of these."""
        await self._until(lambda: len(self.requests) >= count)
        return self.requests[count - 1]

    async def left(self, count: int = 1) -> Gone:
        """Wait until `count` connections were closed in mid-answer and return the last of these."""
        await self._until(lambda: len(self.midway) >= count)
        return self.midway[count - 1]

    @property
    def midway(self) -> list[Gone]:
        """The connections that were closed in mid-answer."""
        return [gone for gone in self.gone if gone.midway]

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        connection = _Connection(reader, writer, next(self._numbers))
        try:
            async for asked in connection.requests():
                self.requests.append(asked)
                self._changed.set()
                await self._route(asked, connection)
        except (ConnectionError, asyncio.IncompleteReadError):  # also in the midst of a question
            pass
        except asyncio.CancelledError:  # the end of the block; asyncio would report it as an error of this callback
            pass
        finally:
            self.gone.append(Gone(connection.number, time.monotonic(), connection.answering))
            self._changed.set()
            writer.close()
            self._connections.discard(task)

    async def _route(self, asked: Asked, to: _Connection) -> None:
        if asked.target == "/_log":
            seen = {"requests": [asdict(a) for a in self.requests], "gone": [asdict(g) for g in self.gone]}
            return await to.answer(200, seen)
        if self.redirect:
            return await to.answer(307, b"", [("Location", self.redirect + asked.path)])
        if not re.match(r"/v1(beta|alpha)?/models", asked.target):
            return await to.answer(404, error(404, f"no such address: {asked.target}"))
        if self.key and asked.headers.get("x-goog-api-key") != self.key:
            return await to.answer(400, error(400, "API key not valid. Please pass a valid API key.", KEY_INVALID))
        if asked.method == "GET" and self.drips:
            return await _Stream(to).play(Drip(b" ", 0.05))
        if asked.method == "GET":
            return await to.answer(200, self.listed or self._models(asked))
        if asked.body.get("store") is not False:  # else Google keeps the question and its answer
            return await to.answer(400, error(400, "The stand-in takes only questions with store=false."))
        return await self._play(asked, to)

    def _models(self, asked: Asked) -> Json:
        start = int(asked.query.get("pageToken", ["0"])[0])
        end = start + self.page_size
        page: Json = {"models": self.models[start:end]}
        return page | ({"nextPageToken": str(end)} if end < len(self.models) else {})

    async def _play(self, asked: Asked, to: _Connection) -> None:
        behaviour = self._played.get(asked.model, behaviour_of)
        if asked.query.get("alt") != ["sse"]:
            return await to.answer(400, error(400, "The stand-in answers in server-sent events only."))
        stream = _Stream(to)
        for step in behaviour(asked):
            if isinstance(step, Refuse):
                return await to.answer(step.code, step.body, step.headers)
            await stream.play(step)
        await stream.end()
        return None


class _Connection:
    """One connection and the HTTP/1.1 spoken on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.number = number
        self.answering = False
        self.writer = writer
        self._reader = reader

    async def requests(self) -> AsyncIterator[Asked]:
        """Yield the requests until the client closes."""
        while True:
            try:
                head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            except asyncio.IncompleteReadError:
                return
            first, *rest = head.rstrip("\r\n").split("\r\n")
            method, path, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
            self.answering = True
            yield Asked(method, path, headers, json.loads(body) if body else None, self.number, time.monotonic())
            self.answering = False

    async def answer(self, code: int, body: Json | bytes, headers: Iterable[tuple[str, str]] = ()) -> None:
        """Send a whole answer."""
        kind = "text/html" if isinstance(body, bytes) else "application/json; charset=UTF-8"
        data = body if isinstance(body, bytes) else json.dumps(body, indent=2).encode()
        lines = [
            f"{name}: {value}" for name, value in (("Content-Type", kind), ("Content-Length", len(data)), *headers)
        ]
        self.writer.write("\r\n".join([f"HTTP/1.1 {code} -", *lines, "", ""]).encode() + data)
        await self.writer.drain()

    async def pause(self, seconds: float | None) -> None:
        """Wait, for ever if None; raise as soon as the client closes."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reader.read(1), seconds)
            raise ConnectionResetError("the client closed")


class _Stream:
    """An answer that is sent piece by piece, as server-sent events."""

    def __init__(self, to: _Connection) -> None:
        self._to = to
        self._started = False

    async def play(self, step: Step) -> None:
        """Do one step."""
        if isinstance(step, Cut):
            await self._to.writer.drain()
            self._to.writer.transport.abort()
            raise ConnectionAbortedError("cut on purpose")
        if isinstance(step, Wait | Silence):
            await self._to.pause(step.seconds if isinstance(step, Wait) else None)
        elif isinstance(step, Send):
            await self._write(event(step.body).data)
        elif isinstance(step, Drip):
            while True:
                await self._write(step.data)
                await self._to.pause(step.every_s)
        elif isinstance(step, Raw):
            await self._write(step.data)

    async def end(self) -> None:
        """Send the end of the stream."""
        if not self._started:
            self._start()
        self._to.writer.write(b"0\r\n\r\n")
        await self._to.writer.drain()

    def _start(self) -> None:
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._to.writer.write(head.encode())
        self._started = True

    async def _write(self, data: bytes) -> None:
        if not self._started:
            self._start()
        if data:  # an empty piece would be the end
            self._to.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._to.writer.drain()


async def _main(port: int, key: str, models: list[Json]) -> None:
    async with FakeGemini(port=port, key=key, models=models, page_size=100) as fake:
        print(fake.url, flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Run it until it is stopped."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.fake_gemini", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the address is printed")
    parser.add_argument("--key", default="", help="the only key that is accepted")
    parser.add_argument("--also", nargs="*", default=[], help="names to list beside the usual ones")
    parser.add_argument("--lists-nothing", action="store_true", help="list no models, so that any may be asked")
    given = parser.parse_args()
    models = [] if given.lists_nothing else [*MODELS, *(_model(name, name) for name in given.also)]
    with suppress(KeyboardInterrupt):
        asyncio.run(_main(given.port, given.key, models))
    sys.exit(0)


if __name__ == "__main__":
    main()
