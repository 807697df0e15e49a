"""`argus serve` as a process of its own, on SQLite, and the accounts on it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from benchmarks.processes import tree
from tests.faults.cluster import SERVE, Replica

SIGNING_KEY = "zpkSnFkWvUx7cBqL2dR9yGm4tHj8aEo1"
GEMINI_KEY = "AIzaSyTestKeyThatIsNotOne"
ROOT = Path(__file__).parents[2]


@contextmanager
def serving(folder: Path, program: tuple[str, ...] = SERVE, /, **settings: str) -> Iterator[Replica]:
    """Run a server until the end of the block; its log is `replica.log`."""
    (folder / "config").mkdir(mode=0o700, exist_ok=True)
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "ARGUS_DATA_DIR": str(folder / "data"),
        "ARGUS_CONFIG_DIR": str(folder / "config"),
        "ARGUS_KEYRING": "false",
        "ARGUS_TITLES": "words",
        "ARGUS_SIGNUP": "open",
        "ARGUS_REQUESTS_PER_MINUTE": "0",
        "ARGUS_ADDRESS_REQUESTS_PER_MINUTE": "0",
        "JWT_SECRET_KEY": SIGNING_KEY,
        "GEMINI_API_KEY": GEMINI_KEY,
        **settings,
    }
    replica = Replica("server", folder, env, program=program)
    try:
        replica.start()
        yield replica
    finally:
        _kill(replica)


def _kill(replica: Replica) -> None:
    """End a server and its workers, which would live on."""
    workers = tree(replica.pid)[1:] if replica.is_alive else []
    replica.kill()
    for each in workers:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def send(
    replica: Replica,
    method: str,
    path: str,
    body: Any = None,
    token: str = "",
    headers: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Send one request and return status, headers and body."""
    connection = HTTPConnection("127.0.0.1", replica.port, timeout=60)
    sent = {"Content-Type": "application/json", **(headers or {})}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
    try:
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def sign_up(replica: Replica, name: str, password: str) -> dict[str, Any]:
    """Make an account over the network and return what a client gets."""
    body = {"name": name, "email": f"{name.lower()}@example.org", "password": password}
    status, _, answer = send(replica, "POST", "/api/v1/auth/signup", body)
    assert status == 201, answer
    found: dict[str, Any] = json.loads(answer)
    return found
