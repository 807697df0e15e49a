from datetime import date, timedelta

import pytest
from textual.content import Content

from argus_tui.glyphs import FULL
from argus_tui.widgets.conversation_rows import ConversationRows
from argus_tui.widgets.field import Field
from argus_tui.widgets.grouping import SidebarRow, grouped, in_order
from argus_tui.widgets.sidebar import Sidebar
from tests.tui.widget_support import NOW, Bare

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
TODAY = NOW.astimezone().date()


def row(number: int, minutes: float = 0, **more: object) -> SidebarRow:
    values: dict[str, object] = {"id": str(number), "title": f"Talk {number}", "updated_at": NOW - minutes * MINUTE}
    return SidebarRow(**{**values, **more})  # type: ignore[arg-type]


@pytest.fixture
def sidebar() -> Sidebar:
    return Sidebar(today=lambda: TODAY)


@pytest.fixture
def app(sidebar: Sidebar) -> Bare:
    return Bare(sidebar)


def titles(sidebar: Sidebar) -> list[str]:
    return [one.title for one in sidebar.rows]


def test_groups_are_pinned_today_yesterday_earlier() -> None:
    rows = [row(1), row(2, 24 * 60), row(3, 9 * 24 * 60), row(4, 99 * 24 * 60, pinned=True), row(5, 2)]
    lines = [line if isinstance(line, str) else line.id for line in grouped(in_order(rows), TODAY)]
    assert lines == ["Pinned", "4", "", "Today", "1", "5", "", "Yesterday", "2", "", "Earlier", "3"]


def test_no_rows_make_no_groups() -> None:
    assert list(grouped([], date(2026, 1, 1))) == []


async def test_rows_show_their_marks(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows(
            [
                row(1, title="Mongo schema", pinned=True),
                row(2, title="Trip to Shiraz", running=True),
                row(3, 1, title="Why is the deploy slow?", unread=2),
                row(4, 2, title="سفر", has_pictures=True),
            ]
        )
        sidebar.current_id = "2"
        sidebar.who = "sara · argus.example"
        await pilot.pause()
        shown = app.shown(sidebar)
    assert shown[1] == "  ◉ argus"
    assert shown[3] == "  ⌕ filter                ^k"
    assert shown[5:12] == [
        "  Pinned",
        "  ★ Mongo schema",
        "",
        "  Today",
        f"▌   Trip to Shiraz         {FULL.spinner[0]}",
        "    Why is the deploy sl…  2",
        "  ▣                   سفر",
    ]
    assert shown[-2] == "  ● sara · argus.example"


async def test_titles_of_strangers_cannot_reach_the_terminal(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(1, title="[red]a\x1b]52;c;AAAA\x07b\u202ec\nd")])
        await pilot.pause()
        assert app.shown(sidebar)[6] == "    [red]abc d"


async def test_only_the_spinner_moves_while_something_runs(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(1, running=True), row(2)])
        for frame in (0, 3):
            sidebar.spinner_frame = frame
            await pilot.pause()
            assert FULL.spinner[frame] in app.shown(sidebar)[6]


async def test_ten_thousand_rows_draw_only_what_is_on_the_screen(app: Bare, sidebar: Sidebar) -> None:
    drawn: list[int] = []
    rows = sidebar._list
    draw = rows.draw_row

    def counting(index: int, width: int) -> Content:
        drawn.append(index)
        return draw(index, width)

    rows.draw_row = counting  # type: ignore[method-assign]
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(n, n) for n in range(10_000)])
        sidebar.focus_list()
        await pilot.press("end")
        assert rows.cursor_row is not None
        assert rows.cursor_row.id == "9999"
        assert len(drawn) < 400


async def test_keys_move_over_headings_and_enter_opens(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(1, pinned=True), row(2), row(3, 5)])
        sidebar.focus_list()
        await pilot.press("down", "enter", "down", "down", "enter", "home", "enter")
        assert [event.conversation_id for event in app.seen(Sidebar.Selected)] == ["2", "3", "1"]


async def test_a_click_opens(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(1), row(2, 5)])
        await pilot.pause()
        await pilot.click(ConversationRows, offset=(6, 2))
        assert [event.conversation_id for event in app.seen(Sidebar.Selected)] == ["2"]


async def test_delete_rename_and_pin_are_asked_for(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(1, pinned=True)])
        sidebar.focus_list()
        await pilot.press("delete", "r", "p", "escape")
        assert [event.conversation_id for event in app.seen(Sidebar.DeleteRequested)] == ["1"]
        assert [event.conversation_id for event in app.seen(Sidebar.RenameRequested)] == ["1"]
        assert [event.pinned for event in app.seen(Sidebar.PinRequested)] == [False]
        assert len(app.seen(Sidebar.Left)) == 1


async def test_the_next_page_is_asked_for_once_near_the_end(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(n, n) for n in range(100)], has_more=True)
        sidebar.focus_list()
        await pilot.pause()
        assert app.seen(Sidebar.MoreWanted) == []
        await pilot.press("end", "up", "up")
        assert len(app.seen(Sidebar.MoreWanted)) == 1
        sidebar.append_rows([row(n, n) for n in range(100, 200)], has_more=True)
        await pilot.press("end")
        assert len(app.seen(Sidebar.MoreWanted)) == 2
        assert len(sidebar.rows) == 200


async def test_a_change_takes_its_place(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(1), row(2, 5)])
        sidebar.upsert(row(2, -1))
        sidebar.upsert(row(3, 3))
        await pilot.pause()
        assert titles(sidebar) == ["Talk 2", "Talk 1", "Talk 3"]
        sidebar.remove_row("1")
        sidebar.remove_row("no such one")
        assert titles(sidebar) == ["Talk 2", "Talk 3"]


async def test_no_row_moves_while_the_list_has_the_focus(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(1), row(2, 5), row(3, 9)])
        sidebar.focus_list()
        await pilot.press("down")
        sidebar.upsert(row(3, -1, title="Renamed", unread=1))
        sidebar.upsert(row(4, -2))
        await pilot.pause()
        assert titles(sidebar) == ["Talk 1", "Talk 2", "Renamed"]
        app.screen.set_focus(None)
        await pilot.pause()
        assert titles(sidebar) == ["Talk 4", "Renamed", "Talk 1", "Talk 2"]


async def test_pinning_moves_at_once_and_the_cursor_goes_along(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(1), row(2, 5)])
        sidebar.focus_list()
        await pilot.press("down")
        sidebar.upsert(row(2, 5, pinned=True))
        await pilot.pause()
        assert titles(sidebar) == ["Talk 2", "Talk 1"]
        await pilot.press("enter")
        assert [event.conversation_id for event in app.seen(Sidebar.Selected)] == ["2"]


async def test_slash_filters_and_escape_shows_all(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.set_rows([row(1), row(2, 5)])
        sidebar.focus_list()
        await pilot.press("slash")
        await pilot.pause()
        await pilot.press("s", "h")
        assert [event.text for event in app.seen(Sidebar.FilterChanged)] == ["s", "sh"]
        await pilot.press("enter")
        assert [event.conversation_id for event in app.seen(Sidebar.Selected)] == ["1"]
        await pilot.press("escape")
        await pilot.pause()
        assert not sidebar.query(Field)
        assert app.seen(Sidebar.FilterChanged)[-1].text == ""


async def test_offline_is_a_hollow_dot(app: Bare, sidebar: Sidebar) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        sidebar.who, sidebar.connected = "sara", False
        await pilot.pause()
        assert app.shown(sidebar)[-2] == "  ○ sara"
