"""Bounds and cursors of pages, the same for every storage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from argus_core.domain import ConversationRow, Page, User
from argus_core.errors import InvalidInput
from argus_core.events import LoggedEvent, TextDelta, ThoughtDelta
from argus_core.storage.times import to_ms

PAGE_CHARS = 2_000_000
"""A page of messages or events that holds so many characters is full, but always holds one."""
MOST_CHILDREN = 500
READ_FOR_PROMPT = 10
"""Messages read at the most for each text of `list_prompts`."""
_CURSOR = re.compile(r"([01])\.(-?[0-9]{1,15})\.(.{1,200})", re.DOTALL)


class ListPlace(NamedTuple):
    """Where a page of conversations ended: the sort key of its last one."""

    pinned: bool
    updated_ms: int
    id: str


def check_limit(limit: int, most: int) -> None:
    """Raise `InvalidInput` unless `limit` is 1 to `most`."""
    if not 1 <= limit <= most:
        raise InvalidInput(f"A limit is 1 to {most}, not {limit}.")


def is_full(events: Sequence[LoggedEvent], limit: int) -> bool:
    """Return whether more events may follow those of a page that was asked for with `limit`."""
    return len(events) >= limit or sum(map(event_chars, events)) >= PAGE_CHARS


def event_chars(logged: LoggedEvent) -> int:
    """Return how much room an event takes in a page."""
    event = logged.event
    return len(event.text) if isinstance(event, TextDelta | ThoughtDelta) else 0


def cursor_after(conversation: ConversationRow) -> str:
    """Return the cursor of the page that begins after `conversation`."""
    return f"{conversation.pinned:d}.{to_ms(conversation.updated_at)}.{conversation.id}"


def read_cursor(cursor: str) -> ListPlace:
    """Return what `cursor_after` wrote, or raise `InvalidInput`."""
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidInput("That cursor does not come from a page of conversations.")
    return ListPlace(found[1] == "1", int(found[2]), found[3])


def page_of_users(found: Sequence[User], limit: int) -> Page[User]:
    """Return a page of one more users than asked for; its cursor is the id of its last one."""
    items = tuple(found[:limit])
    return Page(items, items[-1].id if len(found) > limit else None)
