"""ctrl+k: any conversation by some letters of its title, or by words that were said in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from argus_core.client.base import ChatClient
from argus_core.domain import ConversationRow, SearchHit
from argus_core.errors import ArgusError
from argus_core.ids import utc_now
from argus_core.text.clean import clean_line
from argus_tui.screens.fuzzy import best
from argus_tui.screens.overlay import ListOverlay, overlay_keys, search_row
from argus_tui.screens.switcher_rows import SwitcherRows, hit_lines, title_lines
from argus_tui.widgets.ink import MUTED
from argus_tui.widgets.rows import Rows
from argus_tui.widgets.status_line import KeyRow
from argus_tui.widgets.words import Words

PAGE = 500
SHOWN = 50
"""Conversations listed at once; typing narrows further."""
_PAUSE_S = 0.12
"""How long typing must rest before messages are searched."""


class Switcher(ListOverlay[str | None]):
    """Returns the id of the conversation to open, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "tab", "only_messages", "Only messages", id="switcher.scope", tooltip="Search only messages", show=False
        )
    ]

    def __init__(
        self, client: ChatClient, *, only_messages: bool = False, query: str = "", now: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__()
        self._client = client
        self._only_messages = only_messages
        self._query = query
        self._now = now
        self._all: list[ConversationRow] = []
        self._hits: Sequence[SearchHit] = ()
        self._trouble = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="switcher"):
            yield search_row("a title, or words that were said", self._query)
            yield SwitcherRows()
            yield overlay_keys((), ("esc", "close"))

    def on_mount(self) -> None:
        self._show_scope()
        self._load()
        if self._query:
            self._search()

    def action_only_messages(self) -> None:
        """Leave the titles out, or bring them back."""
        self._only_messages = not self._only_messages
        self._show_scope()
        self._show(keep=False)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._query = event.value.strip()
        self._hits = ()
        self._show(keep=False)
        self._search()

    @on(Rows.Chosen)
    def _chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        self.dismiss(self.query_one(SwitcherRows).current)

    @work(group="titles")
    async def _load(self) -> None:
        """Fetch all titles, page by page; the first page is shown at once."""
        cursor: str | None = None
        limit = SHOWN
        try:
            while True:
                page = await self._client.conversations.list(limit=limit, cursor=cursor)
                self._all += page.items
                self._show(keep=True)
                cursor, limit = page.next_cursor, PAGE
                if cursor is None:
                    return
        except ArgusError as error:
            self._fail(error)

    @work(group="messages", exclusive=True)
    async def _search(self) -> None:
        """Search the messages once typing rests."""
        query = self._query
        if not query:
            return
        await asyncio.sleep(_PAUSE_S)
        try:
            hits = await self._client.search.messages(query)
        except ArgusError as error:
            self._fail(error)
            return
        if query == self._query:
            self._hits = hits
            self._show(keep=True)

    def _show(self, *, keep: bool) -> None:
        if not self.query(SwitcherRows):
            return  # it is being closed: widgets go before workers
        now = self._now()
        titles = [] if self._only_messages else best(self._query, self._all, lambda one: one.title, SHOWN)
        lines = list(title_lines(titles, now))
        if self._hits:
            lines += [*([""] if lines else []), *hit_lines(self._hits, now)]
        if not lines:
            lines = [self._trouble or ("Nothing found" if self._query and self._all else "")]
        self.query_one(SwitcherRows).show(lines, keep=keep)
        found = len(titles) + len(self._hits)
        count = f"{found} of {len(self._all):,}" if self._query and not self._only_messages else f"{found:,} found"
        self.query_one("#count", Words).content = Content.styled(count if self._query else f"{len(self._all):,}", MUTED)

    def _fail(self, error: ArgusError) -> None:
        self._trouble = clean_line(str(error))
        self._show(keep=True)

    def _show_scope(self) -> None:
        scope = "titles too" if self._only_messages else "only messages"
        self.query_one(KeyRow).hints = (("↑↓", "choose"), ("enter", "open"), ("tab", scope))
