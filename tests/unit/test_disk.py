"""Files that several programs make at once, and disks that lack something."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from argus_core import bootstrap, disk
from argus_core.disk import create_durably, knows_locks, try_lock
from argus_core.errors import ConfigError
from argus_core.settings import Settings

AT_ONCE = 8


def test_of_many_who_make_a_file_one_succeeds(tmp_path: Path) -> None:
    gate = Barrier(AT_ONCE)

    def make(number: int) -> bool:
        gate.wait()
        return create_durably(tmp_path / "key", str(number).encode() * 1000)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        made = list(threads.map(make, range(AT_ONCE)))
    assert made.count(True) == 1
    assert (tmp_path / "key").read_bytes() == str(made.index(True)).encode() * 1000
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_a_file_is_made_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assert create_durably(tmp_path / "key", b"first")
    assert not create_durably(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_two_first_starts_have_one_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look before either has written."""
    settings = Settings(config_dir=tmp_path / "config")
    gate = Barrier(AT_ONCE)

    def create(path: Path, data: bytes) -> bool:
        gate.wait()
        return create_durably(path, data)

    monkeypatch.setattr(bootstrap, "create_durably", create)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        keys = set(threads.map(bootstrap._own_key, [settings] * AT_ONCE))
    assert len(keys) == 1
    assert {bootstrap._own_key(settings)} == keys
    assert [path.name for path in (tmp_path / "config").iterdir()] == ["jwt_secret_key"]


@pytest.mark.parametrize("data", [b"", b"short", b"\xff" * 64])
def test_a_key_of_our_own_that_is_none_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "jwt_secret_key").write_bytes(data)
    with pytest.raises(ConfigError, match="jwt_secret_key"):
        bootstrap._own_key(Settings(config_dir=tmp_path))


@pytest.mark.skipif(os.name != "posix", reason="fcntl")
def test_a_disk_without_locks_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert knows_locks(tmp_path)
    import fcntl

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", no_locks)
    monkeypatch.setattr(fcntl, "flock", no_locks)
    assert not knows_locks(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with (tmp_path / "lock").open("wb+") as file:
        assert try_lock(file)  # else every start would wait for somebody who is not there


def test_a_lock_that_another_has_is_not_taken(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("wb+") as mine, (tmp_path / "lock").open("rb") as theirs:
        assert try_lock(mine)
        assert not try_lock(theirs)
    assert disk.knows_locks(tmp_path)
