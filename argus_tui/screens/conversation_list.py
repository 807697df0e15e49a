"""Keeps the sidebar true: pages it in, follows every change, and knows which conversation is next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from argus_core.client.base import ChatClient
from argus_core.domain import ConversationRow
from argus_tui.widgets.sidebar import Sidebar, SidebarRow

PAGE = 50


def worth_a_row(conversation: ConversationRow) -> bool:
    """Return whether anybody would miss it: one that was made and then never written in is not shown."""
    kept = (conversation.head_id, conversation.title, conversation.is_prepared)
    return any(kept) and conversation.deleted_at is None


def row_of(conversation: ConversationRow) -> SidebarRow:
    """Return what the sidebar shows of a conversation."""
    return SidebarRow(
        id=conversation.id,
        title=conversation.title or "New conversation",
        updated_at=conversation.updated_at,
        pinned=conversation.pinned,
        unread=conversation.unread,
        running=conversation.running > 0,
    )


class ConversationList:
    """The list beside the transcript."""

    def __init__(self, sidebar: Sidebar, client: Callable[[], Awaitable[ChatClient]]) -> None:
        self._sidebar = sidebar
        self._client = client
        self._cursor: str | None = None
        self._words = ""
        self.rows: list[SidebarRow] = []
        """What is loaded, in the order shown."""

    async def load(self, words: str = "") -> None:
        """Show the first page, of those whose title holds `words`."""
        self._words = words
        client = await self._client()
        page = await client.conversations.list(limit=PAGE, title_words=words)
        if words != self._words:
            return  # more was typed meanwhile
        self._cursor = page.next_cursor
        self.rows = [row_of(one) for one in page.items if worth_a_row(one)]
        self._sidebar.set_rows(self.rows, has_more=self._cursor is not None)

    async def reload(self) -> None:
        """Show the first page as it is now."""
        await self.load(self._words)

    def clear(self) -> None:
        """Show nothing."""
        self._words, self._cursor, self.rows = "", None, []
        self._sidebar.set_rows([])

    async def more(self) -> None:
        """Load the next page, if there is one."""
        cursor, words = self._cursor, self._words
        if cursor is None:
            return
        client = await self._client()
        page = await client.conversations.list(limit=PAGE, cursor=cursor, title_words=words)
        if cursor != self._cursor or words != self._words:
            return
        self._cursor = page.next_cursor
        known = {row.id for row in self.rows}
        rows = [row_of(one) for one in page.items if one.id not in known and worth_a_row(one)]
        self.rows += rows
        self._sidebar.append_rows(rows, has_more=self._cursor is not None)

    def take(self, conversation: ConversationRow) -> None:
        """Show a conversation as it is now; a deleted one leaves."""
        if not worth_a_row(conversation):
            self.rows = [row for row in self.rows if row.id != conversation.id]
            self._sidebar.remove_row(conversation.id)
            return
        row = row_of(conversation)
        known = any(one.id == row.id for one in self.rows)
        if known or not self._words:
            self.rows = sorted([*(one for one in self.rows if one.id != row.id), row], key=_order)
            self._sidebar.upsert(row)

    async def neighbour(self, conversation_id: str | None, step: int) -> str | None:
        """Return the conversation `step` places after this one; from a new one, the first."""
        ids = [row.id for row in self.rows]
        if conversation_id not in ids:
            return ids[0] if ids else None
        wanted = ids.index(conversation_id) + step
        if wanted >= len(ids):
            await self.more()
            ids = [row.id for row in self.rows]
        return ids[wanted] if 0 <= wanted < len(ids) else None

    def at(self, number: int) -> str | None:
        """Return the conversation at place `number`, from 1."""
        return self.rows[number - 1].id if 0 < number <= len(self.rows) else None


def _order(row: SidebarRow) -> tuple[bool, float, str]:
    return (not row.pinned, -row.updated_at.timestamp(), row.id)
