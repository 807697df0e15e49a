"""Invites."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from argus_core.domain import Invite
from argus_core.storage.mongo.account_documents import invite as read_invite
from argus_core.storage.mongo.account_documents import invite_document
from argus_core.storage.mongo.documents import text, whole_ms

if TYPE_CHECKING:
    from argus_core.mongodb import Database


async def create(db: Database, invite: Invite, code_digest: str) -> None:
    """Insert it."""
    await db.invites.insert_one(invite_document(invite, code_digest))


async def find(db: Database, code_digest: str) -> Invite | None:
    """Return it, used or not."""
    found = await db.invites.find_one({"code_digest": text(code_digest)})
    return None if found is None else read_invite(found)


async def use(db: Database, invite_id: str, user_id: str, at: datetime) -> bool:
    """Mark it used if it can be, in one update."""
    now = whole_ms(at)
    where = {"_id": text(invite_id), "used_at": None, "expires_at": {"$gt": now}}
    change = {"$set": {"used_at": now, "used_by": text(user_id)}}
    return (await db.invites.update_one(where, change)).matched_count == 1


async def list_newest(db: Database, limit: int) -> list[Invite]:
    """Return the newest."""
    return [read_invite(each) async for each in db.invites.find().sort({"created_at": -1, "_id": 1}).limit(limit)]


async def delete(db: Database, invite_id: str) -> None:
    """Remove it if it is there."""
    await db.invites.delete_one({"_id": text(invite_id)})
