"""Messages and turns: what runs inside a transaction of a lane."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from argus_core.domain import Message, TextPart, Turn
from argus_core.errors import Conflict, NotFound
from argus_core.storage import codec
from argus_core.storage.paging import MOST_CHILDREN, PAGE_CHARS, READ_FOR_PROMPT
from argus_core.storage.sqlite import attachments, conversations, generations, rows, search
from argus_core.storage.times import to_ms

_BY_ID = "SELECT * FROM messages WHERE id = ? AND user_id = ?"


def get(connection: sqlite3.Connection, user_id: str, message_id: str) -> Message:
    """Return it or raise `NotFound`."""
    row = connection.execute(_BY_ID, (message_id, user_id)).fetchone()
    if row is None:
        raise NotFound("There is no such message.")
    return rows.message(row)


def list_path(connection: sqlite3.Connection, user_id: str, leaf_id: str, limit: int) -> list[Message]:
    """Walk up from the leaf; each step is one look into the index of ids."""
    path: list[sqlite3.Row] = []
    room, at = PAGE_CHARS, leaf_id
    while at is not None and len(path) < limit and room > 0:
        row = connection.execute(_BY_ID, (at, user_id)).fetchone()
        if row is None:
            raise NotFound("There is no such message.")
        path.append(row)
        room, at = room - len(row["parts"]), row["parent_id"]
    return [rows.message(row) for row in reversed(path)]


def list_children(
    connection: sqlite3.Connection, user_id: str, conversation_id: str, parent_id: str | None
) -> list[Message]:
    """Return the versions below `parent_id`, by `seq`, the last that fill a page."""
    conversations.get_row(connection, user_id, conversation_id)
    query = "SELECT * FROM messages WHERE conversation_id = ? AND parent_id IS ? ORDER BY seq DESC LIMIT ?"
    found: list[Message] = []
    room = PAGE_CHARS
    for row in connection.execute(query, (conversation_id, parent_id, MOST_CHILDREN)):
        if room <= 0:
            break
        found.append(rows.message(row))
        room -= len(row["parts"])
    return found[::-1]


def list_prompts(connection: sqlite3.Connection, user_id: str, limit: int) -> list[str]:
    """Read the user's messages from the newest until there are enough different ones."""
    found = connection.execute(
        "SELECT m.parts FROM messages m JOIN conversations c ON c.id = m.conversation_id"
        " WHERE m.user_id = ? AND m.role = 'user' AND c.deleted_at IS NULL ORDER BY m.created_at DESC, m.num DESC"
        " LIMIT ?",
        (user_id, limit * READ_FOR_PROMPT),
    )
    prompts: list[str] = []
    room = PAGE_CHARS
    for row in found:
        room -= len(row["parts"])
        if room < 0 and prompts:
            break
        text = "".join(part.text for part in codec.load_parts(row["parts"]) if isinstance(part, TextPart))
        if text and (not prompts or prompts[-1] != text):
            prompts.append(text)
            if len(prompts) == limit:
                break
    return prompts


def start_turn(connection: sqlite3.Connection, turn: Turn, words: Sequence[str]) -> Turn:
    """Store the turn whole, its question to be found by `words`, or return the one that is there."""
    stored = _find_turn(connection, turn)
    if stored is not None:
        return stored
    conversation = conversations.get_alive(connection, turn.generation.user_id, turn.reply.conversation_id)
    seq, question, size = _next_seq(connection, conversation.id), turn.question, 0
    first = question or turn.reply
    if first.parent_id is not None:
        conversations.require_message(connection, conversation.id, first.parent_id)
    if question is not None:
        question = replace(question, seq=seq)
        size = insert(connection, conversation.user_id, question, words)
        seq += 1
    reply = replace(turn.reply, seq=seq)
    insert(connection, conversation.user_id, reply)
    generations.insert(connection, turn.generation)
    connection.execute(
        "UPDATE conversations SET head_id = ?, rev = rev + 1, bytes = bytes + ?, updated_at = max(updated_at, ?),"
        " change = ? WHERE id = ?",
        (reply.id, size, to_ms(reply.created_at), conversations.next_change(connection), conversation.id),
    )
    return Turn(question=question, reply=reply, generation=turn.generation)


def _find_turn(connection: sqlite3.Connection, turn: Turn) -> Turn | None:
    """Return the stored turn with this generation, or with the question's `client_msg_id`."""
    wanted, question = turn.generation, turn.question
    row = connection.execute("SELECT * FROM generations WHERE id = ?", (wanted.id,)).fetchone()
    if row is None and question is not None and question.client_msg_id is not None:
        row = connection.execute(
            "SELECT g.* FROM messages q JOIN messages r ON r.conversation_id = q.conversation_id AND r.parent_id = q.id"
            " JOIN generations g ON g.id = r.generation_id"
            " WHERE q.conversation_id = ? AND q.client_msg_id = ? AND q.user_id = ? ORDER BY r.seq LIMIT 1",
            (question.conversation_id, question.client_msg_id, wanted.user_id),
        ).fetchone()
    if row is None:
        return None
    stored = rows.generation(row)
    if stored.user_id != wanted.user_id:
        raise Conflict("This id is taken.")
    reply = get(connection, stored.user_id, stored.message_id)
    asked = question is not None and reply.parent_id is not None
    return Turn(
        question=get(connection, stored.user_id, reply.parent_id) if asked and reply.parent_id else None,
        reply=reply,
        generation=stored,
    )


def _next_seq(connection: sqlite3.Connection, conversation_id: str) -> int:
    query = "SELECT coalesce(max(seq), 0) + 1 FROM messages WHERE conversation_id = ?"
    return int(connection.execute(query, (conversation_id,)).fetchone()[0])


def insert(connection: sqlite3.Connection, user_id: str, message: Message, words: Sequence[str] = ()) -> int:
    """Store a message as it is, to be found by `words`; return its bytes, none while it is being written."""
    values = rows.MESSAGES.dump(message)
    num = rows.insert(connection, "messages", values | {"user_id": user_id})
    attachments.note_uses(connection, num, message.parts)
    if message.status == "running":
        return 0
    search.index(connection, num, words)
    return len(values["parts"].encode())
