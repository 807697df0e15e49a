"""The server as the image and the Procfile run it, without a container: on a free port, asked over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.deploy.files import text
from tests.deploy.test_docker import environment, of
from tests.support.mongod import free_port
from tests.support.terminal import LONG_S, until

SIGNING_KEY = secrets.token_urlsafe(48)
EMAIL, PASSWORD = "you@example.org", "seven grey herons wade"
COMMANDS = {
    "Dockerfile": json.loads(of("CMD")[0]),
    "Procfile": shlex.split(text("Procfile").partition(": ")[2]),
}
HEALTH_CHECK = json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])


@contextmanager
def running(command: list[str], env: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server until the end of the block; what it says goes into the file `said`."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
        with process:
            try:
                until(lambda: process.poll() is not None or answers(env, "/healthz"), "the server")
                assert process.poll() is None, (folder / "said").read_text()
                yield process
            finally:
                process.kill()


def ask(env: dict[str, str], method: str, path: str, body: object = None) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", int(env["PORT"]), timeout=LONG_S)
    with closing(connection):
        connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        with connection.getresponse() as response:
            return response.status, json.loads(response.read())


def answers(env: dict[str, str], path: str) -> bool:
    try:
        return ask(env, "GET", path)[0] == 200
    except ConnectionRefusedError:
        return False


def is_healthy(env: dict[str, str]) -> bool:
    return subprocess.run(HEALTH_CHECK, env=env, stderr=subprocess.DEVNULL, check=False).returncode == 0


def environment_of_the_image(folder: Path) -> dict[str, str]:
    """Return the environment of the image, with another folder for its data, and nothing of this machine's."""
    programs = str(Path(sys.executable).parent)
    image = {name: value.replace("/data", str(folder / "data")) for name, value in environment(1).items()}
    ours = {"PATH": f"{programs}:{os.environ['PATH']}", "PORT": str(free_port()), "JWT_SECRET_KEY": SIGNING_KEY}
    return {**image, **ours}


def make_admin(env: dict[str, str], folder: Path) -> None:
    """Make the first admin, as docs/deploy says."""
    make = ["argus", "admin", "create", "--email", EMAIL, "--name", "You", "--password-stdin"]
    subprocess.run(make, env=env, cwd=folder, input=PASSWORD, text=True, check=True, capture_output=True)
