"""Blobs as files: durable, deduplicated, verified, never led astray by a name."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from argus_core.blobs.files import FileBlobs
from argus_core.disk import write_durably
from argus_core.errors import NotFound, StorageError

DATA = b"a picture" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_only_the_owner_can_read(tmp_path: Path) -> None:
    await FileBlobs(tmp_path / "blobs").put(DATA)
    path = tmp_path / "blobs" / DIGEST[:2] / DIGEST
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "blobs").stat().st_mode & 0o777 == 0o700


async def test_same_bytes_are_kept_once_also_when_put_at_the_same_time(tmp_path: Path) -> None:
    one, two = FileBlobs(tmp_path), FileBlobs(tmp_path)
    digests = await asyncio.gather(*(blobs.put(DATA) for blobs in (one, two) for _ in range(5)))
    assert set(digests) == {DIGEST}
    assert files_in(tmp_path) == [tmp_path / DIGEST[:2] / DIGEST]


@pytest.mark.parametrize(
    "digest",
    ["", "ab", DIGEST.upper(), "../" + DIGEST, DIGEST + "/..", "/etc/passwd", DIGEST + "\n", "\0" * 64, "g" * 64],
)
async def test_what_is_not_a_digest_never_reaches_a_path(tmp_path: Path, digest: str) -> None:
    with pytest.raises(NotFound):
        await FileBlobs(tmp_path).get(digest)


@pytest.mark.parametrize("damage", [b"", DATA[:-1], DATA[:-1] + b"!", DATA + b"!"])
async def test_damage_on_the_disk_is_seen_and_mended_by_the_next_put(tmp_path: Path, damage: bytes) -> None:
    blobs = FileBlobs(tmp_path)
    await blobs.put(DATA)
    (tmp_path / DIGEST[:2] / DIGEST).write_bytes(damage)
    with pytest.raises(StorageError, match="damaged"):
        await blobs.get(DIGEST)
    await blobs.put(DATA)
    assert await blobs.get(DIGEST) == DATA


@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "disk is full"), (errno.EIO, "Input/output error")])
async def test_failing_disk_is_told_in_words_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def fail(*_: Any) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StorageError, match=words):
        await FileBlobs(tmp_path).put(DATA)
    assert files_in(tmp_path) == []


async def test_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("")
    with pytest.raises(StorageError):
        await FileBlobs(tmp_path / "blobs").put(DATA)
    with pytest.raises(StorageError):
        await FileBlobs(tmp_path / "blobs").get(DIGEST)


async def test_half_written_files_of_the_dead_are_cleared_and_those_of_the_living_stay(tmp_path: Path) -> None:
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    for name, age_s in (("dead", 7200), ("living", 0)):
        (drafts / name).write_bytes(b"half")
        then = (drafts / name).stat().st_mtime - age_s
        os.utime(drafts / name, (then, then))
    await FileBlobs(tmp_path).put(DATA)
    assert [path.name for path in drafts.iterdir()] == ["living"]


def test_order_is_write_sync_rename_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(handle: int) -> None:
        done.append("sync folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "sync file")
        real_fsync(handle)

    def replace(path: Path, target: Path) -> Path:
        done.append("rename")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_durably(tmp_path / "file", DATA)
    assert done == ["sync file", "rename", "sync folder"]


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real_write(handle, data[:1000]))
    write_durably(tmp_path / "file", DATA)
    assert (tmp_path / "file").read_bytes() == DATA


def test_failed_write_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"older")

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        write_durably(tmp_path / "file", DATA)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"older"
