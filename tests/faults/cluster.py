"""Three servers on one MongoDB, each a process as a user would start it, to be killed, frozen, drained and started."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from pymongo import MongoClient
from pymongo.database import Database

from argus_core.ids import new_id
from tests.support.mongod import Mongod, ReplicaSet, die_with_parent, free_port, with_database

ROOT = Path(__file__).parents[2]
START_S = 60.0
END_S = 60.0
ADMIN = "admin@example.org"
PASSWORD = "correct horse battery"
SERVE = ("-m", "argus_tui", "serve")
LIBFAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
"""Where Debian puts it."""


@dataclass
class Replica:
    """One server process: a port of its own, its settings, and what it logs."""

    name: str
    folder: Path
    settings: Mapping[str, str]
    port: int = field(default_factory=free_port)
    program: tuple[str, ...] = SERVE
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True, **settings: str) -> None:
        """Start it, also again; it answers when this returns.

        Args:
            wait: Return when it is ready.
            settings: What is set in its environment this time.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.program],
                env={**self.settings, "PORT": str(self.port), **settings},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it says that it can serve."""
        deadline = time.monotonic() + START_S
        while not self.is_ready():
            if not self.is_alive or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} does not serve: {self.log.read_text()[-3000:]}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Return what it says of itself."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Freeze it."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def tell_to_end(self) -> None:
        """Begin its drain."""
        self.signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        assert self._process is not None
        return self._process.wait(timeout=END_S)


class Cluster:
    """The database, the stand-in for Gemini and the servers; all are gone at the end of the block.

    Args:
        replicas: How many servers.
        settings: What all of them have in their environment beside what they need.
    """

    def __init__(self, replicas: int = 3, **settings: str) -> None:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="argus-faults-")))
        self.mongod = Mongod(replica_set=True)
        self.client: MongoClient[dict[str, Any]]
        self.database = f"argus_{new_id()}"
        self._more = settings
        self._key = secrets.token_urlsafe(48)
        self._count = replicas
        self.replicas: list[Replica] = []
        self.admin_token = ""
        """Kept from test to test: whoever signs in often is made to wait."""

    def __enter__(self) -> Self:
        with self._stack:
            self._start_database()
            self.gemini_url = self._stack.enter_context(gemini_process())
            self.client = self._stack.enter_context(_client(self.server_uri))
            self._run_argus("admin", "create", "--email", ADMIN, "--name", "Admin", "--password-stdin")
            for number in range(self._count):
                self.add(f"replica-{number}")
            self._stack.callback(self._kill_all)
            self.start_all()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def uri(self) -> str:
        """The address of the database."""
        return with_database(self.server_uri, self.database)

    @property
    def server_uri(self) -> str:
        """The address of the database's server."""
        return _direct_uri(self.mongod.port)

    def uri_at(self, port: int) -> str:
        """Return the address of the database behind another port: that of a proxy."""
        return with_database(_direct_uri(port), self.database)

    @property
    def db(self) -> Database[dict[str, Any]]:
        """The database itself, past the servers."""
        return self.client[self.database]

    @property
    def ports(self) -> list[int]:
        return [each.port for each in self.replicas]

    @property
    def settings(self) -> dict[str, str]:
        """The whole environment of a server: nothing of this machine's but where programs are."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "ARGUS_DATA_DIR": str(self.folder / "data"),
            "ARGUS_CONFIG_DIR": str(self.folder / "config"),
            "ARGUS_KEYRING": "false",
            "ARGUS_TITLES": "words",
            "ARGUS_REQUESTS_PER_MINUTE": "0",
            "ARGUS_ADDRESS_REQUESTS_PER_MINUTE": "0",
            "GEMINI_API_KEY": "AIzaSyTestKeyThatIsNotOne",
            "GOOGLE_GEMINI_BASE_URL": self.gemini_url,
            "JWT_SECRET_KEY": self._key,
            "MONGO_URI": self.uri,
            **self._more,
        }

    def add(self, name: str, *, program: tuple[str, ...] = SERVE, **settings: str) -> Replica:
        """Return one more server, not yet started."""
        replica = Replica(name, self.folder, self.settings | settings, program=program)
        self.replicas.append(replica)
        return replica

    def remove(self, replica: Replica) -> None:
        """End a server that was added."""
        replica.kill()
        self.replicas.remove(replica)

    def start_all(self) -> None:
        """Start what does not run."""
        asleep = [each for each in self.replicas if not each.is_alive]
        for each in asleep:
            each.start(wait=False)
        for each in asleep:
            each.wait_until_ready()

    def admin(self, command: dict[str, Any]) -> None:
        """Give a command to the database's server."""
        self.client.admin.command(command)

    def step_down(self) -> None:
        """Let the only member of the set step down for a moment."""
        self.client.admin.command("replSetStepDown", 1, secondaryCatchUpPeriodSecs=0, force=True)

    def bugs(self) -> list[str]:
        """Return what the servers logged as bugs."""
        return [line for each in self.replicas for line in bugs_in(each.log)]

    def _start_database(self) -> None:
        self._stack.callback(self.mongod.stop)
        self.mongod.start()

    def _kill_all(self) -> None:
        for each in self.replicas:
            each.kill()

    def _run_argus(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "argus_tui", *arguments]
        done = subprocess.run(
            command,
            env=self.settings,
            cwd=self.folder,
            input=f"{PASSWORD}\n".encode(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()


class SetCluster(Cluster):
    """The same over a replica set of three members."""

    def __init__(self, replicas: int = 2, **settings: str) -> None:
        super().__init__(replicas, **settings)
        self.set = ReplicaSet()

    @property
    def server_uri(self) -> str:
        """The address of the set."""
        return self.set.uri

    def _start_database(self) -> None:
        self._stack.callback(self.set.stop)
        self.set.start()


@contextmanager
def gemini_process() -> Iterator[str]:
    """Run the stand-in for Gemini in a process of its own until the end of the block; yields its address."""
    command = [sys.executable, "-m", "tests.support.fake_gemini", "--lists-nothing"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent) as fake:
        assert fake.stdout is not None
        try:
            yield fake.stdout.readline().strip()
        finally:
            fake.kill()


def _direct_uri(port: int) -> str:
    return f"mongodb://127.0.0.1:{port}/?directConnection=true"


def _client(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, readConcernLevel="majority", tz_aware=True)


def bugs_in(log: Path) -> list[str]:
    """Return the lines of a server's log that tell of bugs."""
    return [line[-2000:] for line in _lines(log) if _is_bug(line)]


def _lines(log: Path) -> Iterable[str]:
    with suppress(FileNotFoundError):
        return log.read_text(errors="replace").splitlines()
    return ()


def _is_bug(line: str) -> bool:
    """Return whether a line tells of an exception that nobody expected, or is no log line at all."""
    try:
        said = json.loads(line)
    except ValueError:
        return bool(line.strip())
    return said.get("level") in ("error", "critical") or "exception" in said
