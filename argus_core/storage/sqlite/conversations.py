"""Users, preferences and conversations: what runs inside a transaction of a lane."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from datetime import datetime

from argus_core.domain import Conversation, ConversationRow, Page, User
from argus_core.errors import Conflict, NotFound
from argus_core.storage.accounts import Login
from argus_core.storage.base import ConversationChange, Keeping
from argus_core.storage.paging import cursor_after, read_cursor
from argus_core.storage.sqlite import accounts, attachments, rows
from argus_core.storage.times import from_ms, to_ms
from argus_core.text.fold import query_terms, words

_RUNNING = "(SELECT count(*) FROM generations g WHERE g.conversation_id = c.id AND g.status = 'running') AS running"
SELECT = f"SELECT c.*, {_RUNNING} FROM conversations c"
_TOLD_IN_LISTS = (*rows.CONVERSATION_ROWS.columns, "is_prepared", "change")
_SELECT_ROW = f"SELECT {', '.join(f'c.{name}' for name in _TOLD_IN_LISTS)}, {_RUNNING} FROM conversations c"
_MEASURE = """
UPDATE conversations SET
    bytes = bytes - length(CAST(draft AS BLOB)) - length(CAST(system AS BLOB))
        + length(CAST(coalesce(:draft, draft) AS BLOB)) + length(CAST(coalesce(:system, system) AS BLOB)),
    is_prepared = coalesce(:draft, draft) != '' OR coalesce(:system, system) != ''
WHERE id = :id
"""
_NOT_FOUND = "There is no such conversation."


def ensure_user(connection: sqlite3.Connection, user: User) -> User:
    """Insert the user unless the id is taken; return the stored one."""
    found = connection.execute("SELECT * FROM users WHERE id = ?", (user.id,)).fetchone()
    return rows.user(found) if found else accounts.insert(connection, Login(user=user, password_hash=None))


def get_user(connection: sqlite3.Connection, user_id: str) -> User:
    """Return the user or raise `NotFound`."""
    row = connection.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone()
    if row is None:
        raise NotFound("There is no such user.")
    return rows.user(row)


def get_preference(connection: sqlite3.Connection, user_id: str, name: str) -> str | None:
    """Return the value or None."""
    found = connection.execute(
        "SELECT value FROM preferences WHERE user_id = ? AND name = ?", (user_id, name)
    ).fetchone()
    return found["value"] if found else None


def set_preference(connection: sqlite3.Connection, user_id: str, name: str, value: str | None) -> None:
    """Keep or forget the value."""
    if value is None:
        connection.execute("DELETE FROM preferences WHERE user_id = ? AND name = ?", (user_id, name))
    else:
        connection.execute("INSERT OR REPLACE INTO preferences VALUES (?, ?, ?)", (user_id, name, value))


def count_preferences(connection: sqlite3.Connection, user_id: str) -> int:
    """Return how many values the user keeps."""
    return int(connection.execute("SELECT count(*) FROM preferences WHERE user_id = ?", (user_id,)).fetchone()[0])


def last_change(connection: sqlite3.Connection) -> int:
    """Return the number of the newest change to any conversation."""
    return int(connection.execute("SELECT last_change FROM counter").fetchone()[0])


def next_change(connection: sqlite3.Connection) -> int:
    """Take the next number; only inside a write transaction."""
    connection.execute("UPDATE counter SET last_change = last_change + 1")
    return last_change(connection)


def create(connection: sqlite3.Connection, new: Conversation) -> Conversation:
    """Insert it; one with this id and owner is returned as it is."""
    row = connection.execute(f"{SELECT} WHERE c.id = ?", (new.id,)).fetchone()
    if row is not None:
        if row["user_id"] != new.user_id:
            raise Conflict("This id is taken.")
        return rows.conversation(row)
    kept_beside = {
        "change": next_change(connection),
        "title_words": _title_words(new.title),
        "bytes": len(new.system.encode()) + len(new.draft.encode()),
        "is_prepared": bool(new.system or new.draft),
    }
    rows.insert(connection, "conversations", rows.CONVERSATIONS.dump(new) | kept_beside)
    return get(connection, new.user_id, new.id)


def get(connection: sqlite3.Connection, user_id: str, conversation_id: str) -> Conversation:
    """Return it, deleted or not, or raise `NotFound`."""
    row = connection.execute(f"{SELECT} WHERE c.id = ? AND c.user_id = ?", (conversation_id, user_id)).fetchone()
    if row is None:
        raise NotFound(_NOT_FOUND)
    return rows.conversation(row)


def get_row(connection: sqlite3.Connection, user_id: str, conversation_id: str) -> ConversationRow:
    """Return what lists tell of it, deleted or not, or raise `NotFound`."""
    query = f"{_SELECT_ROW} WHERE c.id = ? AND c.user_id = ?"
    row = connection.execute(query, (conversation_id, user_id)).fetchone()
    if row is None:
        raise NotFound(_NOT_FOUND)
    return rows.conversation_row(row)


def get_alive(connection: sqlite3.Connection, user_id: str, conversation_id: str) -> ConversationRow:
    """Return what lists tell of it, or raise `NotFound`, also when it was deleted."""
    found = get_row(connection, user_id, conversation_id)
    if found.deleted_at is not None:
        raise NotFound("The conversation was deleted.")
    return found


def find(connection: sqlite3.Connection, user_id: str, id_prefix: str, limit: int) -> list[ConversationRow]:
    """Return those whose id begins so, newest first."""
    found = connection.execute(
        f"{_SELECT_ROW} WHERE c.user_id = ? AND c.deleted_at IS NULL AND c.id >= ? AND substr(c.id, 1, ?) = ?"
        " ORDER BY c.updated_at DESC, c.id LIMIT ?",
        (user_id, id_prefix, len(id_prefix), id_prefix, limit),
    )
    return [rows.conversation_row(row) for row in found]


def list_page(
    connection: sqlite3.Connection, user_id: str, limit: int, cursor: str | None, title_words: str
) -> Page[ConversationRow]:
    """Return one page of the sidebar; the keys come from the index alone, the rows by number."""
    where: list[str] = ["user_id = ?", "deleted_at IS NULL"]
    values: list[object] = [user_id]
    for clause, arguments in (_after(cursor), _titled(title_words)):
        where += clause
        values += arguments
    found = connection.execute(
        f"""{_SELECT_ROW} WHERE c.num IN (
            SELECT num FROM conversations WHERE {" AND ".join(where)}
            ORDER BY pinned DESC, updated_at DESC, id LIMIT ?
        ) ORDER BY c.pinned DESC, c.updated_at DESC, c.id""",
        (*values, limit + 1),
    )
    items = tuple(rows.conversation_row(row) for row in found)
    if len(items) <= limit:
        return Page(items)
    return Page(items[:limit], cursor_after(items[limit - 1]))


def count(connection: sqlite3.Connection, user_id: str) -> int:
    """Return how many are not deleted."""
    query = "SELECT count(*) FROM conversations WHERE user_id = ? AND deleted_at IS NULL"
    return int(connection.execute(query, (user_id,)).fetchone()[0])


def update(
    connection: sqlite3.Connection, user_id: str, conversation_id: str, change: ConversationChange
) -> Conversation:
    """Set the fields that are not None."""
    given = {each.name: getattr(change, each.name) for each in fields(change)}
    values = {name: value for name, value in given.items() if value is not None}
    if "model" in values:
        values["model"] = values["model"] or None
    if "title" in values:
        values["title_words"] = _title_words(values["title"])
    get_alive(connection, user_id, conversation_id)
    if change.draft is not None or change.system is not None:
        connection.execute(_MEASURE, {"id": conversation_id, "draft": change.draft, "system": change.system})
    if values:
        _set(connection, user_id, conversation_id, **values)
    return get(connection, user_id, conversation_id)


def move_head(
    connection: sqlite3.Connection, user_id: str, conversation_id: str, head_id: str | None, rev: int
) -> Conversation:
    """Compare `rev` and set the head."""
    if get_alive(connection, user_id, conversation_id).rev != rev:
        raise Conflict("The conversation went on in another window.")
    if head_id is not None:
        require_message(connection, conversation_id, head_id)
    _set(connection, user_id, conversation_id, head_id=head_id, rev=rev + 1)
    return get(connection, user_id, conversation_id)


def grow(connection: sqlite3.Connection, conversation_id: str, size: int) -> None:
    """Take in that its messages have so many bytes more."""
    connection.execute("UPDATE conversations SET bytes = bytes + ? WHERE id = ?", (size, conversation_id))


def delete(connection: sqlite3.Connection, user_id: str, conversation_id: str, at: datetime) -> None:
    """Mark it deleted; the first time counts."""
    if get_row(connection, user_id, conversation_id).deleted_at is None:
        _set(connection, user_id, conversation_id, deleted_at=to_ms(at))


def restore(connection: sqlite3.Connection, user_id: str, conversation_id: str) -> Conversation:
    """Take the mark away."""
    if get_row(connection, user_id, conversation_id).deleted_at is not None:
        _set(connection, user_id, conversation_id, deleted_at=None)
    return get(connection, user_id, conversation_id)


def list_deleted(connection: sqlite3.Connection, before: datetime) -> list[int]:
    """Return the numbers of conversations deleted before then."""
    found = connection.execute("SELECT num FROM conversations WHERE deleted_at < ?", (to_ms(before),))
    return [row["num"] for row in found]


def oldest_deleted(connection: sqlite3.Connection, user_id: str) -> tuple[int, datetime] | None:
    """Return the number of the one that was deleted first, and a time just after that."""
    row = connection.execute(
        "SELECT num, deleted_at FROM conversations WHERE user_id = ? AND deleted_at IS NOT NULL"
        " ORDER BY deleted_at LIMIT 1",
        (user_id,),
    ).fetchone()
    return (row["num"], from_ms(row["deleted_at"] + 1)) if row else None


def keeping(connection: sqlite3.Connection, user_id: str) -> Keeping:
    """Return how much the user keeps, read from indexes alone."""
    query = (
        "SELECT count(*) AS count, coalesce(sum(bytes), 0) AS bytes FROM conversations"
        " WHERE user_id = ? AND deleted_at IS {} NULL"
    )
    alive, deleted = (connection.execute(query.format(word), (user_id,)).fetchone() for word in ("", "NOT"))
    return Keeping(
        conversations=alive["count"],
        text_bytes=alive["bytes"],
        deleted=deleted["count"],
        deleted_text_bytes=deleted["bytes"],
        picture_bytes=attachments.total_bytes(connection, user_id),
    )


def purge(connection: sqlite3.Connection, num: int, before: datetime, now: datetime) -> int:
    """Remove one with all that is in it, if it is still deleted; return how many went."""
    condition = "num = ? AND deleted_at < ?"
    pictures = attachments.release(connection, num, before)
    connection.execute(
        "DELETE FROM message_words WHERE rowid IN (SELECT m.num FROM messages m JOIN conversations c"
        f" ON m.conversation_id = c.id WHERE c.{condition})",
        (num, to_ms(before)),
    )
    gone = connection.execute(f"DELETE FROM conversations WHERE {condition}", (num, to_ms(before))).rowcount
    attachments.free(connection, now - attachments.CLAIMED, pictures)
    return gone


def list_changed(
    connection: sqlite3.Connection, user_id: str, after: int, limit: int = 200
) -> list[tuple[int, ConversationRow]]:
    """Return the conversations changed after that number, each with its own, oldest change first."""
    found = connection.execute(
        f"{_SELECT_ROW} WHERE c.user_id = ? AND c.change > ? ORDER BY c.change LIMIT ?", (user_id, after, limit)
    )
    return [(row["change"], rows.conversation_row(row)) for row in found]


def require_message(connection: sqlite3.Connection, conversation_id: str, message_id: str) -> None:
    """Raise `NotFound` unless the message is in the conversation."""
    query = "SELECT 1 FROM messages WHERE id = ? AND conversation_id = ?"
    if connection.execute(query, (message_id, conversation_id)).fetchone() is None:
        raise NotFound("There is no such message in the conversation.")


def _set(connection: sqlite3.Connection, user_id: str, conversation_id: str, **values: object) -> None:
    values["change"] = next_change(connection)
    columns = ", ".join(f"{name} = ?" for name in values)
    connection.execute(
        f"UPDATE conversations SET {columns} WHERE id = ? AND user_id = ?", (*values.values(), conversation_id, user_id)
    )


def _title_words(title: str) -> str:
    return "".join(f" {word}" for word in words(title))


def _after(cursor: str | None) -> tuple[list[str], list[object]]:
    if cursor is None:
        return [], []
    pinned, updated, conversation_id = read_cursor(cursor)
    # The first comparison is what the index can seek to; the second drops the equal ones up to the id.
    seek, rest = "(pinned, updated_at) <= (?, ?)", "((pinned, updated_at) < (?, ?) OR id > ?)"
    return [seek, rest], [pinned, updated, pinned, updated, conversation_id]


def _titled(title_words: str) -> tuple[list[str], list[object]]:
    """Return a condition per word: a word of the title begins with it."""
    clauses: list[str] = []
    values: list[object] = []
    for term in query_terms(title_words):
        alternatives = [" AND ".join("instr(title_words, ?)" for _ in parts) for parts in term]
        clauses.append(f"({' OR '.join(alternatives)})")
        values += [f" {part}" for parts in term for part in parts]
    return clauses, values
