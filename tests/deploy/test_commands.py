"""What the image and the Procfile run, run without a container: a real server on a free port, asked and ended."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.deploy.served import COMMANDS, EMAIL, PASSWORD, SIGNING_KEY, answers, ask, is_healthy, make_admin, running
from tests.support.terminal import LONG_S

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_serves_and_ends_well(name: str, env: dict[str, str], tmp_path: Path) -> None:
    assert not is_healthy(env)
    with running(COMMANDS[name], env, tmp_path) as server:
        assert is_healthy(env)
        assert ask(env, "GET", "/readyz") == (200, {"status": "ok"})
        server.send_signal(signal.SIGTERM)
        assert server.wait(LONG_S) == 0
    assert not is_healthy(env)
    said = (tmp_path / "said").read_text()
    assert SIGNING_KEY not in said
    assert "Traceback" not in said


def test_the_first_admin_is_made_beside_the_server(env: dict[str, str], tmp_path: Path) -> None:
    with running(COMMANDS["Dockerfile"], env, tmp_path):
        make_admin(env, tmp_path)
        sign_in = {"email": EMAIL, "password": PASSWORD}
        status, signed_in = ask(env, "POST", "/api/v1/auth/login", sign_in)
    assert status == 200
    assert isinstance(signed_in, dict)
    assert signed_in["user"]["role"] == "admin"


def test_secrets_may_come_from_files(env: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "jwt_secret_key"
    path.write_text(env.pop("JWT_SECRET_KEY") + "\n", encoding="utf-8")
    with running(COMMANDS["Dockerfile"], {**env, "JWT_SECRET_KEY_FILE": str(path)}, tmp_path):
        assert answers(env, "/readyz")


@pytest.mark.parametrize("key", ["", "short", "changeme" * 8])
def test_without_a_strong_key_nothing_starts(key: str, env: dict[str, str], tmp_path: Path) -> None:
    command, weak = COMMANDS["Dockerfile"], {**env, "JWT_SECRET_KEY": key}
    done = subprocess.run(command, env=weak, cwd=tmp_path, capture_output=True, text=True, timeout=LONG_S, check=False)
    assert done.returncode == 7
    assert "JWT_SECRET_KEY" in done.stderr
    assert "Traceback" not in done.stderr
