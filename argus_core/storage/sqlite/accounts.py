"""Who there is and how they sign in: what runs inside a transaction of a lane."""

from __future__ import annotations

import sqlite3
from dataclasses import fields

from argus_core.domain import Page, User
from argus_core.errors import Conflict, InvalidInput, NotFound
from argus_core.storage.accounts import Login, UserChange
from argus_core.storage.paging import page_of_users
from argus_core.storage.sqlite import rows

_NOT_FOUND = "There is no such user."
_TAKEN = "There is an account with this email or id."
_FOREIGN_CURSOR = "That cursor does not come from a page of users."


def create(connection: sqlite3.Connection, login: Login) -> User:
    """Insert a user who has an email."""
    if not login.user.email:
        raise InvalidInput("An account needs an email.")
    return insert(connection, login)


def insert(connection: sqlite3.Connection, login: Login) -> User:
    """Insert a user as they are, or raise `Conflict`."""
    try:
        rows.insert(connection, "users", rows.USERS.dump(login.user) | {"password_hash": login.password_hash})
    except sqlite3.IntegrityError as error:
        raise Conflict(_TAKEN) from error
    return login.user


def find(connection: sqlite3.Connection, email: str) -> Login | None:
    """Return who has this email; nobody has an empty one."""
    row = connection.execute("SELECT * FROM users WHERE email = ? AND email != ''", (email,)).fetchone()
    return rows.login(row) if row else None


def get(connection: sqlite3.Connection, user_id: str) -> Login:
    """Return the user with what proves that it is them, or raise `NotFound`."""
    row = connection.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone()
    if row is None:
        raise NotFound(_NOT_FOUND)
    return rows.login(row)


def set_password_hash(connection: sqlite3.Connection, user_id: str, password_hash: str) -> None:
    """Set it, or raise `NotFound`."""
    if not connection.execute("UPDATE users SET password_hash = ? WHERE id = ?", (password_hash, user_id)).rowcount:
        raise NotFound(_NOT_FOUND)


def update(connection: sqlite3.Connection, user_id: str, change: UserChange) -> User:
    """Set the fields that are not None."""
    given = {each.name: getattr(change, each.name) for each in fields(change)}
    values = {name: value for name, value in given.items() if value is not None}
    if values:
        columns = ", ".join(f"{name} = ?" for name in values)
        try:
            connection.execute(f"UPDATE users SET {columns} WHERE id = ?", (*values.values(), user_id))
        except sqlite3.IntegrityError as error:
            raise Conflict(_TAKEN) from error
    return get(connection, user_id).user


def list_page(connection: sqlite3.Connection, limit: int, cursor: str | None) -> Page[User]:
    """Return one page, by email; a cursor is the id of the last user, so that no email stands in an address."""
    after = ""
    if cursor is not None:
        found = connection.execute("SELECT email FROM users WHERE id = ? AND email != ''", (cursor,)).fetchone()
        if found is None:
            raise InvalidInput(_FOREIGN_CURSOR)
        after = found["email"]
    # `email != ''` lets the index over emails be used.
    query = "SELECT * FROM users WHERE email > ? AND email != '' ORDER BY email LIMIT ?"
    return page_of_users([rows.user(row) for row in connection.execute(query, (after, limit + 1))], limit)


def count_admins(connection: sqlite3.Connection) -> int:
    """Return how many are admins and not disabled."""
    query = "SELECT count(*) FROM users WHERE role = 'admin' AND NOT disabled"
    return int(connection.execute(query).fetchone()[0])
