"""Bounds and cursors of pages, the same for every storage."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from argus_core.domain import Conversation, Page, User
from argus_core.errors import InvalidInput
from argus_core.storage.times import to_ms

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


def cursor_after(conversation: Conversation) -> str:
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
