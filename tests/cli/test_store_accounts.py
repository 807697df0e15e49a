"""Accounts on a MongoDB that the commands open themselves, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from argus_core.ids import new_id
from tests.cli.conftest import Argus
from tests.support import mongod

EMAIL = "sara@example.org"
PASSWORD = b"four words that differ\n"


@pytest.fixture(autouse=True)
def mongo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MONGO_URI names a database that is gone at the end."""
    uri = mongod.with_database(mongod.replica_set_uri(), f"argus_{new_id()}")
    monkeypatch.setenv("MONGO_URI", uri)
    yield
    mongod.drop_database(uri)
    mongod.collect_left_open()


@pytest.mark.slow
@pytest.mark.filterwarnings(mongod.LEFT_OPEN)
def test_signing_out_of_a_store_forgets_the_sign_in_here(argus: Argus, tmp_path: Path) -> None:
    made = argus("admin", "create", "--email", EMAIL, "--name", "Sara", "--password-stdin", stdin=PASSWORD)
    assert made.code == 0, made.err
    entered = argus("login", "--email", EMAIL, "--password-stdin", stdin=PASSWORD)
    assert entered.code == 0, entered.err
    assert argus("whoami").out.startswith(f"Sara <{EMAIL}>")
    assert argus("logout").out == "Signed out.\n"
    kept = [path.read_text() for path in tmp_path.rglob("session_*") if path.suffix != ".lock"]
    assert len(kept) == 1
    assert EMAIL not in kept[0]
    assert '"refresh_token"' not in kept[0]
    assert argus("whoami").code == 4
    assert argus("logout").out == "Nobody was signed in here.\n"
