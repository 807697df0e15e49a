import asyncio
import re
from dataclasses import replace

import pytest
from rich.style import Style

from argus_core.domain import Problem
from argus_core.text.clean import FORBIDDEN
from argus_tui.glyphs import FULL, PLAIN
from argus_tui.rendering.pictures import Picture
from argus_tui.themes import NIGHT
from argus_tui.widgets.transcript import Transcript
from tests.tui.transcript_support import CLOCK, TranscriptApp, a_picture, said, settle, talk, until

SIZE = (80, 24)


async def test_bars_labels_and_text_stand_in_their_columns() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load([said("1", "Hello?", role="user"), said("2", "Yes.", thoughts="hm")])
        await settle(pilot)
        lines = app.lines()
    assert lines[:5] == [
        f"  ┃ you · {CLOCK}",
        "  ┃ Hello?",
        "",
        f"  │ gemini · {CLOCK}   ▸ thought for 3 s",
        "  │ Yes.",
    ]


@pytest.mark.parametrize(("width", "column"), [(80, 74), (98, 92), (99, 88), (120, 88)])
async def test_text_runs_to_the_measure(width: int, column: int) -> None:
    app = TranscriptApp()
    async with app.run_test(size=(width, 24)) as pilot:
        app.transcript.load([said("1", "x" * 300)])
        await settle(pilot)
        assert len(app.lines()[1].strip(" │")) == column


async def test_plain_glyphs_stand_in() -> None:
    app = TranscriptApp(glyphs=PLAIN)
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load([said("1", "- a\n\n> b", role="user"), said("2", "x", status="running")])
        await settle(pilot)
        shown = "".join(app.lines())
    assert re.sub("·", "", shown).isascii()


async def test_a_conversation_opens_at_its_end_and_lays_out_only_what_shows() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load(talk(40, lines=5))
        await settle(pilot)
        assert "answer 39 line 4" in app.lines()[-1]
        laid_out = [entry for entry in app.transcript._column.entries if entry.is_laid_out]
    assert len(laid_out) < 10


async def test_scrolling_shows_every_line_once_whatever_was_estimated() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load(talk(12, lines=9))
        await settle(pilot)
        seen = [app.lines()[-1]]
        while app.transcript.scroll_offset.y:
            app.transcript.action_scroll_up()
            seen.append(app.lines()[-1])
        seen += list(reversed(app.lines()[:-1]))
    numbers = [line.strip(" │") for line in reversed(seen) if "answer" in line]
    assert numbers == [f"answer {n} line {i}" for n in range(1, 12, 2) for i in range(9)]


async def test_it_follows_until_someone_scrolls_up_and_again_at_the_end() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load([*talk(20), said("live", "start", status="running")])
        await settle(pilot)
        assert view.is_following
        view.append_text("live", "\n\nline\n\n" * 10)
        await settle(pilot)
        assert view.scroll_offset.y == view.max_scroll_y

        view.focus()
        await pilot.press("pageup")
        await settle(pilot)
        assert not view.is_following
        above = app.lines()
        height = view.virtual_size.height
        view.append_text("live", "\n\nmore\n\n" * 10)
        await until(lambda: view.virtual_size.height > height)
        await settle(pilot)
        assert view.virtual_size.height > height
        assert app.lines()[:5] == above[:5]

        await pilot.press("end")
        await settle(pilot)
        assert view.is_following
        assert "more" in app.lines()[-1]


async def test_scrolling_down_to_the_end_follows_again() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load(talk(30))
        await settle(pilot)
        app.transcript.action_page_up()
        assert not app.transcript.is_following
        app.transcript.action_page_down()
        assert app.transcript.is_following


async def test_older_messages_are_asked_for_once_and_move_nothing() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load(talk(10, start=10), has_older=True)
        await settle(pilot)
        view.scroll_to(y=0, animate=False)
        await settle(pilot)
        wanted = [event for event in app.posted if isinstance(event, Transcript.OlderWanted)]
        assert [event.first_id for event in wanted] == ["m10"]
        before = app.lines()
        view.prepend(talk(10), has_older=False)
        await settle(pilot)
        assert app.lines() == before
        assert view.message_ids == tuple(f"m{number}" for number in range(20))
        view.action_scroll_home()
        await settle(pilot)
        assert "question 0" in app.lines()[1]
        assert len([event for event in app.posted if isinstance(event, Transcript.OlderWanted)]) == 1


async def test_home_goes_on_to_the_first_message_unless_somebody_scrolls_meanwhile() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load(talk(10, start=20), has_older=True)
        await settle(pilot)
        view.action_scroll_home()
        await settle(pilot)
        view.prepend(talk(10, start=10), has_older=True)
        await settle(pilot)
        assert "question 10" in app.lines()[1]
        assert len([event for event in app.posted if isinstance(event, Transcript.OlderWanted)]) == 2
        view.action_scroll_down()
        await settle(pilot)
        before = app.lines()
        view.prepend(talk(10), has_older=False)
        await settle(pilot)
        assert app.lines() == before


async def test_older_messages_that_are_there_already_come_once() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE):
        app.transcript.load(talk(4, start=2), has_older=True)
        app.transcript.prepend(talk(4), has_older=False)
        assert app.transcript.message_ids == ("m0", "m1", "m2", "m3", "m4", "m5")


async def test_each_update_is_one_paint() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load([*talk(20), said("live", "start", status="running")])
        await settle(pilot)
        for text in (" word", " word", "\n\nnew paragraph", "\n\n- item\n- item\n", "```\nx = 1\n"):
            view._next_update = 0.0
            paints = app.paints
            view.append_text("live", text)
            await until(lambda before=paints: app.paints > before)  # type: ignore[misc]
            await asyncio.sleep(0.04)
            await settle(pilot)
            assert app.paints == paints + 1, text


async def test_nothing_is_painted_while_nothing_happens() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load(talk(20))
        await settle(pilot)
        await asyncio.sleep(0.05)
        paints = app.paints
        await asyncio.sleep(0.15)
        assert app.paints == paints
        assert app.transcript._spin_timer is None
        assert app.transcript._update_timer is None


async def test_the_first_delta_is_painted_at_once_and_the_next_ones_together() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.begin(said("live", status="running"))
        await settle(pilot)
        view._next_update = float("inf")
        view.append_text("live", "first")
        assert app.lines()[1] == "  │ first▍"
        view._next_update = view._clock() + 0.03
        view.append_text("live", " second")
        view.append_text("live", " third")
        assert app.lines()[1] == "  │ first▍"
        await until(lambda: "third" in app.lines()[1])
        assert app.lines()[1] == "  │ first second third▍"


async def test_an_answer_thinks_then_speaks_then_ends() -> None:
    now = 100.0
    app = TranscriptApp(clock=lambda: now)
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.begin(said("live", status="running"))
        view.append_thought("live", "considering", 0.0)
        now = 103.0
        await until(lambda: "thinking 3 s" in app.lines()[0])
        assert re.fullmatch(rf"  │ gemini · {CLOCK}   [{FULL.spinner}] thinking 3 s", app.lines()[0])
        view.append_thought("live", " more", 3.2)
        view.append_text("live", "Yes")
        await settle(pilot)
        assert app.lines()[0] == f"  │ gemini · {CLOCK}   ▸ thought for 3 s"
        assert app.lines()[1] == "  │ Yes▍"
        view.finish(said("live", "Yes.", thoughts="considering more"))
        await until(lambda: view._spin_timer is None)
        assert app.lines()[1] == "  │ Yes."
        assert view._spin_timer is None


async def test_thinking_unfolds_by_key_and_by_click() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load([said("1", "Yes.", thoughts="let me see\nonce more")])
        await settle(pilot)
        app.transcript.focus()
        await pilot.press("t")
        await settle(pilot)
        assert app.lines()[:5] == [
            f"  │ gemini · {CLOCK}   ▾ thought for 3 s",
            "  │   ▎ let me see",
            "  │   ▎ once more",
            "  │",
            "  │ Yes.",
        ]
        await pilot.click(app.transcript, offset=(30, 0))
        await settle(pilot)
        assert app.lines()[1] == "  │ Yes."


async def test_a_stopped_answer_says_so_and_what_can_be_done() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load([said("1", "For the last", status="cancelled"), said("2", status="interrupted")])
        await settle(pilot)
        lines = app.lines()
    assert lines[0] == f"  │ gemini · {CLOCK} · stopped by you"
    assert lines[2] == "  │ /continue from here   /retry from the start"
    assert lines[4] == f"  │ gemini · {CLOCK} · cut off"
    assert lines[5] == "  │ /retry from the start"


async def test_an_answer_at_the_length_limit_says_so_quietly_and_how_to_go_on() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load([replace(said("1", "As far as it"), truncated=True)])
        await settle(pilot)
        lines = app.lines()
    assert lines[0] == f"  │ gemini · {CLOCK} · cut at the length limit"
    assert lines[2] == "  │ /continue from here   /retry from the start"


async def test_a_failed_answer_shows_a_card_that_can_change_and_go() -> None:
    app = TranscriptApp()
    problem = Problem(code="rate_limited", title="Too many requests", hint="Wait a little, then ask again.")
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load([said("1", status="failed", problem=problem)])
        await settle(pilot)
        assert app.lines()[1:4] == [
            "  ┃ ! Too many requests.",
            "  ┃   Wait a little, then ask again.",
            "  ┃   /retry from the start",
        ]
        view.set_problem("1", problem, keys=[("f6", "ask another model now")], note="third try in 4 s")
        await settle(pilot)
        assert app.lines()[1].endswith("third try in 4 s")
        assert "f6 ask another model now" in app.lines()[3]
        view.set_problem("1", None)
        await settle(pilot)
        assert app.lines()[1] == ""


async def test_pictures_are_wanted_when_they_show_and_drawn_in_reserved_rows() -> None:
    app = TranscriptApp()
    attachment = a_picture()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load([said("1", "From our roof:", role="user", attachments=(attachment,)), said("2", "Nice.")])
        await settle(pilot)
        wanted = [event for event in app.posted if isinstance(event, Transcript.PictureWanted)]
        assert [event.digest for event in wanted] == [attachment.digest]
        below = app.line_with("Nice.")
        assert "▣ roof.jpg" in app.lines()[below - 4]
        assert "412 kB · 1600 × 1000" in app.lines()[below - 3]
        view.set_picture(attachment.digest, Picture(4, 2, bytes(range(24))))
        await settle(pilot)
        assert app.line_with("Nice.") == below
        assert "▀" in app.lines()[below - 4]
        assert max(line.count("▀") for line in app.lines()) <= 40
        assert sum("▀" in line for line in app.lines()) <= SIZE[1] // 3


async def test_the_label_of_a_cut_message_can_be_shown_above() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load([said("1", "\n\n".join(f"line {n}" for n in range(30)))])
        await settle(pilot)
        hidden = view.scroll_offset.y
        assert view.cut_label is not None
        assert view.cut_label.plain == f"gemini · {CLOCK} · ↑ {hidden} lines"
        view.action_scroll_home()
        await settle(pilot)
        assert view.cut_label is None
        labels = [event.label for event in app.posted if isinstance(event, Transcript.LabelChanged)]
        assert labels[-1] is None
        assert labels[0] is not None


async def test_resizing_and_changing_the_theme_keep_what_is_read_in_view() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load(talk(30, lines=6))
        await settle(pilot)
        view.scroll_to(y=60, animate=False)
        await settle(pilot)
        top = app.lines()[0]
        app.theme = "argus-day"
        await settle(pilot)
        assert app.lines()[0] == top
        await pilot.resize_terminal(60, 20)
        await settle(pilot)
        assert app.lines()[0] == top
        assert not view.is_following


async def test_following_survives_a_resize() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load(talk(30, lines=6))
        await settle(pilot)
        await pilot.resize_terminal(50, 15)
        await settle(pilot)
        assert app.transcript.is_following
        assert "answer 29 line 5" in app.lines()[-1]


async def test_a_streaming_answer_survives_a_resize() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.begin(said("live", status="running"))
        view.append_text("live", "- one\n- two\n- thr")
        await settle(pilot)
        await pilot.resize_terminal(60, 20)
        await settle(pilot)
        view._next_update = 0.0
        view.append_text("live", "ee\n")
        await settle(pilot)
        assert [line.strip(" │▍") for line in app.lines()[1:4]] == ["• one", "• two", "• three"]


async def test_the_mouse_selects_text_without_bars_and_margins() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load([said("1", "Hello there", role="user"), said("2", "Yes, **indeed**.\n\n- one\n- two")])
        await settle(pilot)
        await pilot.mouse_down(app.transcript, offset=(10, 1))
        await pilot.hover(app.transcript, offset=(8, 4))
        await pilot.mouse_up(app.transcript, offset=(8, 4))
        await settle(pilot)
        assert app.screen.get_selected_text() == f"there\n\ngemini · {CLOCK}\nYes, "


async def test_a_selection_holds_when_older_messages_come() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load([said("1", "Hello there"), said("2", "Second")], has_older=True)
        await settle(pilot)
        await pilot.mouse_down(app.transcript, offset=(4, 1))
        await pilot.hover(app.transcript, offset=(8, 1))
        await pilot.mouse_up(app.transcript, offset=(8, 1))
        await settle(pilot)
        app.transcript.prepend(talk(6), has_older=False)
        await settle(pilot)
        assert app.screen.get_selected_text() == "Hello"


async def test_selected_text_stands_on_the_ground_of_the_selection() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load([said("1", "Hello there")])
        await settle(pilot)
        before = app.transcript.render_lines(app.transcript.size.region)[1]
        await pilot.mouse_down(app.transcript, offset=(4, 1))
        await pilot.hover(app.transcript, offset=(8, 1))
        await settle(pilot)
        after = app.transcript.render_lines(app.transcript.size.region)[1]
        assert after.text == before.text
        picked = [text for text, style, _ in after if style and style.bgcolor != before._segments[0].style.bgcolor]  # type: ignore[union-attr]
        assert picked == ["Hello"]


async def test_copying_gives_the_last_answer_and_the_last_code() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE):
        view = app.transcript
        assert view.last_answer_text() is None
        assert view.last_code_block() is None
        view.load([said("1", "a\n```py\none\n```\n```\ntwo\n```\n"), said("2", "q", role="user"), said("3", "**b**")])
        assert view.last_answer_text() == "**b**"
        assert view.last_code_block() == "two\n"


async def test_colours_go_when_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        app.transcript.load([said("1", "Hello **there**", role="user")])
        await settle(pilot)
        strips = app.transcript.render_lines(app.transcript.size.region)
    styles = [style for strip in strips for _, style, _ in strip if style is not None and style.color is not None]
    assert styles
    for style in styles:
        red, green, blue = style.color.get_truecolor() if style.color else (0, 0, 0)
        assert red == green == blue


async def test_hostile_text_never_becomes_a_strip() -> None:
    app = TranscriptApp()
    nasty = "a\x1b[31mred\x1b]52;c;AAAA\x07 \x9b1m \u202eevil &#x202e; \x07"
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        problem = Problem(code="x", title=nasty, hint=nasty)
        picture = a_picture()
        view.load(
            [
                said("1", nasty, role="user", attachments=(picture,)),
                said("2", f"```\n{nasty}\n```\n| {nasty} |\n|---|\n| {nasty} |", thoughts=nasty),
                said("3", status="failed", problem=problem),
                said("4", status="running"),
            ]
        )
        view.toggle_thoughts("2")
        for letter in nasty:
            view.append_text("4", letter)
        await asyncio.sleep(0.06)
        view.follow()
        await settle(pilot)
        while True:
            assert not any(FORBIDDEN.search(line) for line in app.lines())
            if not view.scroll_offset.y:
                break
            view.action_page_up()


async def test_rows_far_from_the_view_are_let_go() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load(talk(400, lines=2))
        await settle(pilot)
        while view.scroll_offset.y:
            view.action_page_up()
        height = view._column.height
        assert sum(entry.is_laid_out for entry in view._column.entries) <= 130
        view.follow()
        await settle(pilot)
        assert view._column.height == height
        assert "answer 399 line 1" in app.lines()[-1]


async def test_unknown_messages_are_left_alone() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.append_text("nobody", "text")
        view.append_thought("nobody", "text", 1.0)
        view.set_problem("nobody", None)
        view.finish(said("1", "came whole"))
        await settle(pilot)
        assert app.lines()[1] == "  │ came whole"
        view.clear()
        await settle(pilot)
        assert "".join(app.lines()).strip() == ""


async def test_the_scrollbar_shows_a_thumb_only_when_there_is_more() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load(talk(2))
        await settle(pilot)
        bar = view.vertical_scrollbar
        grounds = {style for strip in bar.render_lines(bar.size.region) for _, style, _ in strip}
        assert len({style.bgcolor for style in grounds if isinstance(style, Style)}) == 1
        view.load(talk(60))
        await settle(pilot)
        strips = bar.render_lines(bar.size.region)
        colors = [style.bgcolor for strip in strips for _, style, _ in strip if style]
        assert colors[-1] != colors[0]
        await pilot.mouse_down(view, offset=(79, 0))
        await settle(pilot)
        assert not view.is_following


async def test_code_is_coloured_once_its_lexer_is_there() -> None:
    app = TranscriptApp()
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load([said("1", "```python\nreturn 1\n```"), said("2", "```python\nreturn 2\n", status="running")])

        def keywords() -> list[Style]:
            strips = view.render_lines(view.size.region)
            return [style for strip in strips for text, style, _ in strip if text.strip() == "return" and style]

        await until(lambda: len(keywords()) == 2)
        found = keywords()
        await settle(pilot)
    assert len(found) == 2
    assert all(style.color is not None and style.color.name == NIGHT.accent for style in found)


async def test_each_update_is_told_once_before_its_paint() -> None:
    app = TranscriptApp()
    told: list[int] = []
    async with app.run_test(size=SIZE) as pilot:
        view = app.transcript
        view.load([*talk(20), said("live", "start", status="running")])
        await settle(pilot)
        view.on_updated = lambda: told.append(app.paints)
        view._next_update = 0.0
        view.append_text("live", " word")
        await until(lambda: told)
        await settle(pilot)
    assert len(told) == 1
