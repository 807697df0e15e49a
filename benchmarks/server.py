"""A stand-in for Gemini that streams one answer at a pace and notes when each mark left.

Run as a program: it prints its port, then one JSON line per streamed answer. It speaks the REST wire of the streaming
call in plain asyncio, so that the measured program is the only one that works hard.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import asdict, dataclass, field
from typing import cast

from benchmarks.answers import Answer, Kind, answer

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nConnection: close\r\n\r\n"
_MODELS = [
    {
        "name": f"models/{name}",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
    }
    for name in ("gemini-flash-latest", "gemini-pro-latest")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What is streamed and how fast."""

    kind: Kind = "mix"
    tokens: int = 2_000
    rate: float = 0.0
    """Tokens a second; 0 is as fast as they are taken."""
    chunk: int = 8
    """Tokens in one event; the real service sends about eight."""


@dataclass(slots=True)
class Streamed:
    """When what left, by the clock that all processes of the machine share."""

    first_at: float = 0.0
    last_at: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)


def _event(text: str, last: bool) -> bytes:
    candidate: dict[str, object] = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    usage = {"promptTokenCount": 10, "candidatesTokenCount": 1, "totalTokenCount": 11}
    if last:
        candidate["finishReason"] = "STOP"
    return b"data: " + json.dumps({"candidates": [candidate], "usageMetadata": usage}).encode() + b"\r\n\r\n"


async def _stream(writer: asyncio.StreamWriter, pace: Pace, said: Answer) -> Streamed:
    record = Streamed()
    writer.write(_HEAD % b"text/event-stream")
    start = time.monotonic()
    count = len(said.tokens)
    for at in range(0, count, pace.chunk):
        if pace.rate and (wait := start + at / pace.rate - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        writer.write(_event("".join(said.tokens[at : at + pace.chunk]), at + pace.chunk >= count))
        await writer.drain()
        record.last_at = time.monotonic()
        record.first_at = record.first_at or record.last_at
        for index in range(at, min(at + pace.chunk, count)):
            if index in said.marks:
                record.marks[said.marks[index]] = record.last_at
    return record


async def _request(reader: asyncio.StreamReader) -> str:
    """Read one request and return its first line."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = next((line.split(":")[1] for line in head.split("\r\n") if line.lower().startswith("content-length")), "0")
    await reader.readexactly(int(length))
    return head.split("\r\n", 1)[0]


async def serve(pace: Pace) -> None:
    """Answer until the process is ended."""
    said = answer(pace.kind, pace.tokens)

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await _request(reader)
            if "streamGenerateContent" in line:
                record = await _stream(writer, pace, said)
                print(json.dumps(asdict(record)), flush=True)
            else:
                writer.write(_HEAD % b"application/json" + json.dumps({"models": _MODELS}).encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the program under test went away
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Read the pace from the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", default="mix")
    parser.add_argument("--tokens", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--chunk", type=int, default=8)
    given = parser.parse_args()
    asyncio.run(serve(Pace(kind=cast(Kind, given.kind), tokens=given.tokens, rate=given.rate, chunk=given.chunk)))


if __name__ == "__main__":
    main()
