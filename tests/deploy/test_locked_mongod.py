"""A real MongoDB as compose.yaml starts it: with the keyfile and the users of `deploy/`, and Argus on it."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from tests.deploy.files import text
from tests.deploy.served import COMMANDS, EMAIL, PASSWORD, ask, make_admin, running
from tests.deploy.test_secrets import make
from tests.support.mongod import binary, free_port
from tests.support.terminal import LONG_S, until

pytestmark = pytest.mark.slow


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    assert make(folder).returncode == 0
    return folder


@pytest.fixture
def port(secrets: Path, tmp_path: Path) -> Iterator[int]:
    """A mongod with the words of compose.yaml; what `mongo-health.js` makes in it is made here."""
    keyfile, data, port = tmp_path / "keyfile", tmp_path / "db", free_port()
    shutil.copyfile(secrets / "mongo_keyfile", keyfile)
    keyfile.chmod(0o400)
    data.mkdir()
    words: list[str] = yaml.safe_load(text("compose.yaml"))["services"]["mongo"]["command"]
    words = [str(keyfile) if word == "/run/keyfile" else word for word in words[1:] if word != "--bind_ip_all"]
    command = [str(binary()), *words, "--dbpath", str(data), "--port", str(port), "--bind_ip", "127.0.0.1"]
    log = ["--logpath", str(tmp_path / "log"), "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]
    with subprocess.Popen([*command, *log], stdout=subprocess.DEVNULL) as process:
        try:
            set_up(port, secrets)
            yield port
        finally:
            process.terminate()


def set_up(port: int, secrets: Path) -> None:
    root, argus = ((secrets / f"mongo_{name}_password").read_text() for name in ("root", "argus"))
    address = f"mongodb://127.0.0.1:{port}/?directConnection=true"
    with MongoClient[dict[str, Any]](address) as first:
        member = {"_id": 0, "host": f"127.0.0.1:{port}"}
        first.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
        until(lambda: bool(first.admin.command("hello")["isWritablePrimary"]), "a primary")
        first.admin.command("createUser", "root", pwd=root, roles=["root"])
    with MongoClient[dict[str, Any]](address, username="root", password=root) as admin:
        roles = [{"role": "readWrite", "db": "argus"}]
        admin.argus.command("createUser", "argus", pwd=argus, roles=roles)


def test_nobody_gets_in_without_a_password(port: int) -> None:
    with (
        MongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{port}/?directConnection=true") as client,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        client.argus.messages.find_one()


def test_argus_serves_with_the_rights_it_is_given(
    env: dict[str, str], secrets: Path, port: int, tmp_path: Path
) -> None:
    assert '{ role: "readWrite", db: "argus" }' in text("mongo-health.js")
    address = tmp_path / "mongo_uri"
    address.write_text((secrets / "mongo_uri").read_text().replace("mongo:27017", f"127.0.0.1:{port}"))
    env = {**env, "MONGO_URI_FILE": str(address)}
    with running(COMMANDS["Dockerfile"], env, tmp_path) as server:
        assert ask(env, "GET", "/readyz") == (200, {"status": "ok"})
        make_admin(env, tmp_path)
        assert ask(env, "POST", "/api/v1/auth/login", {"email": EMAIL, "password": PASSWORD})[0] == 200
        server.send_signal(signal.SIGTERM)
        assert server.wait(LONG_S) == 0
    said = (tmp_path / "said").read_text()
    assert (secrets / "mongo_argus_password").read_text() not in said
    assert "not authorized" not in said
