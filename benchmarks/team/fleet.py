"""The programs that are measured: a store, and servers over it that can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from argus_core.auth.tokens import Generation, Tokens
from argus_core.bootstrap import store_at
from argus_core.domain import Session, User
from argus_core.ids import new_id, utc_now
from argus_core.settings import Secret, Settings, load_settings
from argus_core.storage.accounts import AccountStorage, Login, StoredSession
from argus_core.storage.transfer import PortableStorage
from benchmarks import processes
from benchmarks.subjects import ROOT
from tests.support import mongod

Kind = Literal["sqlite", "mongo"]
KINDS: tuple[Kind, ...] = ("sqlite", "mongo")
START_S = 30.0
_KEY = Secret("the-benchmarks-sign-with-this-and-nobody-else-does")


@dataclass(frozen=True, slots=True)
class Place:
    """A store of its own, and a folder."""

    kind: Kind
    folder: Path
    mongo_uri: str = ""

    @property
    def env(self) -> dict[str, str]:
        """Return what `argus serve` is told about it; limits are counted and never reached."""
        return {
            "ARGUS_DATA_DIR": str(self.folder),
            "ARGUS_CONFIG_DIR": str(self.folder / "config"),
            "ARGUS_KEYRING": "false",
            "ARGUS_TITLES": "words",
            "ARGUS_REQUESTS_PER_MINUTE": "1000000",
            "ARGUS_ADDRESS_REQUESTS_PER_MINUTE": "1000000",
            "JWT_SECRET_KEY": _KEY.value,
            **({"MONGO_URI": self.mongo_uri} if self.mongo_uri else {}),
        }

    @property
    def settings(self) -> Settings:
        """Return the same as settings."""
        return load_settings(environ=self.env, cwd=self.folder).settings

    def storage(self) -> PortableStorage:
        """Return another storage on the same store; not yet open."""
        return store_at(self.mongo_uri or self.folder)


@contextmanager
def place(kind: Kind) -> Iterator[Place]:
    """Make an empty store, and remove it at the end. MongoDB is one `mongod` for the whole run."""
    with tempfile.TemporaryDirectory(prefix="argus-team-") as name:
        if kind == "sqlite":
            yield Place(kind, Path(name))
            return
        uri = mongod.with_database(mongod.replica_set_uri(), f"bench_{new_id()}")
        try:
            yield Place(kind, Path(name), uri)
        finally:
            mongod.drop_database(uri)


@dataclass(frozen=True, slots=True)
class Account:
    """A user, signed in."""

    user: User
    session_id: str

    def access_token(self) -> str:
        """Return a fresh one: runs may be longer than one lives."""
        return Tokens([_KEY]).access(self.user.id, Generation(self.session_id, 0), utc_now())


async def make_accounts(where: Place, count: int, sessions: int = 1) -> list[Account]:
    """Make users and their sessions in the store itself, since hashing a password for each would take minutes."""
    storage, made = where.storage(), []
    await storage.open()
    try:
        for number in range(count):
            user = User(id=new_id(), name=f"user {number}", email=f"{new_id()}@example.org", created_at=utc_now())
            await storage.create_login(Login(user=user, password_hash=None))
            made += [await _signed_in(storage, user) for _ in range(sessions)]
    finally:
        await storage.close()
    return made


async def _signed_in(storage: AccountStorage, user: User) -> Account:
    now = utc_now()
    session = Session(id=new_id(), user_id=user.id, created_at=now, seen_at=now, client="argus on benchmark")
    await storage.create_session(StoredSession(session=session, refreshed_at=now))
    return Account(user, session.id)


class Program:
    """One server process.

    Args:
        module: What to run, given a port first.
        where: Tells it which store to use, and holds its log.
        more: Further arguments.
    """

    def __init__(self, module: str, where: Place, *more: str) -> None:
        self.port = mongod.free_port()
        self.peak_mb = 0.0
        self._command = [sys.executable, "-m", module, str(self.port), *more]
        self._env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **where.env}
        self._log = where.folder / f"{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._spent_s = 0.0

    async def start(self) -> None:
        """Start it, also again after `kill`, and wait until it answers."""
        process = self._process = self._launch()
        deadline = time.monotonic() + START_S
        while not await _listens(self.port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise self._broken()
            await asyncio.sleep(0.1)

    def _broken(self) -> RuntimeError:
        return RuntimeError(f"a server did not start: {self._log.read_text()[-2000:]}")

    def _launch(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as out:
            return subprocess.Popen(self._command, cwd=ROOT, env=self._env, stdout=out, stderr=out)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it."""
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._spent_s = self.cpu_s()
            self._process.send_signal(number)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def cpu_s(self) -> float:
        """Return the CPU seconds of all its lives so far."""
        return self._spent_s + (processes.cpu_s(self._process.pid) if self._process is not None else 0.0)

    def resident_mb(self) -> float:
        """Return its memory now, and remember the most."""
        if self._process is None:
            return 0.0
        now_mb = processes.resident_mb(self._process.pid)
        self.peak_mb = max(self.peak_mb, now_mb)
        return now_mb


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def argus_server(where: Place) -> Program:
    """Return a server over a store; not yet started."""
    return Program("benchmarks.team.server", where)


def mongod_cpu_s() -> float:
    """Return the CPU seconds of the `mongod` of this run so far."""
    return sum(processes.cpu_s(pid) for pid in processes.tree(os.getpid())[1:] if _name_of(pid) == "mongod")


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""  # it ended meanwhile
