"""Every storage: what a user keeps is counted, and given back by deletion."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from argus_core.domain import Attachment, AttachmentPart, TextPart
from argus_core.errors import NotFound
from argus_core.ids import new_id, utc_now
from argus_core.storage import codec
from argus_core.storage.base import ConversationChange, Keeping, Storage
from argus_core.storage.transfer import Kind, PortableStorage
from tests.support.builders import ALICE, BOB, NOON, a_conversation, a_turn, an_attachment, an_ending, later


def _size(*texts: str) -> int:
    """Return what messages that say this take."""
    return sum(len(codec.dump_parts([TextPart(text)]).encode()) for text in texts)


async def _asked_with(storage: Storage, name: str, *pictures: Attachment) -> None:
    conversation = await storage.create_conversation(a_conversation(name))
    parts = tuple(AttachmentPart(picture) for picture in pictures)
    await storage.start_turn(a_turn(conversation, parts=(*parts, TextPart("What is it?"))))


async def _pictures(storage: Storage, count: int) -> list[Attachment]:
    made = [replace(an_attachment(), id=new_id(), digest=new_id() * 2) for _ in range(count)]
    return [await storage.create_attachment(ALICE, each) for each in made]


async def test_conversations_and_all_their_texts_are_counted(storage: Storage) -> None:
    await storage.create_conversation(replace(a_conversation("empty"), system="سلام", draft="é"))
    conversation = await storage.create_conversation(a_conversation("talk"))
    await storage.create_conversation(a_conversation("bobs", user_id=BOB))
    assert await storage.keeping(ALICE) == Keeping(conversations=2, text_bytes=10)
    turn = await storage.start_turn(a_turn(conversation, "پرسش"))
    await storage.start_turn(a_turn(conversation, "again", client_msg_id="x"))
    await storage.start_turn(a_turn(conversation, "again, repeated", client_msg_id="x"))
    asked = _size("پرسش", "again")
    assert (await storage.keeping(ALICE)).text_bytes == 10 + asked
    for _ in range(2):
        await storage.finish_generation(turn.generation.id, replace(an_ending(), parts=(TextPart("پاسخ"),)))
    assert (await storage.keeping(ALICE)).text_bytes == 10 + asked + _size("پاسخ")
    for draft, system, size in (("half", None, 12), ("", None, 8), (None, "", 0), ("abc", "de", 5), (None, None, 5)):
        await storage.update_conversation(ALICE, "empty", ConversationChange(draft=draft, system=system))
        assert (await storage.keeping(ALICE)).text_bytes == size + asked + _size("پاسخ")
    assert await storage.keeping(BOB) == Keeping(conversations=1)


async def test_a_deleted_conversation_counts_apart_until_it_is_purged(storage: Storage) -> None:
    for number, name in enumerate(("first", "second", "third")):
        await storage.create_conversation(replace(a_conversation(name), draft="x" * 10**number))
    await storage.delete_conversation(ALICE, "second", later(1))
    await storage.delete_conversation(ALICE, "third", later(2))
    await storage.create_conversation(replace(a_conversation("bobs", user_id=BOB), draft="x"))
    await storage.delete_conversation(BOB, "bobs", later(0))
    assert await storage.keeping(ALICE) == Keeping(conversations=1, text_bytes=1, deleted=2, deleted_text_bytes=110)
    assert await storage.purge_oldest_deleted(ALICE)
    assert await storage.keeping(ALICE) == Keeping(conversations=1, text_bytes=1, deleted=1, deleted_text_bytes=100)
    with pytest.raises(NotFound):
        await storage.restore_conversation(ALICE, "second")
    await storage.restore_conversation(ALICE, "third")
    assert await storage.keeping(ALICE) == Keeping(conversations=2, text_bytes=101)
    assert not await storage.purge_oldest_deleted(ALICE)
    assert (await storage.keeping(BOB)).deleted == 1


async def test_preferences_are_counted(storage: Storage) -> None:
    for name in ("theme", "draft", "theme"):
        await storage.set_preference(ALICE, name, "x")
    await storage.set_preference(BOB, "theme", "x")
    await storage.set_preference(ALICE, "draft", None)
    assert await storage.count_preferences(ALICE) == 1


async def test_attachments_are_claimed_in_order_by_their_owner(storage: Storage) -> None:
    one, two = await _pictures(storage, 2)
    assert await storage.claim_attachments(ALICE, [two.id, one.id, two.id]) == [two, one, two]
    assert await storage.claim_attachments(ALICE, []) == []
    for user_id, ids in ((BOB, [one.id]), (ALICE, [one.id, "none"])):
        with pytest.raises(NotFound):
            await storage.claim_attachments(user_id, ids)


async def test_what_no_message_has_is_removed_after_a_while(storage: Storage) -> None:
    asked, answered, left, claimed = await _pictures(storage, 4)
    await _asked_with(storage, "c", asked)
    turn = await storage.start_turn(a_turn(await storage.get_conversation(ALICE, "c")))
    await storage.finish_generation(turn.generation.id, replace(an_ending(), parts=(AttachmentPart(answered),)))
    assert await storage.free_attachments(utc_now() - timedelta(hours=24)) == 0
    in_a_moment = utc_now() + timedelta(seconds=1)
    await storage.claim_attachments(ALICE, [claimed.id])
    assert await storage.free_attachments(in_a_moment) == 2
    assert await storage.free_attachments(in_a_moment) == 0
    assert {each.id for each in (asked, answered)} == {
        (await storage.get_attachment(ALICE, each.id)).id for each in (asked, answered)
    }
    with pytest.raises(NotFound):
        await storage.get_attachment(ALICE, left.id)
    assert left.digest in await storage.list_orphans()


async def test_a_purged_conversation_takes_its_pictures_along_but_those_of_others(storage: Storage) -> None:
    own, shared = await _pictures(storage, 2)
    twin = await storage.create_attachment(ALICE, replace(own, id=new_id()))
    await _asked_with(storage, "gone", own, shared)
    await _asked_with(storage, "stays", shared)
    before = utc_now() - timedelta(days=1)
    assert await storage.free_attachments(utc_now() + timedelta(seconds=1)) == 1  # the others are seen in messages now
    with pytest.raises(NotFound):
        await storage.get_attachment(ALICE, twin.id)
    await storage.delete_conversation(ALICE, "gone", NOON)
    assert await storage.get_attachment(ALICE, own.id) == own
    assert await storage.purge_deleted(before) == 1
    assert (await storage.keeping(ALICE)).picture_bytes == shared.size_bytes
    with pytest.raises(NotFound):
        await storage.get_attachment(ALICE, own.id)
    assert await storage.list_orphans() == [own.digest]
    assert not await storage.is_attached(own.digest)
    assert await storage.is_attached(shared.digest)
    await storage.forget_orphan(own.digest)
    await storage.forget_orphan(own.digest)
    assert await storage.list_orphans() == []


async def test_a_picture_that_was_just_claimed_outlives_the_conversation_it_was_in(storage: Storage) -> None:
    (picture,) = await _pictures(storage, 1)
    await _asked_with(storage, "gone", picture)
    await storage.claim_attachments(ALICE, [picture.id])
    await storage.delete_conversation(ALICE, "gone", NOON)
    await storage.purge_deleted(later(60))
    assert await storage.get_attachment(ALICE, picture.id) == picture


async def test_what_is_copied_counts_as_before(storage: PortableStorage, other_storage: PortableStorage) -> None:
    (picture,) = await _pictures(storage, 1)
    await _asked_with(storage, "c", picture)
    await storage.update_conversation(ALICE, "c", ConversationChange(draft="half"))
    before = await storage.keeping(ALICE)
    kinds: tuple[Kind, ...] = ("conversations", "messages")
    records = {kind: [each async for each in storage.export(kind)] for kind in kinds}
    await storage.delete_conversation(ALICE, "c", NOON)
    await storage.purge_deleted(later(60))
    assert (await storage.keeping(ALICE)).text_bytes == 0
    for kind, batches in records.items():
        for batch in batches:
            await other_storage.load(kind, batch)
    assert await storage.keeping(ALICE) == before
