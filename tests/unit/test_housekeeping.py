"""What accounts leave behind is removed once nobody can ask for it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from argus_core import housekeeping
from argus_core.blobs.files import FileBlobs
from argus_core.domain import Session, User
from argus_core.errors import NotFound
from argus_core.housekeeping import KEEP_PICTURES, KEEP_SESSIONS, keep_house, remove_pictures, tidy
from argus_core.limits import Limits
from argus_core.storage.accounts import Amounts, Caps, Hold, Login, StoredSession
from argus_core.storage.sqlite import SqliteStorage
from tests.support.builders import ALICE, BOB, an_attachment

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


async def test_old_sessions_days_and_holds_go_and_new_ones_stay(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "argus.db")
    await storage.open()
    for name, seen_at in (("old", NOW - KEEP_SESSIONS - timedelta(days=1)), ("new", NOW)):
        session = Session(id=name, user_id="u", created_at=seen_at, seen_at=seen_at)
        await storage.create_session(StoredSession(session=session, refreshed_at=seen_at))
    lost = Hold(
        user_id="u",
        day=NOW.date(),
        generation_id="g" * 32,
        amounts=Amounts(requests=1),
        created_at=NOW - timedelta(hours=2),
    )
    assert await storage.reserve(lost, Caps())
    await tidy(storage, Limits(storage, clock=lambda: NOW), NOW)
    assert await storage.find_session("old") is None
    assert await storage.find_session("new") is not None
    assert (await storage.get_day("u", NOW.date())).held == Amounts()
    await storage.close()


async def test_pictures_that_nobody_has_go_with_their_bytes(tmp_path: Path) -> None:
    storage, blobs = SqliteStorage(tmp_path / "argus.db", clock=lambda: NOW), FileBlobs(tmp_path / "blobs")
    await storage.open()
    digests = [await blobs.put(data) for data in (b"alone", b"two have it")]
    for name, user_id, digest in (("1", ALICE, digests[0]), ("2", ALICE, digests[1])):
        await storage.create_attachment(user_id, replace(an_attachment(), id=name, digest=digest))
    soon, later = NOW + KEEP_PICTURES / 2, NOW + KEEP_PICTURES * 2
    assert await remove_pictures(storage, blobs, soon) == 0
    assert await remove_pictures(storage, blobs, later) == 0  # the bytes were put in the last hour
    assert sorted(await storage.list_orphans()) == sorted(digests)
    await storage.create_attachment(BOB, replace(an_attachment(), id="3", digest=digests[1]))
    _age(tmp_path / "blobs")
    assert await remove_pictures(storage, blobs, soon) == 1
    assert await storage.list_orphans() == []
    with pytest.raises(NotFound):
        await blobs.get(digests[0])
    assert await blobs.get(digests[1]) == b"two have it"
    await storage.close()


def _age(folder: Path) -> None:
    """Let the bytes in a folder have been put two hours ago."""
    for path in folder.rglob("*"):
        if path.is_file():
            then = path.stat().st_mtime - 7200
            os.utime(path, (then, then))


async def test_emails_of_before_are_folded_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "FIRST_S", 0)
    storage = SqliteStorage(tmp_path / "argus.db")
    await storage.open()
    await storage.create_login(
        Login(user=User(id="u", name="Sara", email="strauß@example.org", created_at=NOW), password_hash=None)
    )
    keeping = asyncio.create_task(keep_house(storage, FileBlobs(tmp_path / "blobs"), Limits(storage)))
    async with asyncio.timeout(10):
        while await storage.find_login("strauss@example.org") is None:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    keeping.cancel()
    await asyncio.wait([keeping])
    await storage.close()
