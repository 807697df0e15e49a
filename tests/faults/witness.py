"""Who asks and reads over bad lines, and remembers every event: what a reader saw is held against what is stored."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from argus_core.ids import new_id
from tests.faults.cluster import ADMIN, PASSWORD, Cluster
from tests.faults.line import Frame, LineBroke, Reply, Request, follow, send
from tests.support.fake_gemini import png

API = "/api/v1"
TERMINATORS = ("completed", "cancelled", "failed", "interrupted")
LONG_S = 180.0
"""Longer than anything takes here; who waits so long has found a fault."""
_MARK = re.compile(rb"(mark[0-9a-f]{8})\.")
_AGAIN = (401, 409, 429, 503)


def mark() -> str:
    """Return a word that stands in all that one user says, and so in all that is answered."""
    return f"mark{new_id()[:8]}"


@dataclass(slots=True)
class Asked:
    """One question, and what its asker saw of the answer."""

    user_id: str
    conversation_id: str
    client_msg_id: str
    text: str
    expected: str
    """The whole answer."""
    picture: bool = False
    """A picture goes with it."""
    attachment_ids: list[str] = field(default_factory=list)
    generation_id: str = ""
    reply_id: str = ""
    acknowledged: int = 0
    """How often the server said that it has the question."""
    events: dict[int, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """What a reader must never see."""

    @property
    def ended(self) -> str:
        """How it ended as far as its reader was told; empty while it runs."""
        last = self.events.get(len(self.events), {})
        return str(last["type"]) if last.get("type") in TERMINATORS else ""

    @property
    def shown(self) -> str:
        """The text that the reader saw."""
        deltas = [self.events[n] for n in sorted(self.events)]
        return "".join(event["text"] for event in deltas if event["type"] == "text_delta")


@dataclass
class Net:
    """The replicas as a client finds them, and how often it loses its line.

    Args:
        ports: Where they listen, or the proxies before them.
        drop_every_s: Mean time until a reader drops its line; None for never.
        lose_share: Share of acknowledgements that are taken as lost, so that the question is sent again.
        forget_share: Share of readers that begin anew after a break, as a client that was killed and started again.
        pictures: Share of questions that a picture goes with.
    """

    ports: Sequence[int]
    random: random.Random
    drop_every_s: float | None = 1.5
    lose_share: float = 0.3
    forget_share: float = 0.2
    pictures: float = 0.2
    reconnects: int = 0
    repeated: int = 0
    resumed_after_s: list[float] = field(default_factory=list)
    """Between the moment a line broke and the next event."""

    def port(self) -> int:
        return self.random.choice(self.ports)

    def drop_at(self) -> float:
        """Return when the reader drops this line, on the monotonic clock."""
        if self.drop_every_s is None:
            return float("inf")
        return time.monotonic() + self.random.expovariate(1 / self.drop_every_s)


@dataclass
class Account:
    """A user, signed in; looks at every byte that it gets."""

    email: str
    net: Net
    mark: str = field(default_factory=mark)
    user_id: str = ""
    strangers: set[str] = field(default_factory=set)
    """Marks of other users that came over this one's lines."""
    statuses: dict[int, int] = field(default_factory=dict)
    """How often each refusal came."""
    _token: str = ""
    _signing_in: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """Return the answer of some replica.

        Raises:
            LineBroke: Nobody knows whether it was carried out.
        """
        token = await self.token()
        reply = await send(self.net.port(), Request(method, f"{API}{path}", token, body, **more))
        self.look_at(reply.body)
        if reply.status >= 400:
            self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
        if reply.status == 401:
            await self._sign_in(token)
        return reply

    async def insist(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """Send until somebody has carried it out; only for what may be repeated."""
        async with asyncio.timeout(LONG_S):
            while True:
                try:
                    reply = await self.send(method, path, body, **more)
                except LineBroke:
                    await asyncio.sleep(0.1)
                    continue
                if reply.status not in _AGAIN:
                    assert reply.status < 300, f"{method} {path}: {reply.status} {reply.body!r}"
                    return reply
                await asyncio.sleep(0.2)

    async def stream(self, generation_id: str, after: int) -> Any:
        """Return the events of an answer after number `after`, from some replica."""
        token = await self.token()
        last = (("Last-Event-ID", str(after)),)
        return follow(self.net.port(), Request("GET", f"{API}/generations/{generation_id}/events", token, headers=last))

    async def token(self) -> str:
        """Return what proves who asks."""
        return self._token or await self._sign_in("")

    async def forget(self, reply: Reply) -> None:
        """Sign in again after a refusal that says so."""
        if reply.status == 401:
            await self._sign_in(self._token)

    def look_at(self, data: bytes) -> None:
        self.strangers |= {found.decode() for found in _MARK.findall(data)} - {self.mark}

    async def _sign_in(self, stale: str) -> str:
        """Get another token; of many that want one at once the first gets it for all."""
        async with self._signing_in, asyncio.timeout(LONG_S):
            while self._token == stale:
                request = Request("POST", f"{API}/auth/login", body={"email": self.email, "password": PASSWORD})
                try:
                    reply = await send(self.net.port(), request)
                except LineBroke:
                    await asyncio.sleep(0.1)
                    continue
                if reply.status == 200:
                    self._token, self.user_id = reply.json["access_token"], reply.json["user"]["id"]
                else:
                    await asyncio.sleep(0.3)
        return self._token


async def sign_up(cluster: Cluster, net: Net, count: int) -> list[Account]:
    """Return new users, made by the admin and signed in."""
    admin = Account(ADMIN, net, _token=cluster.admin_token)
    accounts = [Account(f"{new_id()}@example.org", net) for _ in range(count)]
    for each in accounts:
        await admin.insist("POST", "/admin/users", {"email": each.email, "name": each.mark, "password": PASSWORD})
        await each.insist("GET", "/account")
    cluster.admin_token = await admin.token()
    return accounts


@dataclass
class Witness:
    """One conversation of one user, with somebody who asks in it and reads."""

    account: Account
    words: int = 40
    rate: int = 40
    """Words of each answer, and how many come in a second."""
    id: str = field(default_factory=new_id)
    """Until it has begun the key that makes it; then its own."""
    asked: list[Asked] = field(default_factory=list)

    async def begin(self, model: str = "") -> None:
        """Make the conversation."""
        model = model or f"echo-{self.words}-{self.rate}"
        made = await self.account.insist("POST", "/conversations", {"id": self.id, "model": model})
        self.id = str(made.json["id"])

    async def converse(self, questions: int, *, until: Callable[[], bool] = lambda: False) -> None:
        """Ask one question after another, and read each answer to its end."""
        await self.begin()
        await self.converse_on(questions, until=until)

    async def converse_on(self, questions: int, *, until: Callable[[], bool] = lambda: False) -> None:
        """Do so in the conversation that has begun."""
        for _ in range(questions):
            if until():
                return
            await self.read(await self.ask())

    async def ask(self) -> Asked:
        """Ask a question until it is acknowledged, often more than once and of more than one replica."""
        asked = self.next_question()
        await self.repeat(asked)
        while self.account.net.random.random() < self.account.net.lose_share:
            await self.repeat(asked)
        return asked

    def next_question(self, expected: str | None = None) -> Asked:
        """Return a question that is not yet sent.

        Args:
            expected: The whole answer, by default that of an `echo-` model.
        """
        name = f"{self.account.mark}.{len(self.asked)}.{self.id[:6]}"
        whole = "".join(f"{name}-{n} " for n in range(1, self.words + 1)) if expected is None else expected
        asked = Asked(self.account.user_id, self.id, new_id(), f"{name} please", whole)
        asked.picture = self.account.net.random.random() < self.account.net.pictures
        self.asked.append(asked)
        return asked

    async def repeat(self, asked: Asked) -> None:
        """Send a question, perhaps again, until it is acknowledged."""
        if asked.picture and not asked.attachment_ids:
            asked.attachment_ids = [await self._upload()]
        body = {"text": asked.text, "client_msg_id": asked.client_msg_id, "attachment_ids": asked.attachment_ids}
        reply = await self.account.insist("POST", f"/conversations/{self.id}/questions", body)
        self.acknowledge(asked, reply.json)

    async def _upload(self) -> str:
        """Keep a picture that no other question has, and return its id."""
        chance = self.account.net.random
        data = png(chance.randrange(20, 200), chance.randrange(20, 200))
        return str((await self.account.insist("POST", "/attachments?name=roof.png", raw=data)).json["id"])

    def acknowledge(self, asked: Asked, turn: Any) -> None:
        """Take down what an acknowledgement says; it must always be the same answer."""
        generation_id = turn["generation"]["id"]
        if asked.generation_id not in ("", generation_id):
            asked.wrong.append(f"two answers to one question: {asked.generation_id} and {generation_id}")
        asked.generation_id, asked.reply_id = generation_id, turn["reply"]["id"]
        asked.acknowledged += 1
        self.account.net.repeated += asked.acknowledged > 1

    async def read(self, asked: Asked) -> None:
        """Read an answer to its end, over as many lines as that takes."""
        net = self.account.net
        broke_at: float | None = None
        async with asyncio.timeout(LONG_S):
            while not asked.ended:
                broke_at = await self._read_once(asked, broke_at) or time.monotonic()
                if not asked.ended:
                    net.reconnects += 1
                    await asyncio.sleep(net.random.uniform(0.02, 0.2))
        await self._compare(asked)

    async def _read_once(self, asked: Asked, broke_at: float | None) -> float | None:
        """Read over one line until it breaks; return when the line before it broke if nothing came over this one."""
        net = self.account.net
        drop_at = net.drop_at()
        after = 0 if net.random.random() < net.forget_share else len(asked.events)
        try:
            async with asyncio.timeout(max(0.0, drop_at - time.monotonic()) if net.drop_every_s else None):
                async with aclosing(await self.account.stream(asked.generation_id, after)) as frames:
                    async for frame in frames:
                        if isinstance(frame, Reply):
                            await self.account.forget(frame)
                            return broke_at
                        if broke_at is not None and frame.id:
                            net.resumed_after_s.append(time.monotonic() - broke_at)
                            broke_at = None
                        after = self._see(asked, frame, after)
        except (LineBroke, TimeoutError):
            pass
        return broke_at

    def _see(self, asked: Asked, frame: Frame, after: int) -> int:
        """Take down what follows event `after` on this line and return its number; seen again it must be the same."""
        if not frame.id:
            return after  # the server is about to end, or could not go on: ask another one
        n = int(frame.id)
        self.account.look_at(str(frame.data).encode())
        if n != after + 1:
            asked.wrong.append(f"event {n} after event {after}")
        if asked.events.setdefault(n, frame.data) != frame.data:
            asked.wrong.append(f"event {n} was another one before")
        if n < len(asked.events) and frame.data["type"] in TERMINATORS:
            asked.wrong.append(f"event {len(asked.events)} after the end at {n}")
        return n

    async def _compare(self, asked: Asked) -> None:
        """When the end was shown, every replica must hand out the message in its final form."""
        message = (await self.account.insist("GET", f"/messages/{asked.reply_id}")).json
        text = text_of(message["parts"])
        if (message["status"], text) != (asked.ended, asked.shown):
            asked.wrong.append(f"shown {asked.ended} {_digest(asked.shown)}, then {message['status']} {_digest(text)}")


def text_of(parts: list[dict[str, Any]]) -> str:
    """Return the text in the parts of a message."""
    return "".join(part["text"] for part in parts if part["type"] == "text")


def _digest(text: str) -> str:
    return f"{len(text)}:{hashlib.sha256(text.encode()).hexdigest()[:8]}"
