"""What a user may keep is bounded, told, and given back by deletion."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from argus_core.attachments import Attachments
from argus_core.blobs.files import FileBlobs
from argus_core.conversations import Conversations
from argus_core.domain import AttachmentPart, Kept
from argus_core.errors import AttachmentRejected, InvalidInput, NotFound
from argus_core.shares import KNOWN_S, ShareLimits, Shares
from argus_core.storage.base import Keeping
from argus_core.storage.sqlite import SqliteStorage
from tests.support.builders import ALICE, BOB, NOON, a_turn, an_attachment


async def any_model(name: str) -> str:
    """Take every model."""
    return name


class Watched(SqliteStorage):
    """Counts how often it counts."""

    counted = 0

    async def keeping(self, user_id: str) -> Keeping:
        self.counted += 1
        return await super().keeping(user_id)


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Watched]:
    opened = Watched(tmp_path / "argus.db")
    await opened.open()
    yield opened
    await opened.close()


async def test_nothing_is_limited_where_nobody_signs_in(storage: Watched) -> None:
    shares = Shares(storage)
    await shares.room_for(ALICE, conversations=10**9, text_bytes=10**12)
    await shares.room_for_picture(ALICE, 10**12)
    await shares.room_for_preference(ALICE, "x", "x" * 10**6)
    assert await shares.kept(ALICE, _no_sessions) == ()
    assert storage.counted == 0


async def _no_sessions() -> int:
    return 0


async def test_conversations_are_bounded_and_deleting_gives_room_at_once(storage: Watched) -> None:
    mine = Conversations(storage, ALICE, any_model, shares=Shares(storage, ShareLimits(conversations=3)))
    made = [await mine.create(key=str(number)) for number in range(3)]
    assert await mine.create(key="1") == made[1]
    with pytest.raises(InvalidInput, match="3 of 3: delete those"):
        await mine.create()
    await mine.delete(made[0].id)
    await mine.create()
    with pytest.raises(NotFound):  # its room was needed
        await mine.restore(made[0].id)
    await Conversations(storage, BOB, any_model, shares=Shares(storage, ShareLimits(conversations=3))).create()


async def test_deleting_and_restoring_gets_nobody_more_than_the_limit(storage: Watched) -> None:
    mine = Conversations(storage, ALICE, any_model, shares=Shares(storage, ShareLimits(conversations=3)))
    made = []
    for _ in range(9):
        made.append(await mine.create())
        await mine.delete(made[-1].id)
    back = 0
    for each in made:
        try:
            await mine.restore(each.id)
            back += 1
        except NotFound:
            pass
    assert back == await mine.count() == 3
    with pytest.raises(InvalidInput):
        await mine.create()


async def test_texts_of_every_kind_are_bounded_together(storage: Watched) -> None:
    shares = Shares(storage, ShareLimits(text_bytes=1000))
    mine = Conversations(storage, ALICE, any_model, shares=shares)
    conversation = await mine.create(system="x" * 300)
    await mine.save_draft(conversation.id, "پ" * 150)
    await shares.room_for(ALICE, text_bytes=400)
    for change in (mine.save_draft, mine.set_system):
        with pytest.raises(InvalidInput, match="delete those"):
            await change(conversation.id, "x" * 401)
    with pytest.raises(InvalidInput):
        await mine.create(system="x" * 401)
    with pytest.raises(InvalidInput):
        await shares.room_for(ALICE, text_bytes=401)
    await mine.save_draft(conversation.id, "")
    await shares.room_for(ALICE, text_bytes=401)


async def test_what_was_deleted_first_makes_way_first(storage: Watched) -> None:
    now = [NOON]
    shares = Shares(storage, ShareLimits(text_bytes=1000))
    mine = Conversations(storage, ALICE, any_model, shares=shares, clock=lambda: now[0])
    made = [await mine.create(system="x" * 300) for _ in range(3)]
    for number in (1, 0):
        now[0] = datetime(2026, 1, 2 - number, tzinfo=UTC)
        await mine.delete(made[number].id)
    await shares.room_for(ALICE, text_bytes=300)
    with pytest.raises(NotFound):
        await mine.restore(made[1].id)
    assert (await mine.restore(made[0].id)).system == "x" * 300


async def test_who_keeps_little_is_counted_once_a_minute(storage: Watched) -> None:
    now = [0.0]
    shares = Shares(storage, ShareLimits(text_bytes=1000), ticks=lambda: now[0])
    for _ in range(50):
        await shares.room_for(ALICE, text_bytes=10)
    assert storage.counted == 1
    await shares.room_for(ALICE, text_bytes=10)  # by what it knows that would be more than half
    assert storage.counted == 2
    await shares.room_for(ALICE, text_bytes=10)
    assert storage.counted == 2
    now[0] += KNOWN_S + 1
    await shares.room_for(ALICE, text_bytes=10)
    assert storage.counted == 3


async def test_pictures_are_bounded_and_a_deleted_conversation_gives_their_room_back(
    storage: Watched, tmp_path: Path
) -> None:
    picture = replace(an_attachment(), size_bytes=800)
    mine = Conversations(storage, ALICE, any_model)
    conversation = await mine.create()
    await storage.create_attachment(ALICE, picture)
    await storage.start_turn(a_turn(conversation, parts=(AttachmentPart(picture),)))
    await storage.free_attachments(datetime(2100, 1, 1, tzinfo=UTC))  # seen in its message
    shares = Shares(storage, ShareLimits(picture_bytes=1000))
    await shares.room_for_picture(ALICE, 200)
    with pytest.raises(AttachmentRejected, match="delete conversations with pictures"):
        await shares.room_for_picture(ALICE, 201)
    with pytest.raises(AttachmentRejected):
        await Attachments(
            storage, FileBlobs(tmp_path / "blobs"), ALICE, shares=Shares(storage, ShareLimits(picture_bytes=800))
        ).add("a.png", b"not even looked at")
    await mine.delete(conversation.id)
    await shares.room_for_picture(ALICE, 1000)


async def test_preferences_are_bounded(storage: Watched) -> None:
    shares = Shares(storage, ShareLimits(preferences=2))
    for name in ("a", "b"):
        await shares.room_for_preference(ALICE, name, "x")
        await storage.set_preference(ALICE, name, "x")
    await shares.room_for_preference(ALICE, "b", "another")
    with pytest.raises(InvalidInput, match="Forget one"):
        await shares.room_for_preference(ALICE, "c", "x")
    with pytest.raises(InvalidInput, match="10,000 characters"):
        await shares.room_for_preference(BOB, "a", "x" * 10_001)


async def test_what_is_kept_is_told(storage: Watched) -> None:
    shares = Shares(storage, ShareLimits(conversations=5, text_bytes=1000, sessions=3))
    await Conversations(storage, ALICE, any_model).create(system="x" * 7)
    assert await shares.kept(ALICE, _no_sessions) == (
        Kept(name="conversations", used=1, limit=5),
        Kept(name="text_bytes", used=7, limit=1000),
        Kept(name="sessions", used=0, limit=3),
    )
