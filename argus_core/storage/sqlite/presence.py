"""Who is open now: what runs inside a transaction of a lane."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from argus_core.storage.accounts import Presence
from argus_core.storage.sqlite import rows
from argus_core.storage.times import to_ms

FORGOTTEN = timedelta(hours=1)


def note(connection: sqlite3.Connection, clients: Sequence[Presence], now: datetime) -> None:
    """Write what they show, and forget who was not noted for an hour."""
    connection.execute("DELETE FROM presence WHERE seen_at < ?", (to_ms(now - FORGOTTEN),))
    for each in clients:
        rows.insert(connection, "presence", rows.PRESENCE.dump(each), or_replace=True)


def list_of(connection: sqlite3.Connection, user_ids: Collection[str], since: datetime) -> list[Presence]:
    """Return the clients of these users seen since then."""
    query = (
        "SELECT * FROM presence WHERE user_id IN (SELECT value FROM json_each(?)) AND seen_at >= ? ORDER BY client_id"
    )
    return [rows.presence(row) for row in connection.execute(query, (json.dumps(list(user_ids)), to_ms(since)))]


def forget(connection: sqlite3.Connection, client_ids: Collection[str]) -> None:
    """Remove these."""
    connection.executemany("DELETE FROM presence WHERE client_id = ?", [(each,) for each in client_ids])
