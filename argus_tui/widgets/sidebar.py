"""The column at the left: the name, a filter, the conversations, and who is connected to what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from argus_core.text.clean import clean_line
from argus_tui.glyphs import FULL
from argus_tui.widgets.conversation_rows import ConversationRows
from argus_tui.widgets.grouping import SidebarRow
from argus_tui.widgets.ink import ACCENT, MUTED, WARN, Drawn, spread
from argus_tui.widgets.kept_lines import KeptLines
from argus_tui.widgets.rows import Rows

if TYPE_CHECKING:
    from argus_tui.widgets.sidebar_filter import TitleFilter

__all__ = ["Sidebar", "SidebarRow"]


class SidebarTop(Drawn):
    """The name of the program and, while nothing is filtered, the row that says how to filter."""

    DEFAULT_CSS = "SidebarTop { height: 5; } SidebarTop.-filtering { height: 3; }"

    class FilterWanted(Message):
        """The filter row was clicked."""

    def lines(self, width: int) -> Sequence[Content]:
        brand = Content.assemble("  ", (FULL.eye, ACCENT), " ", ("argus", "bold"))
        hint = spread(Content.styled(f"  {FULL.filter} filter", MUTED), Content.styled("^k  ", MUTED), width)
        return (Content.empty(), brand, Content.empty(), hint)

    def on_click(self, event: events.Click) -> None:
        if event.y == 3:
            self.post_message(self.FilterWanted())


class SidebarFoot(Drawn):
    """Who is connected to what."""

    DEFAULT_CSS = "SidebarFoot { height: 3; }"

    who: reactive[str] = reactive("")
    connected: reactive[bool] = reactive(True)

    def lines(self, width: int) -> Sequence[Content]:
        dot = (FULL.connected, ACCENT) if self.connected else (FULL.offline, WARN)
        words = Content.assemble("  ", dot, " ", (clean_line(self.who), MUTED)) if self.who else Content.empty()
        return (Content.empty(), spread(words, Content.empty(), width - 2))


class Sidebar(KeptLines, Vertical):
    """The conversations, newest first, pinned ones above; pages come from outside."""

    DEFAULT_CSS = "Sidebar { width: 30; height: 100%; }"

    current_id: reactive[str | None] = reactive(None)
    """The conversation that is open; None for a new one."""
    spinner_frame: reactive[int] = reactive(0, repaint=False)
    who: reactive[str] = reactive("")
    """Who is connected to what, such as `sara · argus.example`."""
    connected: reactive[bool] = reactive(True)

    @dataclass(eq=False)
    class Selected(Message):
        """Somebody wants to read this conversation."""

        conversation_id: str

    class MoreWanted(Message):
        """The end of what is loaded is near: `append_rows` is wanted. Asked once per page."""

    @dataclass(eq=False)
    class FilterChanged(Message):
        """Only titles with these words are wanted, all when empty: `set_rows` is wanted."""

        text: str

    @dataclass(eq=False)
    class DeleteRequested(Message):
        """Somebody pressed delete on this conversation."""

        conversation_id: str

    @dataclass(eq=False)
    class RenameRequested(Message):
        """Somebody wants to give it another title."""

        conversation_id: str

    @dataclass(eq=False)
    class PinRequested(Message):
        """Somebody wants to pin or unpin it."""

        conversation_id: str
        pinned: bool

    class Left(Message):
        """Escape was pressed in the list: the focus belongs elsewhere."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="sidebar.leave", tooltip="Back to the question", show=False)
    ]

    def __init__(self, *, id: str | None = None, today: Callable[[], date] = date.today) -> None:
        super().__init__(id=id)
        self._list = ConversationRows(today=today)

    def compose(self) -> ComposeResult:
        yield SidebarTop()
        yield self._list
        yield SidebarFoot()

    @property
    def rows(self) -> Sequence[SidebarRow]:
        """The conversations in the order shown."""
        return self._list.rows

    def set_rows(self, rows: Iterable[SidebarRow], has_more: bool = False) -> None:
        """Show these and no others."""
        self._list.set_rows(rows, has_more=has_more)

    def append_rows(self, rows: Iterable[SidebarRow], has_more: bool = False) -> None:
        """Show older ones too."""
        self._list.append_rows(rows, has_more=has_more)

    def upsert(self, row: SidebarRow) -> None:
        """Show a conversation as it is now, in its place; while the list has the focus no row moves."""
        self._list.upsert(row)

    def remove_row(self, conversation_id: str) -> None:
        """Show it no longer."""
        self._list.remove_row(conversation_id)

    def focus_list(self) -> None:
        """Give the list the focus."""
        self._list.focus()

    def focus_filter(self) -> None:
        """Open the filter, or give it the focus when it is open."""
        from argus_tui.widgets.sidebar_filter import TitleFilter  # most sessions never filter

        if found := self.query(TitleFilter):
            found.first().focus_field()
            return
        self.query_one(SidebarTop).add_class("-filtering")
        self.mount(TitleFilter(), after=0)

    def action_leave(self) -> None:
        """Give the focus back."""
        self.post_message(self.Left())

    def watch_current_id(self, conversation_id: str | None) -> None:
        self._list.current_id = conversation_id

    def watch_spinner_frame(self, frame: int) -> None:
        self._list.spinner_frame = frame

    def watch_who(self, who: str) -> None:
        for foot in self.query(SidebarFoot):
            foot.who = who

    def watch_connected(self, connected: bool) -> None:
        for foot in self.query(SidebarFoot):
            foot.connected = connected

    def on_mount(self) -> None:
        self.watch_who(self.who)
        self.watch_connected(self.connected)

    @on(ConversationRows.FilterWanted)
    @on(SidebarTop.FilterWanted)
    def _open_filter(self, event: Message) -> None:
        event.stop()
        self.focus_filter()

    def on_title_filter_changed(self, event: TitleFilter.Changed) -> None:
        event.stop()
        self.post_message(self.FilterChanged(event.text))

    def on_title_filter_taken(self, event: Message) -> None:
        event.stop()
        if self._list.cursor is None:
            self._list.action_move(1)
        self._list.action_choose()

    def on_title_filter_moved(self, event: TitleFilter.Moved) -> None:
        event.stop()
        self._list.focus()
        self._list.action_move(event.step if self._list.cursor is not None else 1)

    def on_title_filter_left(self, event: Message) -> None:
        event.stop()
        self._list.focus()
        self.query("TitleFilter").remove()
        self.query_one(SidebarTop).remove_class("-filtering")
        self.post_message(self.FilterChanged(""))

    @on(Rows.Moved)
    def _keep(self, event: Rows.Moved) -> None:
        event.stop()

    @on(Rows.Chosen)
    def _select(self, event: Rows.Chosen) -> None:
        event.stop()
        row = self._list.cursor_row
        if row is not None:
            self.post_message(self.Selected(row.id))

    @on(ConversationRows.MoreWanted)
    def _more(self, event: Message) -> None:
        event.stop()
        self.post_message(self.MoreWanted())

    @on(ConversationRows.RowAction)
    def _act(self, event: ConversationRows.RowAction) -> None:
        event.stop()
        row = event.row
        match event.name:
            case "delete":
                self.post_message(self.DeleteRequested(row.id))
            case "rename":
                self.post_message(self.RenameRequested(row.id))
            case _:
                self.post_message(self.PinRequested(row.id, pinned=not row.pinned))
