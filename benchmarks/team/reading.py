"""Asks and reads answers as clients of a team do, over whichever servers live, and notes what came when."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from argus_core.domain import ENDED, Message
from argus_core.events import TextDelta, is_terminator
from argus_core.ids import new_id
from argus_core.storage.base import Storage
from argus_core.wire import kind_of
from benchmarks.measure import Figures
from benchmarks.team.fleet import Account, Program
from benchmarks.team.sockets import API, EventLine, call, open_line, parse
from benchmarks.team.speaker import question, spoken

AGAIN_S = 0.1
"""How long a client waits when no server takes its line."""
PAGE = 500


@dataclass(slots=True)
class Read:
    """One answer, as its reader saw it."""

    account: Account
    generation_id: str
    message_id: str
    tokens: int
    asked_at: float
    pieces: list[str] = field(default_factory=list)
    delta_times: list[float] = field(default_factory=list)
    n: int = 0
    ended: str = ""
    """The kind of the terminator."""
    faults: list[str] = field(default_factory=list)
    lines: int = 0

    def take(self, frame: bytes) -> None:
        """Take an event, and look whether it is the next one."""
        n, event, data = parse(frame)
        if n == 0:
            return
        if n != self.n + 1 or self.ended:
            self.faults.append(f"event {n} came after {self.n} {self.ended}")
        self.n = n
        if event == "text_delta":
            self.delta_times.append(time.monotonic())
            self.pieces.append(data["text"])
        elif event in ENDED:
            self.ended = event


class Unexpected(Exception):
    """A server answered what no client should see."""


class Reader:
    """One user with one conversation.

    Args:
        account: Whose.
        asks: The ports of the servers it asks: the first, as long as that one lives.
        reads: The same of those it reads from.
    """

    def __init__(self, account: Account, asks: Sequence[int], reads: Sequence[int] = ()) -> None:
        self._account = account
        self._asks = asks
        self._reads = reads or asks
        self.conversation_id = ""
        self.refused = 0
        """How often a server said that it cannot now (503)."""

    async def begin(self) -> None:
        """Make the conversation."""
        self.conversation_id = (await self._post("/conversations", {"id": new_id()}))["id"]

    async def ask(self, tokens: int, per_s: int) -> Read:
        """Ask, and read the answer to its end."""
        read = await self.start(tokens, per_s)
        await self.follow(read)
        return read

    async def start(self, tokens: int, per_s: int) -> Read:
        """Ask, and return the answer that has begun."""
        asked_at = time.monotonic()
        path = f"/conversations/{self.conversation_id}/questions"
        turn = await self._post(path, {"text": question(tokens, per_s), "client_msg_id": new_id()})
        return Read(self._account, turn["generation"]["id"], turn["reply"]["id"], tokens, asked_at)

    async def follow(self, read: Read) -> None:
        """Read on until the terminator, going on behind the last event wherever a line breaks."""
        path = f"{API}/generations/{read.generation_id}/events"

        async def once(port: int) -> bool:
            line = await open_line(port, path, self._account.access_token(), read.take, read.n)
            read.lines += 1
            try:
                await line.closed
            finally:
                line.close()
            self._check(line)
            return bool(read.ended)

        await self._somewhere(once, self._reads)

    def _check(self, line: EventLine) -> None:
        if line.status == 503:
            self.refused += 1
        elif line.status not in (0, 200):
            raise Unexpected(f"a stream was answered with {line.status}")

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        answers: list[Any] = []

        async def once(port: int) -> bool:
            status, answer = await call(port, "POST", API + path, self._account.access_token(), body)
            if status == 503:
                self.refused += 1
                return False
            if status != 201:
                raise Unexpected(f"{path.rpartition('/')[2]} was answered with {status}: {answer}")
            answers.append(answer)
            return True

        await self._somewhere(once, self._asks)
        return answers[0]

    async def _somewhere(self, once: Callable[[int], Awaitable[bool]], ports: Sequence[int]) -> None:
        """Try one server after another until one has done it."""
        while True:
            for port in ports:
                try:
                    if await once(port):
                        return
                except OSError:
                    continue
            await asyncio.sleep(AGAIN_S)


async def violations(read: Read, storage: Storage) -> list[str]:
    """Compare what was read with the log, the stored message and what the model said."""
    text = "".join(read.pieces)
    log, last = [], 0
    while page := await storage.events_after(read.generation_id, last, PAGE):
        log += page
        last = page[-1].n
    written = "".join(logged.event.text for logged in log if isinstance(logged.event, TextDelta))
    ends = [logged for logged in log if is_terminator(logged.event)]
    message = await storage.get_message(read.account.user.id, read.message_id)
    checks = {
        "the numbers in the log have gaps": [logged.n for logged in log] == list(range(1, len(log) + 1)),
        "not exactly one terminator, the last": len(ends) == 1 and ends[0] is log[-1],
        "the text read is not the log": text == written,
        "the text read is not the message": text == message.text,
        "the text is not what the model said": _is_said(message, read.tokens),
        "the message has another status": bool(ends) and kind_of(type(ends[0].event)) == message.status == read.ended,
    }
    return read.faults + [what for what, holds in checks.items() if not holds]


def _is_said(message: Message, tokens: int) -> bool:
    whole = spoken(tokens)
    return message.text == whole if message.status == "completed" else whole.startswith(message.text)


def timings(reads: Iterable[Read]) -> Figures:
    """Return how long the first delta took after asking, and the gaps between deltas."""
    chosen = [read for read in reads if read.delta_times]
    first_ms = [(read.delta_times[0] - read.asked_at) * 1000 for read in chosen]
    gaps_ms = [
        (later - earlier) * 1000
        for read in chosen
        for earlier, later in zip(read.delta_times, read.delta_times[1:], strict=False)
    ]
    return _quantiles("first", first_ms) | _quantiles("gap", gaps_ms)


def _quantiles(name: str, values: list[float]) -> Figures:
    cuts = statistics.quantiles(values, n=100, method="inclusive") if len(values) > 1 else [0.0] * 99
    return {f"{name}_p50_ms": cuts[49], f"{name}_p95_ms": cuts[94], f"{name}_p99_ms": cuts[98]}


async def sample(programs: Sequence[Program], every_s: float = 1.0) -> None:
    """Look at the memory of programs until cancelled."""
    while True:
        for program in programs:
            program.resident_mb()
        await asyncio.sleep(every_s)
