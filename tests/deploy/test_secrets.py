"""`deploy/make-secrets`, and a real MongoDB that takes what it makes."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deploy.files import DEPLOY, text

KEY = "a-gemini-key"


def make(folder: Path, gemini_key: str = KEY) -> subprocess.CompletedProcess[str]:
    command = [str(DEPLOY / "make-secrets"), str(folder)]
    return subprocess.run(command, input=gemini_key, capture_output=True, text=True, check=False)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    done = make(tmp_path / "secrets", f" {KEY}\r\n")
    assert done.returncode == 0, done.stderr
    assert KEY not in done.stdout + done.stderr
    return tmp_path / "secrets"


def test_it_makes_what_compose_reads(secrets: Path) -> None:
    compose: dict[str, Any] = yaml.safe_load(text("compose.yaml"))
    assert {path.name for path in secrets.iterdir()} == compose["secrets"].keys()


def test_the_folder_is_for_its_owner_and_the_files_for_the_containers(secrets: Path) -> None:
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o444}


def test_they_are_long_random_and_need_no_escaping(secrets: Path, tmp_path: Path) -> None:
    make(tmp_path / "other")
    for name, least in {"jwt_secret_key": 64, "mongo_root_password": 32, "mongo_argus_password": 32}.items():
        value = (secrets / name).read_text()
        assert value.isalnum()
        assert len(value) >= least
        assert value != (tmp_path / "other" / name).read_text()
    assert 6 <= len((secrets / "mongo_keyfile").read_text()) <= 1024  # what mongod takes


def test_the_address_holds_the_password_of_the_user_that_is_made(secrets: Path) -> None:
    address = urlsplit((secrets / "mongo_uri").read_text())
    assert (address.username, address.password) == ("argus", (secrets / "mongo_argus_password").read_text())
    assert (secrets / "gemini_api_key").read_text() == KEY


def test_nothing_is_made_anew(secrets: Path) -> None:
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    (secrets / "jwt_secret_key").unlink()
    assert make(secrets, "").returncode == 0
    after = {path.name: path.read_text() for path in secrets.iterdir()}
    assert after.keys() == before.keys()
    assert after.pop("jwt_secret_key") != before.pop("jwt_secret_key")
    assert after == before


def test_without_a_gemini_key_it_stops_and_leaves_none(tmp_path: Path) -> None:
    done = make(tmp_path / "secrets", "\n")
    assert done.returncode == 1
    assert "gemini_api_key: nothing was given" in done.stderr
    assert list((tmp_path / "secrets").iterdir()) == []
