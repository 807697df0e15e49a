"""Who there is and how they sign in."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from argus_core.domain import Page, User
from argus_core.errors import Conflict, InvalidInput, NotFound
from argus_core.storage.accounts import Login, UserChange
from argus_core.storage.mongo import documents
from argus_core.storage.mongo.account_documents import login as read_login
from argus_core.storage.mongo.account_documents import login_document
from argus_core.storage.mongo.documents import text
from argus_core.storage.paging import page_of_users

if TYPE_CHECKING:
    from argus_core.mongodb import Database

_NOT_FOUND = "There is no such user."
TAKEN = "There is an account with this email or id."
HAS_EMAIL = {"email": {"$gt": ""}}
"""Whose email is in the index."""


async def create(db: Database, login: Login) -> User:
    """Insert a user who has an email."""
    if not login.user.email:
        raise InvalidInput("An account needs an email.")
    try:
        await db.users.insert_one(login_document(login))
    except DuplicateKeyError as error:
        raise Conflict(TAKEN) from error
    return login.user


async def find(db: Database, email: str) -> Login | None:
    """Return who has this email; nobody has an empty one."""
    found = await db.users.find_one({"email": text(email)}) if email else None
    return None if found is None else read_login(found)


async def get(db: Database, user_id: str) -> Login:
    """Return the user with what proves that it is them, or raise `NotFound`."""
    found = await db.users.find_one({"_id": text(user_id)})
    if found is None:
        raise NotFound(_NOT_FOUND)
    return read_login(found)


async def set_password_hash(db: Database, user_id: str, password_hash: str) -> None:
    """Set it, or raise `NotFound`."""
    change = {"$set": {"password_hash": text(password_hash)}}
    if not (await db.users.update_one({"_id": text(user_id)}, change)).matched_count:
        raise NotFound(_NOT_FOUND)


async def update(db: Database, user_id: str, change: UserChange) -> User:
    """Set the fields that are not None."""
    given = {each.name: getattr(change, each.name) for each in fields(change)}
    values = {name: value for name, value in given.items() if value is not None}
    if not values:
        return (await get(db, user_id)).user
    try:
        found = await db.users.find_one_and_update(
            {"_id": text(user_id)}, {"$set": values}, return_document=ReturnDocument.AFTER
        )
    except DuplicateKeyError as error:
        raise Conflict(TAKEN) from error
    if found is None:
        raise NotFound(_NOT_FOUND)
    return documents.user(found)


async def list_page(db: Database, limit: int, cursor: str | None) -> Page[User]:
    """Return one page, by email; a cursor is the id of the last user, so that no email stands in an address."""
    after = ""
    if cursor is not None:
        last = await db.users.find_one({"_id": text(cursor), **HAS_EMAIL}, {"email": 1})
        if last is None:
            raise InvalidInput("That cursor does not come from a page of users.")
        after = last["email"]
    found = db.users.find({"email": {"$gt": after}}).sort({"email": 1}).limit(limit + 1)
    return page_of_users([documents.user(each) async for each in found], limit)


async def count_admins(db: Database) -> int:
    """Return how many are admins and not disabled."""
    return await db.users.count_documents({"role": "admin", "disabled": {"$ne": True}})
