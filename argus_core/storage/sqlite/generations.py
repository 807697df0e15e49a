"""Generations and their write-ahead log: what runs inside a transaction of a lane."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from argus_core.domain import Generation
from argus_core.errors import NotFound
from argus_core.events import LoggedEvent, is_terminator
from argus_core.storage import codec
from argus_core.storage.base import Ending
from argus_core.storage.paging import PAGE_CHARS, event_chars
from argus_core.storage.sqlite import attachments, conversations, rows, search
from argus_core.storage.times import to_ms

_NOT_FOUND = "There is no such answer."
_LOG_END = """
SELECT g.status, e.n, e.ends FROM generations g
LEFT JOIN generation_events e ON e.generation_id = g.id
    AND e.n = (SELECT max(n) FROM generation_events WHERE generation_id = g.id)
WHERE g.id = ?
"""


def insert(connection: sqlite3.Connection, generation: Generation) -> None:
    """Store a new one."""
    rows.insert(connection, "generations", rows.GENERATIONS.dump(generation))


def get(connection: sqlite3.Connection, user_id: str, generation_id: str) -> Generation:
    """Return it or raise `NotFound`."""
    query = "SELECT * FROM generations WHERE id = ? AND user_id = ?"
    row = connection.execute(query, (generation_id, user_id)).fetchone()
    if row is None:
        raise NotFound(_NOT_FOUND)
    return rows.generation(row)


def list_running(connection: sqlite3.Connection, user_id: str) -> list[Generation]:
    """Return the user's running ones, oldest first."""
    query = "SELECT * FROM generations WHERE status = 'running' AND user_id = ? ORDER BY created_at, id"
    return [rows.generation(row) for row in connection.execute(query, (user_id,))]


def list_expired(connection: sqlite3.Connection, now: datetime, limit: int) -> list[Generation]:
    """Return running ones whose lease ran out, the longest ago first."""
    query = "SELECT * FROM generations WHERE status = 'running' AND lease_until < ? ORDER BY lease_until, id LIMIT ?"
    return [rows.generation(row) for row in connection.execute(query, (to_ms(now), limit))]


def append_events(connection: sqlite3.Connection, events: Sequence[LoggedEvent]) -> set[str]:
    """Write what still fits into the logs; return the generations that lost a slot."""
    by_generation = attrgetter("generation_id")
    return {
        generation_id
        for generation_id, group in groupby(sorted(events, key=by_generation), by_generation)
        if not _append(connection, generation_id, list(group))
    }


def _append(connection: sqlite3.Connection, generation_id: str, events: list[LoggedEvent]) -> bool:
    """Return False at the first slot that is taken, lies behind the terminator, or would leave a gap."""
    end = connection.execute(_LOG_END, (generation_id,)).fetchone()
    if end is None:
        return False
    last, ended = end["n"] or 0, bool(end["ends"])
    if last == 0 and end["status"] != "running":  # its log was purged
        return False
    for logged in events:
        text = codec.dump_event(logged.event)
        if logged.n <= last:
            if not _is_stored(connection, logged, text):
                return False
        elif ended or logged.n != last + 1:
            return False
        else:
            last, ended = logged.n, is_terminator(logged.event)
            values = (generation_id, last, logged.owner, text, ended)
            connection.execute("INSERT INTO generation_events VALUES (?, ?, ?, ?, ?)", values)
    return True


def _is_stored(connection: sqlite3.Connection, logged: LoggedEvent, text: str) -> bool:
    query = "SELECT owner, event FROM generation_events WHERE generation_id = ? AND n = ?"
    row = connection.execute(query, (logged.generation_id, logged.n)).fetchone()
    return row is not None and (row["owner"], row["event"]) == (logged.owner, text)


def events_after(connection: sqlite3.Connection, generation_id: str, n: int, limit: int) -> list[LoggedEvent]:
    """Return the events from `n + 1` on, as many as fill a page."""
    query = "SELECT * FROM generation_events WHERE generation_id = ? AND n > ? ORDER BY n LIMIT ?"
    found: list[LoggedEvent] = []
    room = PAGE_CHARS
    for row in connection.execute(query, (generation_id, n, limit)):
        if room <= 0:
            break
        found.append(rows.logged_event(row))
        room -= event_chars(found[-1])
    return found


def renew_leases(
    connection: sqlite3.Connection, generation_ids: Sequence[str], owner: str, until: datetime
) -> set[str]:
    """Extend the leases; return the generations to be cancelled."""
    cancelled = set()
    for generation_id in generation_ids:
        condition = "WHERE id = ? AND owner = ? AND status = 'running'"
        connection.execute(f"UPDATE generations SET lease_until = ? {condition}", (to_ms(until), generation_id, owner))
        row = connection.execute(
            f"SELECT cancel_requested FROM generations {condition}", (generation_id, owner)
        ).fetchone()
        if row is not None and row["cancel_requested"]:
            cancelled.add(generation_id)
    return cancelled


def request_cancel(connection: sqlite3.Connection, user_id: str, generation_id: str) -> Generation:
    """Set the flag on a running one."""
    connection.execute(
        "UPDATE generations SET cancel_requested = 1 WHERE id = ? AND user_id = ? AND status = 'running'",
        (generation_id, user_id),
    )
    return get(connection, user_id, generation_id)


def finish(connection: sqlite3.Connection, generation_id: str, ending: Ending, words: Sequence[str]) -> None:
    """Write the ending into generation, message and conversation, the first time only.

    Args:
        connection: Of the lane that writes.
        generation_id: Whose ending it is.
        ending: What its log says.
        words: What the message is found by.
    """
    row = connection.execute("SELECT * FROM generations WHERE id = ?", (generation_id,)).fetchone()
    if row is None:
        raise NotFound(_NOT_FOUND)
    if row["status"] != "running":
        return
    ended_at = to_ms(ending.ended_at)
    connection.execute(
        "UPDATE generations SET status = ?, ended_at = ? WHERE id = ?", (ending.status, ended_at, generation_id)
    )
    size = _finish_message(connection, row["message_id"], ending, words)
    connection.execute(
        "UPDATE conversations SET unread = unread + 1, bytes = bytes + ?, updated_at = max(updated_at, ?), change = ?"
        " WHERE id = ?",
        (size, ended_at, conversations.next_change(connection), row["conversation_id"]),
    )


def _finish_message(connection: sqlite3.Connection, message_id: str, ending: Ending, words: Sequence[str]) -> int:
    """Return how many bytes it says."""
    parts = codec.dump_parts(ending.parts)
    connection.execute(
        "UPDATE messages SET status = ?, parts = ?, usage = ?, problem = ?, duration_s = ?, truncated = ? WHERE id = ?",
        (
            ending.status,
            parts,
            codec.dump(ending.usage),
            codec.dump(ending.problem),
            ending.duration_s,
            ending.truncated,
            message_id,
        ),
    )
    row = connection.execute("SELECT num FROM messages WHERE id = ?", (message_id,)).fetchone()
    search.index(connection, row["num"], words)
    attachments.note_uses(connection, row["num"], ending.parts)
    return len(parts.encode())


def purge_events(connection: sqlite3.Connection, before: datetime) -> int:
    """Remove the logs of generations that ended before then; return how many events went."""
    query = "DELETE FROM generation_events WHERE generation_id IN (SELECT id FROM generations WHERE ended_at < ?)"
    return connection.execute(query, (to_ms(before),)).rowcount
