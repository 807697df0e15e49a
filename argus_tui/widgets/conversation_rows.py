"""The conversations in the sidebar: virtual, with marks, and steady under the cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from argus_tui.glyphs import FULL
from argus_tui.widgets.grouping import Line, SidebarRow, grouped, in_order
from argus_tui.widgets.ink import ACCENT, MUTED, ON_PICKED, title
from argus_tui.widgets.rows import Rows

_NEAR_THE_END = 20
_TITLE_COLUMN = 4
_STATE_CELLS = 5
"""A space, the mark in two cells, and the margin of two."""


class ConversationRows(Rows):
    """Conversations under their groups.

    While the list has the focus its order is frozen, so that no row moves under the cursor: marks and titles change
    in place, and what came or moved takes its place when the focus leaves. Pinning and removing act at once.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "Filter", id="sidebar.filter", tooltip="Show only titles with these words", show=False
        ),
        Binding("delete", "delete", "Delete", id="sidebar.delete", tooltip="Delete this conversation", show=False),
        Binding("r", "rename", "Rename", id="sidebar.rename", tooltip="Give it another title", show=False),
        Binding("p", "pin", "Pin", id="sidebar.pin", tooltip="Pin or unpin it", show=False),
    ]
    current_id: reactive[str | None] = reactive(None)
    """The conversation that is open."""
    spinner_frame: reactive[int] = reactive(0, repaint=False)
    """Counts up 10 times a second while something runs; in step with the status line."""

    @dataclass(eq=False)
    class RowAction(Message):
        """Somebody pressed the key for something that is done to a conversation."""

        name: str
        """`delete`, `rename` or `pin`."""
        row: SidebarRow

    class FilterWanted(Message):
        """Somebody wants to type words to filter by."""

    class MoreWanted(Message):
        """The end is near and there are more: see `append_rows`."""

    def __init__(self, *, id: str | None = None, today: Callable[[], date] = date.today) -> None:
        super().__init__(id=id)
        self._today = today
        self._rows: dict[str, SidebarRow] = {}
        self._lines: list[Line] = []
        self._line_of: dict[str, int] = {}
        self._has_more = False
        self._stale = False

    @property
    def rows(self) -> Sequence[SidebarRow]:
        """The conversations in the order shown."""
        return [line for line in self._lines if isinstance(line, SidebarRow)]

    @property
    def cursor_row(self) -> SidebarRow | None:
        """The conversation under the cursor."""
        line = self._lines[self.cursor] if self.cursor is not None and self.cursor < len(self._lines) else None
        return line if isinstance(line, SidebarRow) else None

    def set_rows(self, rows: Iterable[SidebarRow], *, has_more: bool) -> None:
        """Show these and no others."""
        self._rows = {row.id: row for row in rows}
        self._has_more = has_more
        self._arrange()

    def append_rows(self, rows: Iterable[SidebarRow], *, has_more: bool) -> None:
        """Show older ones too."""
        self._rows.update((row.id, row) for row in rows)
        self._has_more = has_more
        self._arrange()

    def upsert(self, row: SidebarRow) -> None:
        """Show a conversation as it is now."""
        old = self._rows.get(row.id)
        if old == row:
            return
        self._rows[row.id] = row
        place = self._line_of.get(row.id)
        if old is not None and place is not None:
            same_place = old.pinned == row.pinned and old.updated_at == row.updated_at
            if same_place or (self.has_focus and old.pinned == row.pinned):
                self._lines[place] = row
                self._stale = self._stale or not same_place
                self.refresh_line(place)
                return
        if self.has_focus and old is None:
            self._stale = True
            return
        self._arrange()

    def remove_row(self, conversation_id: str) -> None:
        """Show it no longer."""
        if self._rows.pop(conversation_id, None) is not None:
            self._arrange()

    def row_count(self) -> int:
        return len(self._lines)

    def choosable(self, index: int) -> bool:
        return isinstance(self._lines[index], SidebarRow)

    def draw_row(self, index: int, width: int) -> Content:
        line = self._lines[index]
        if isinstance(line, str):
            return Content.assemble("  ", (line, MUTED))
        here = self.cursor == index if self.has_focus else line.id == self.current_id
        picked = here or line.id == self.current_id
        room = width - _TITLE_COLUMN - _STATE_CELLS
        name = title(line.title or "New conversation", room, "bold" if picked or line.unread else "")
        bar = (FULL.chosen, ACCENT) if here else " "
        kind = FULL.pinned if line.pinned else FULL.picture if line.has_pictures else " "
        content = Content.assemble(bar, " ", (kind, MUTED), " ", name, " ", (f"{self._state(line):>2}", ACCENT), "  ")
        return content.stylize_before(ON_PICKED) if picked else content

    def _state(self, row: SidebarRow) -> str:
        if row.running:
            return FULL.spinner[self.spinner_frame % len(FULL.spinner)]
        if not row.unread:
            return ""
        return str(row.unread) if row.unread < 100 else "99"

    def _arrange(self) -> None:
        """Put the rows in order; the cursor stays on its conversation, and that stays at its height on the screen."""
        kept, height = self.cursor_row, (self.cursor or 0) - self.scroll_offset.y
        self._stale = False
        self._lines = list(grouped(in_order(self._rows.values()), self._today()))
        self._line_of = {line.id: at for at, line in enumerate(self._lines) if isinstance(line, SidebarRow)}
        place = self._line_of.get(kept.id) if kept else None
        if place is not None:
            self.set_reactive(ConversationRows.cursor, place)
        self.rows_changed()
        if self.has_focus and place is not None:
            self.scroll_to(y=max(0, place - height), animate=False)
        elif self.has_focus:
            self._settle_cursor()

    def _settle_cursor(self) -> None:
        """Put the cursor on the open conversation, else on the first, when it is on none."""
        if self.cursor_row is None:
            self.cursor = self._line_of.get(self.current_id or "", self.nearest(0, 1))

    def watch_current_id(self, conversation_id: str | None) -> None:
        if conversation_id in self._line_of and not self.has_focus:
            self.cursor = self._line_of[conversation_id]

    def watch_spinner_frame(self) -> None:
        top = self.scroll_offset.y
        for index in range(top, min(top + self.size.height, len(self._lines))):
            line = self._lines[index]
            if isinstance(line, SidebarRow) and line.running:
                self.refresh_line(index)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._want_more()

    def watch_cursor(self, old: int | None, new: int | None) -> None:
        super().watch_cursor(old, new)
        self._want_more()

    def on_focus(self) -> None:
        self._settle_cursor()

    def on_blur(self) -> None:
        if self._stale:
            self._arrange()
        if self.current_id in self._line_of:
            self.set_reactive(ConversationRows.cursor, self._line_of[self.current_id])

    def action_filter(self) -> None:
        """Ask for words to filter by."""
        self.post_message(self.FilterWanted())

    def action_delete(self) -> None:
        """Ask to delete the conversation under the cursor."""
        self._act("delete")

    def action_rename(self) -> None:
        """Ask for another title."""
        self._act("rename")

    def action_pin(self) -> None:
        """Pin or unpin."""
        self._act("pin")

    def _act(self, name: str) -> None:
        if self.cursor_row is not None:
            self.post_message(self.RowAction(name, self.cursor_row))

    def _want_more(self) -> None:
        """Ask for the next page once, when the view or the cursor is near the end."""
        reached = max(self.scroll_offset.y + self.size.height, self.cursor or 0)
        if self._has_more and self.size.height and reached >= len(self._lines) - _NEAR_THE_END:
            self._has_more = False
            self.post_message(self.MoreWanted())
