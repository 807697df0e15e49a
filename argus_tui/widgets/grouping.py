"""The lines of the sidebar: conversations under Pinned, Today, Yesterday and Earlier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SidebarRow:
    """What the sidebar shows of a conversation."""

    id: str
    title: str
    updated_at: datetime
    pinned: bool = False
    unread: int = 0
    """Answers that ended while nobody looked."""
    running: bool = False
    has_pictures: bool = False
    """Pictures were made in it."""


Line = SidebarRow | str
"""A conversation, the name of a group, or an empty line."""


def in_order(rows: Iterable[SidebarRow]) -> list[SidebarRow]:
    """Return pinned ones first, then the newest."""
    return sorted(rows, key=lambda row: (not row.pinned, -row.updated_at.timestamp(), row.id))


def grouped(rows: Iterable[SidebarRow], today: date) -> Iterator[Line]:
    """Yield rows that are in order with the names of their groups, and an empty line between groups; local days."""
    midnight = datetime.combine(today, time()).astimezone()
    yesterday = datetime.combine(today - timedelta(days=1), time()).astimezone()

    def group_of(row: SidebarRow) -> str:
        if row.pinned:
            return "Pinned"
        if row.updated_at >= midnight:
            return "Today"
        return "Yesterday" if row.updated_at >= yesterday else "Earlier"

    group = ""
    for row in rows:
        if (name := group_of(row)) != group:
            if group:
                yield ""
            yield name
            group = name
        yield row
