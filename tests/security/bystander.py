"""A server, somebody who works on it, and what an attack beside them costs them.

The bystander has twenty answers written at ten words a second, reads them all, and saves, renames and asks every tenth
of a second meanwhile. First for a while without the attack: what a write takes then is what this machine can do now. On
a quiet machine nobody may wait longer than `PATIENCE_S`; where the machine itself is slow, no longer than
`SLOW_MACHINE` times the slowest write before the attack.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from argus_core.ids import new_id
from benchmarks.processes import tree
from tests.faults.cluster import PASSWORD, Replica, bugs_in
from tests.faults.line import Frame, LineBroke, Request, follow
from tests.faults.witness import API, Account, Net, Witness
from tests.security import attacks
from tests.security.processes import serving
from tests.support import mongod

ANSWERS = 20
WORDS = 65
WORDS_PER_S = 10
WRITE_EACH_S = 0.1
CALM_S = 1.5
AFTER_S = 1.0
"""An attack may still be at work in the server when it has ended."""
PATIENCE_S = 1.0
SLOW_MACHINE = 5
MOST_MB = 300.0
TOLD_S = 5.0
"""So long the last change may be on its way to the stream of the account."""
SIGNED_OUT_S = 5.0
"""What row S3 of the promises says."""
_addresses = count(1)


class Kind(NamedTuple):
    """A storage, and the number of workers."""

    storage: str
    workers: int


@dataclass(frozen=True, slots=True)
class Place:
    """A server that runs."""

    kind: Kind
    server: Replica

    @property
    def pids(self) -> list[int]:
        """Return its processes."""
        return tree(self.server.pid)


@contextmanager
def place_of(kind: Kind, folder: Path, gemini_url: str, **settings: str) -> Iterator[Place]:
    """Run a server with the limits it has by default, but that questions are not counted."""
    uri = ""
    if kind.storage == "mongo":
        uri = mongod.with_database(mongod.replica_set_uri(), f"argus_{new_id()}")
        settings["MONGO_URI"] = uri
    given = {
        "ARGUS_WORKERS": str(kind.workers),
        "GOOGLE_GEMINI_BASE_URL": gemini_url,
        "ARGUS_ADDRESS_REQUESTS_PER_MINUTE": "300",
        **settings,
    }
    try:
        with serving(folder, **given) as server:
            yield Place(kind, server)
    finally:
        if uri:
            mongod.drop_database(uri)
            mongod.collect_left_open()


@dataclass
class Outcome:
    """What the bystander went through."""

    calm_s: list[float] = field(default_factory=list)
    """How long each write took before the attack, and then during it and shortly after."""
    attacked_s: list[float] = field(default_factory=list)
    signed_out_s: float = 0.0
    """How long a stream lived whose session had ended."""
    peak_mb: dict[int, float] = field(default_factory=dict)
    told: dict[int, int] = field(default_factory=dict)
    """How the attacker's requests were answered."""
    faults: list[str] = field(default_factory=list)

    @property
    def patience_s(self) -> float:
        return max(PATIENCE_S, SLOW_MACHINE * max(self.calm_s))

    def __str__(self) -> str:
        calm, attacked = max(self.calm_s, default=0), max(self.attacked_s, default=0)
        memory = " ".join(f"{each:.0f}" for each in self.peak_mb.values())
        took = f"writes {calm:.2f} -> {attacked:.2f} s of {len(self.attacked_s)}, out {self.signed_out_s:.1f} s"
        return f"{took}, {memory} MB, told {self.told}"


class Bystander:
    """One user with twenty answers, and what they see.

    Args:
        account: Theirs.
        other: The access token and the id of another session of theirs, which they end in the midst of it all.
        outcome: Where it is taken down.
    """

    def __init__(self, account: Account, other: tuple[str, str], outcome: Outcome) -> None:
        self._account = account
        self._other = other
        self._outcome = outcome
        self._witnesses = [Witness(account, WORDS, WORDS_PER_S) for _ in range(ANSWERS)]
        self._asking = [Witness(account, 3, 100) for _ in range(25)]
        self._turns: list[str] = []
        """The ids of what was asked while others attacked."""
        self._title = ""
        """The last one given."""
        self._told: set[str] = set()
        """Titles that the stream of the account has told."""

    async def begin(self) -> None:
        """Make the conversations."""
        await asyncio.gather(*(each.begin() for each in (*self._witnesses, *self._asking)))

    async def read_all(self) -> None:
        """Ask twenty questions and read the answers to their ends."""
        await asyncio.gather(*(each.converse_on(1) for each in self._witnesses))

    async def listen(self) -> None:
        """Take down what the stream of the account tells, until cancelled."""
        path = f"{API}/account/events?client_id={'b' * 32}"
        async with aclosing(
            follow(self._account.net.port(), Request("GET", path, await self._account.token()))
        ) as frames:
            async for frame in frames:
                if isinstance(frame, Frame) and frame.event == "conversation":
                    self._told.add(frame.data.get("title", ""))

    async def sign_out_elsewhere(self) -> None:
        """End the other session, and see how soon its stream ends: what every stream waits for serves this one too."""
        access_token, session_id = self._other
        request = Request("GET", f"{API}/account/events?client_id={'c' * 32}", access_token)
        began = float("inf")
        async with aclosing(follow(self._account.net.port(), request)) as frames:
            async for frame in frames:
                if began == float("inf"):
                    await asyncio.sleep(CALM_S)
                    await self._granted("DELETE", f"/account/sessions/{session_id}", None)
                    began = time.monotonic()
                if isinstance(frame, Frame) and frame.event == "ended":
                    break
        self._outcome.signed_out_s = time.monotonic() - began

    async def write(self, took_s: Callable[[], list[float]], ended: asyncio.Event) -> None:
        """Save, rename and ask, one after the other until it has ended, and take down how long each took."""
        acts = (self._save, self._rename, self._ask)
        for n in count():
            if ended.is_set():
                return
            began = time.monotonic()
            try:
                await acts[n % len(acts)](n)
            except LineBroke as broke:
                self._outcome.faults.append(f"a write got no answer: {broke}")
            took_s().append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, began + WRITE_EACH_S - time.monotonic()))

    async def _save(self, n: int) -> None:
        await self._granted("PUT", f"/conversations/{self._asking[0].id}/draft", {"draft": f"draft {n}"})

    async def _rename(self, n: int) -> None:
        await self._granted("PATCH", f"/conversations/{self._asking[0].id}", {"title": f"title {n}"})
        self._title = f"title {n}"

    async def _ask(self, n: int) -> None:
        id = self._asking[n % len(self._asking)].id
        turn = await self._granted("POST", f"/conversations/{id}/questions", {"text": f"q{n} please"})
        if turn is not None:
            self._turns.append(turn["generation"]["id"])

    async def _granted(self, method: str, path: str, body: Any) -> Any:
        reply = await self._account.send(method, path, body)
        if reply.status < 300:
            return reply.json if reply.body else None
        self._outcome.faults.append(f"{method} {path}: {reply.status} {reply.body[:300]!r}")
        return None

    async def judge(self) -> None:
        """Look at every answer when all is over, and at what the stream of the account has told."""
        faults = self._outcome.faults
        for witness in self._witnesses:
            [asked] = witness.asked
            faults += asked.wrong
            if asked.ended != "completed" or asked.shown != asked.expected:
                faults.append(
                    f"an answer is {asked.ended or 'running'} with {len(asked.shown)} of {len(asked.expected)}"
                )
        faults += [f"{self._account.net.reconnects} streams broke"] * (self._account.net.reconnects > 0)
        try:
            async with asyncio.timeout(TOLD_S):
                while self._title not in self._told:  # noqa: ASYNC110 - the stream tells only what it tells
                    await asyncio.sleep(0.05)
        except TimeoutError:
            faults.append(f"the stream of the account told {len(self._told)} titles and not the last")
        for each in self._turns:
            generation = (await self._account.insist("GET", f"/generations/{each}")).json
            if generation["status"] != "completed":
                faults.append(f"a question asked meanwhile is {generation['status']}")


async def endure(place: Place, name: str, attackers: Executor) -> Outcome:
    """Let somebody work while others attack, and return what came of it.

    Args:
        place: Where.
        name: Of a function in `attacks`.
        attackers: Runs the attack in another process, since it must not slow down the bystander itself.
    """
    outcome, loop = Outcome(), asyncio.get_running_loop()
    number = next(_addresses)
    victim, attacker = await asyncio.gather(_account(place, f"victim{number}"), _account(place, f"attacker{number}"))
    net = Net([place.server.port], random.Random(1), drop_every_s=None, lose_share=0, forget_share=0, pictures=0)
    account = Account(victim["user"]["email"], net, _token=victim["access_token"], user_id=victim["user"]["id"])
    target = attacks.Target(
        place.server.port, f"127.0.3.{1 + number % 250}", attacker["access_token"], attacker["refresh_token"]
    )
    target = replace(target, ids=await loop.run_in_executor(attackers, attacks.prepare, name, target))
    again = await _sign_in(place, victim["user"]["email"])
    bystander = Bystander(account, (again["access_token"], again["session_id"]), outcome)
    await bystander.begin()

    before, pids = len(bugs_in(place.server.log)), place.pids
    for each in pids:
        forget_peak(each)
    took_s, ended = outcome.calm_s, asyncio.Event()
    listening = asyncio.create_task(bystander.listen())
    working = asyncio.gather(
        bystander.read_all(), bystander.write(lambda: took_s, ended), bystander.sign_out_elsewhere()
    )
    try:
        await asyncio.sleep(CALM_S)
        took_s = outcome.attacked_s
        outcome.told = await loop.run_in_executor(attackers, attacks.strike, name, target)
        await asyncio.sleep(AFTER_S)
        ended.set()
        await working
        await bystander.judge()
    finally:
        for task in (working, listening):
            task.cancel()
        await asyncio.gather(working, listening, return_exceptions=True)
    outcome.peak_mb = {each: peak_mb(each) for each in pids}
    outcome.faults += bugs_in(place.server.log)[before:]
    outcome.faults += _judged(place, pids, outcome)
    return outcome


def _judged(place: Place, pids: list[int], outcome: Outcome) -> list[str]:
    faults = [f"processes {set(pids) - set(place.pids)} died"] * (not set(pids) <= set(place.pids))
    slowest = max(outcome.attacked_s, default=0.0)
    if slowest > outcome.patience_s:
        faults.append(f"a write took {slowest:.1f} s")
    if outcome.signed_out_s > SIGNED_OUT_S + outcome.patience_s:
        faults.append(f"a stream lived {outcome.signed_out_s:.1f} s longer than its session")
    if max(outcome.peak_mb.values()) > MOST_MB:
        faults.append(f"a process took {max(outcome.peak_mb.values()):.0f} MB")
    if not outcome.told:
        faults.append("the attacker was not even let near")
    return faults


async def _account(place: Place, name: str) -> Any:
    """Sign up."""
    body = {"name": name, "email": f"{new_id()}@example.org", "password": PASSWORD}
    return await _signed_in(place, "/auth/signup", body)


async def _sign_in(place: Place, email: str) -> Any:
    return await _signed_in(place, "/auth/login", {"email": email, "password": PASSWORD})


async def _signed_in(place: Place, path: str, body: dict[str, str]) -> Any:
    """Ask from an address of its own: what is counted for one is no other's."""
    attacker = attacks.Attacker(attacks.Target(place.server.port, f"127.0.2.{1 + next(_addresses) % 250}"))
    status, answer = await attacker.send(attacker.request("POST", path, body))
    assert status in (200, 201), answer
    return json.loads(answer)


def forget_peak(pid: int) -> None:
    """Let the peak of a process begin at what it takes now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pid: int) -> float:
    """Return the most resident memory that a process has taken; 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
