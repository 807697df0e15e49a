from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from argus_core.domain import Conversation, Page, SearchHit
from argus_core.errors import StorageUnavailable
from argus_tui.screens.switcher import Switcher
from argus_tui.widgets.field import Field
from tests.tui.widget_support import NOW, Bare, conversation, hit

DAY = timedelta(days=1)


class Client:
    """Answers like a client whose lists are in memory."""

    def __init__(self, rows: Sequence[Conversation], hits: Sequence[SearchHit] = (), *, broken: bool = False) -> None:
        self.rows, self.hits, self.broken = rows, hits, broken
        self.queries: list[str] = []

    @property
    def conversations(self) -> "Client":
        return self

    @property
    def search(self) -> "Client":
        return self

    async def list(self, *, limit: int, cursor: str | None = None) -> Page[Conversation]:
        if self.broken:
            raise StorageUnavailable("The disk is full.")
        start = int(cursor or 0)
        rest = start + limit < len(self.rows)
        return Page(tuple(self.rows[start : start + limit]), str(start + limit) if rest else None)

    async def messages(self, query: str) -> Sequence[SearchHit]:
        self.queries.append(query)
        return self.hits


ROWS = [
    conversation(1, "Trip to Shiraz", running=1),
    conversation(2, "سفر به Shiraz", NOW - timedelta(minutes=22), unread=1),
    conversation(3, "Shift rates and zones", NOW - 19 * DAY),
    conversation(4, "Sourdough", NOW - 51 * DAY),
]


async def opened(app: Bare, client: Any, results: list[str | None], **options: Any) -> Switcher:
    screen = Switcher(client, now=lambda: NOW, **options)
    await app.push_screen(screen, results.append)
    return screen


async def test_recent_ones_are_listed_and_enter_opens_the_first() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, Client(ROWS), results)
        await pilot.pause()
        shown = "\n".join(app.shown())
        assert shown.index("Trip to Shiraz") < shown.index("Shift rates") < shown.index("Sourdough")
        await pilot.press("enter")
    assert results == ["1"]


async def test_letters_of_the_title_find_it_and_arrows_choose() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, Client(ROWS), results)
        await pilot.press(*"shiraz")
        await pilot.pause()
        assert not any("Sourdough" in line for line in app.shown())
        assert any("3 of 4" in line for line in app.shown())
        await pilot.press("down", "down", "enter")
    assert results == ["3"]


async def test_words_that_were_said_are_found_with_their_context() -> None:
    app, results = Bare(), list[str | None]()
    client = Client(ROWS, [hit(ROWS[3], "…flour from a mill near Shiraz,\x1b[31m about 1500 m up…", "Shiraz")])
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, client, results, only_messages=True, query="mill")
        await pilot.pause(0.2)
        await screen.workers.wait_for_complete()
        await pilot.pause()
        shown = app.shown()
        at = next(y for y, line in enumerate(shown) if "In messages" in line)
        assert "Sourdough" in shown[at + 1]
        assert "you · 14:02" in shown[at + 1] or "you ·" in shown[at + 1]
        assert "▎ …flour from a mill near Shiraz, about 1500 m up…" in shown[at + 2]
        await pilot.press("enter")
    assert results == ["4"]
    assert client.queries == ["mill"]


async def test_tab_leaves_the_titles_out() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, Client(ROWS), results)
        await pilot.pause()
        await pilot.press("tab")
        await pilot.pause()
        assert not any("Sourdough" in line for line in app.shown())
        await pilot.press("tab")
        await pilot.pause()
        assert any("Sourdough" in line for line in app.shown())
        assert isinstance(app.focused, Field)


async def test_escape_returns_nothing() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, Client(ROWS), results)
        await pilot.press("escape")
    assert results == [None]


async def test_every_page_is_searched_not_only_the_first() -> None:
    app, results = Bare(), list[str | None]()
    rows = [conversation(n, f"Talk {n}", NOW - n * DAY) for n in range(1200)]
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, Client(rows), results)
        await screen.workers.wait_for_complete()
        await pilot.press(*"1199", "enter")
    assert results == ["1199"]


async def test_trouble_is_told_in_words() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, Client(ROWS, broken=True), results)
        await pilot.pause()
        assert any("The store cannot be reached. The disk is full." in line for line in app.shown())


async def test_enter_on_an_empty_list_does_nothing() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, Client([]), results)
        await pilot.press(*"zz", "enter")
        assert results == []
