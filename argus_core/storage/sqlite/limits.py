"""Buckets, days and holds: what runs inside a transaction of a lane."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import fields
from datetime import date, datetime

from argus_core.storage.accounts import Amounts, Caps, DayUsage, Hold, Rate, Taken
from argus_core.storage.rates import measure, taken
from argus_core.storage.sqlite import rows
from argus_core.storage.times import to_ms

_NOTHING = Amounts()
_OF_DAY = "WHERE user_id = ? AND day = ?"


def take(connection: sqlite3.Connection, key: str, rate: Rate, cost: int, clock: Callable[[], datetime]) -> Taken:
    """Take from a bucket. The time is read under the lock: who comes second never reads an earlier one."""
    size, now_us = measure(rate, cost), to_ms(clock()) * 1000
    row = connection.execute("SELECT full_at_us FROM buckets WHERE key = ?", (key,)).fetchone()
    ahead_us = min(max(row["full_at_us"] - now_us, 0), size.room_us) if row else 0
    allowed = ahead_us + cost * size.interval_us <= size.room_us
    if cost and allowed:
        ahead_us += cost * size.interval_us
        connection.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?)", (key, now_us + ahead_us))
    return taken(size, ahead_us, cost, allowed)


def reserve(connection: sqlite3.Connection, hold: Hold, caps: Caps) -> bool:
    """Hold the amounts if they fit; a generation that holds already is let through."""
    day, wanted = hold.day.isoformat(), hold.amounts
    held = f"SELECT 1 FROM holds {_OF_DAY} AND generation_id = ?"
    if connection.execute(held, (hold.user_id, day, hold.generation_id)).fetchone():
        return True
    now = get_day(connection, hold.user_id, hold.day)
    for each in fields(Caps):
        cap = getattr(caps, each.name)
        if cap is not None and sum(getattr(part, each.name) for part in (now.used, now.held, wanted)) > cap:
            return False
    rows.insert(connection, "holds", rows.hold_values(hold))
    return True


def settle(connection: sqlite3.Connection, user_id: str, day: date, generation_id: str, used: Amounts) -> bool:
    """Take the hold away and add what was used."""
    place = (user_id, day.isoformat(), generation_id)
    if not connection.execute(f"DELETE FROM holds {_OF_DAY} AND generation_id = ?", place).rowcount:
        return False
    add_used(connection, user_id, day.isoformat(), used)
    return True


def add_used(connection: sqlite3.Connection, user_id: str, day: str, used: Amounts) -> None:
    """Add to what was used on a day."""
    if used != _NOTHING:
        connection.execute(
            "INSERT INTO usage_days VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id, day) DO UPDATE SET"
            " requests = requests + excluded.requests, tokens = tokens + excluded.tokens,"
            " micro_usd = micro_usd + excluded.micro_usd",
            (user_id, day, used.requests, used.tokens, used.micro_usd),
        )


def get_day(connection: sqlite3.Connection, user_id: str, day: date) -> DayUsage:
    """Return what was used and is held."""
    place = (user_id, day.isoformat())
    used = connection.execute(f"SELECT * FROM usage_days {_OF_DAY}", place).fetchone()
    held = connection.execute(
        "SELECT ifnull(sum(requests), 0) AS requests, ifnull(sum(tokens), 0) AS tokens,"
        " ifnull(sum(micro_usd), 0) AS micro_usd"
        f" FROM holds {_OF_DAY}",
        place,
    ).fetchone()
    return DayUsage(used=rows.amounts(used) if used else _NOTHING, held=rows.amounts(held))


def list_holds(connection: sqlite3.Connection, before: datetime, limit: int) -> list[Hold]:
    """Return old holds, the oldest first."""
    query = "SELECT * FROM holds WHERE created_at < ? ORDER BY created_at, generation_id LIMIT ?"
    return [rows.hold(row) for row in connection.execute(query, (to_ms(before), limit))]


def purge(connection: sqlite3.Connection, before: date, clock: Callable[[], datetime]) -> int:
    """Remove old days that hold nothing, and full buckets."""
    connection.execute("DELETE FROM buckets WHERE full_at_us <= ?", (to_ms(clock()) * 1000,))
    return connection.execute(
        "DELETE FROM usage_days WHERE day < ? AND NOT EXISTS"
        " (SELECT 1 FROM holds h WHERE h.user_id = usage_days.user_id AND h.day = usage_days.day)",
        (before.isoformat(),),
    ).rowcount
