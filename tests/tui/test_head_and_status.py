import pytest

from argus_tui.glyphs import FULL
from argus_tui.widgets.head import Head
from argus_tui.widgets.status_line import KeyRow, StatusLine
from tests.tui.widget_support import Bare


async def test_the_head_has_title_use_and_model() -> None:
    head = Head()
    async with (app := Bare(head)).run_test(size=(80, 40)) as pilot:
        head.title, head.model, head.used = "Trip\nto Shiraz", "gemini-flash-latest", "4 % of 1M"
        await pilot.pause()
        assert app.shown(head) == [
            "",
            f"    {'Trip to Shiraz':<43}4 % of 1M   gemini-flash-latest",
            "",
        ]


@pytest.mark.parametrize(("yours", "bar"), [(True, FULL.you), (False, FULL.model)])
async def test_a_cut_message_keeps_its_label_in_the_last_row(yours: bool, bar: str) -> None:
    head = Head()
    async with (app := Bare(head)).run_test(size=(80, 24)) as pilot:
        head.styles.height = 2
        head.title, head.cut_label, head.cut_yours = "T", "gemini · 14:02 · ↑ 3 lines", yours
        await pilot.pause()
        assert app.shown(head) == ["    T", f"  {bar} gemini · 14:02 · ↑ 3 lines"]


async def test_a_long_title_gives_way_to_the_model() -> None:
    head = Head()
    async with (app := Bare(head)).run_test(size=(40, 24)) as pilot:
        head.title, head.model = "A very long title that does not fit at all", "gemini-flash"
        await pilot.pause()
        assert app.shown(head)[1].endswith("…  gemini-flash")
        assert len(app.shown(head)[1]) == 38


async def test_the_status_line_says_what_happens_and_the_key_that_matters() -> None:
    status = StatusLine()
    async with (app := Bare(status)).run_test(size=(60, 24)) as pilot:
        status.words, status.hints, status.running = " 42 tok/s ·   318 tokens", (("esc", "stop"),), True
        status.spinner_frame = 2
        await pilot.pause()
        assert app.shown(status) == [f"  {FULL.spinner[2]}  42 tok/s ·   318 tokens".ljust(50) + "esc stop"]


@pytest.mark.parametrize(("dot", "sign"), [("none", " "), ("connected", "●"), ("offline", "○")])
async def test_the_dot_tells_the_connection(dot: str, sign: str) -> None:
    status = StatusLine()
    async with (app := Bare(status)).run_test(size=(60, 24)) as pilot:
        status.words, status.dot = "here", dot  # type: ignore[assignment]
        await pilot.pause()
        assert app.shown(status) == [f"  {sign} here"]


async def test_keys_that_do_not_fit_go_as_a_whole() -> None:
    keys = KeyRow((("^n", "new"), ("^k", "jump"), ("^f", "search")))
    async with (app := Bare(keys)).run_test(size=(80, 40)) as pilot:
        assert app.shown(keys)[0] == f"    {'^n new   ^k jump   ^f search':<68}^p all"
        await pilot.resize_terminal(36, 40)
        await pilot.pause()
        assert app.shown(keys)[0].split() == ["^n", "new", "^k", "jump", "^p", "all"]
