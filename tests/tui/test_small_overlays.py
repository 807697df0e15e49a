import pytest

from argus_tui.commands import COMMANDS
from argus_tui.screens.confirm import Confirm
from argus_tui.screens.help import Help, shown_keys
from argus_tui.screens.text_prompt import TextPrompt
from argus_tui.widgets.prompt import Prompt
from tests.tui.widget_support import Bare, paste


@pytest.mark.parametrize(("key", "answer"), [("y", True), ("n", False), ("escape", False)])
async def test_only_y_says_yes(key: str, answer: bool) -> None:
    app, results = Bare(), list[bool | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(Confirm("Throw it away?", "It cannot be brought back.", yes="throw away"), results.append)
        await pilot.press("enter", "space")
        assert any("! Throw it away?" in line for line in app.shown())
        assert any("y throw away" in line for line in app.shown())
        await pilot.press(key)
    assert results == [answer]


async def test_a_title_is_changed_and_cleaned() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(TextPrompt("Another title", "Trip\nto Shiraz"), results.append)
        await pilot.press(*" 2", "enter")
    assert results == ["Trip to Shiraz 2"]


async def test_escape_leaves_it() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(TextPrompt("Another title", "Trip"), results.append)
        await pilot.press("x", "escape")
    assert results == [None]


async def test_what_cannot_be_taken_is_said_in_place() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(TextPrompt("Another title", required=True, limit=3), results.append)
        await pilot.press("enter")
        await pilot.pause()
        assert any("It cannot be empty." in line for line in app.shown())
        await pilot.press(*"long", "enter")
        await pilot.pause()
        assert any("That is 4 characters; 3 are the most." in line for line in app.shown())
        await pilot.press("backspace", "enter")
    assert results == ["lon"]


async def test_several_lines_are_written_as_in_the_composer() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(TextPrompt("How should it behave?", "Be terse.", multiline=True), results.append)
        await pilot.pause()
        await pilot.press("ctrl+j")
        await paste(pilot, app.screen.query_one(Prompt), "line\n" * 40)
        await pilot.press("enter")
    assert results == ["Be terse.\n" + "\n".join(["line"] * 40)]


@pytest.mark.parametrize(
    ("keys", "shown"), [("ctrl+k", "^k"), ("f1,ctrl+g", "f1 or ^g"), ("escape", "esc"), ("ctrl+pageup", "^page up")]
)
def test_keys_are_written_as_they_are_pressed(keys: str, shown: str) -> None:
    assert shown_keys(keys) == shown


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_help_has_every_command_and_can_be_filtered(size: tuple[int, int]) -> None:
    app = Bare()
    async with app.run_test(size=size) as pilot:
        await app.push_screen(Help([(c.keys, c.usage, c.about) for c in COMMANDS]))
        await pilot.pause()
        seen: set[str] = set()
        for _ in range(10):
            seen.update(app.shown())
            await pilot.press("pagedown")
        text = "\n".join(seen)
        assert all(command.usage in text for command in COMMANDS)
        await pilot.press(*"rename")
        await pilot.pause()
        found = [line for line in app.shown() if "/" in line]
        assert len(found) == 1
        assert "/rename TITLE" in found[0]
        await pilot.press("escape")
        assert len(app.screen_stack) == 1
