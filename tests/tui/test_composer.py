import unicodedata
from pathlib import Path

import pytest
from textual import events

from argus_tui.widgets.chips import AttachmentChip
from argus_tui.widgets.completion import Completion
from argus_tui.widgets.composer import Composer
from argus_tui.widgets.prompt import Prompt
from tests.tui.widget_support import Bare, paste

COMMANDS = [("/rename TITLE", "another title"), ("/retry", "answer again"), ("/quit", "leave")]


@pytest.fixture
def composer() -> Composer:
    return Composer()


@pytest.fixture
def app(composer: Composer) -> Bare:
    return Bare(composer)


def sent(app: Bare) -> list[str]:
    return [event.text for event in app.seen(Composer.Submitted)]


def dropped(app: Bare) -> list[Path]:
    return [path for event in app.seen(Composer.FilesDropped) for path in event.paths]


async def test_enter_sends_and_empties(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press(*"hi", "enter")
        assert sent(app) == ["hi"]
        assert composer.draft == ""


async def test_enter_on_nothing_sends_nothing_unless_a_picture_is_there(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press("space", "enter")
        assert sent(app) == []
        composer.draft = ""
        composer.add_chip(AttachmentChip("1", "roof.jpg", 412_000))
        await pilot.pause()
        await pilot.press("enter")
        assert sent(app) == [""]


@pytest.mark.parametrize("key", ["ctrl+j", "shift+enter", "alt+enter"])
async def test_a_new_line_without_sending(app: Bare, composer: Composer, key: str) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press("a", key, "b")
        assert composer.draft == "a\nb"
        assert sent(app) == []


async def test_typed_half_space_and_its_kin_are_kept(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        for letter in "م\u200cخ\u200d\u200e\u200f":  # the pilot itself drops them: they are sent as the driver does
            app.query_one(Prompt).post_message(events.Key(unicodedata.name(letter).lower(), letter))
        await pilot.pause()
        assert composer.draft == "م\u200cخ\u200d\u200e\u200f"


async def test_it_grows_to_a_third_of_the_screen_and_no_further(app: Bare, composer: Composer) -> None:
    async with app.run_test(size=(80, 30)) as pilot:
        composer.draft = "one"
        await pilot.pause()
        assert composer.region.height == 3
        composer.draft = "line\n" * 19
        await pilot.pause()
        assert 10 <= composer.region.height <= 12


async def test_a_small_paste_is_text(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        await paste(pilot, app.query_one(Prompt), "two\nlines\x1b]52;c;AAAA\x07")
        assert composer.draft == "two\nlines"


async def test_a_long_paste_folds_and_is_sent_whole(app: Bare, composer: Composer) -> None:
    text = "\n".join(f"line {n}" for n in range(214))
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press(*"see ")
        await paste(pilot, app.query_one(Prompt), text)
        assert app.query_one(Prompt).text == "see [pasted 214 lines, f8 opens]"
        assert composer.draft == f"see {text}"
        await pilot.press("enter")
        assert sent(app) == [f"see {text}"]


async def test_two_long_pastes_of_one_length_stay_apart(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        for letter in "ab":
            await paste(pilot, app.query_one(Prompt), letter * 3000)
        assert composer.draft == "a" * 3000 + "b" * 3000


async def test_a_fold_opens_in_place_and_undo_folds_it_again(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        await paste(pilot, app.query_one(Prompt), "x\n" * 30)
        await pilot.press("f8")
        assert app.query_one(Prompt).text == "x\n" * 30
        await pilot.press("ctrl+z")
        assert app.query_one(Prompt).text == "[pasted 31 lines, f8 opens]"


@pytest.mark.parametrize("text", ["a line\n" * 30_000, "word " * 3_000])
async def test_a_fold_that_would_be_felt_stays_folded(app: Bare, composer: Composer, text: str) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        await paste(pilot, app.query_one(Prompt), text)
        await pilot.press("f8")
        assert len(app.query_one(Prompt).text) < 50
        assert composer.draft == text


async def test_backspace_takes_a_fold_away_as_a_whole(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press("a")
        await paste(pilot, app.query_one(Prompt), "x\n" * 30)
        await pilot.press("backspace")
        assert composer.draft == "a"


async def test_words_that_look_like_a_fold_are_only_words(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.draft = "[pasted 214 lines, f8 opens]"
        await pilot.pause()
        assert composer.draft == "[pasted 214 lines, f8 opens]"


async def test_a_very_long_draft_comes_back_folded_and_whole(app: Bare, composer: Composer) -> None:
    async with app.run_test():
        composer.draft = "word " * 40_000
        assert len(app.query_one(Prompt).text) < 100
        assert composer.draft == "word " * 40_000


@pytest.mark.parametrize("written", ["{}", "'{}'", '"{}"', "file://{}"])
async def test_the_path_of_a_picture_is_not_text(app: Bare, composer: Composer, tmp_path: Path, written: str) -> None:
    picture = tmp_path / "my roof.JPG"
    picture.write_bytes(b"x")
    text = written.format(str(picture).replace(" ", "%20") if written.startswith("file") else picture)
    async with app.run_test() as pilot:
        await paste(pilot, app.query_one(Prompt), text + " ")
        assert dropped(app) == [picture]
        assert composer.draft == ""


async def test_several_dropped_pictures_are_all_taken(app: Bare, composer: Composer, tmp_path: Path) -> None:
    for name in ("a b.png", "c.webp"):
        (tmp_path / name).write_bytes(b"x")
    text = f"{tmp_path}/a\\ b.png {tmp_path}/c.webp"
    async with app.run_test() as pilot:
        await paste(pilot, app.query_one(Prompt), text)
        assert [path.name for path in dropped(app)] == ["a b.png", "c.webp"]


@pytest.mark.parametrize("text", ["/no/such/roof.jpg", "roof.jpg", "it's a / b", "\0/x.png", "~nobody-at-all/x.png"])
async def test_other_pastes_are_text(app: Bare, composer: Composer, text: str) -> None:
    async with app.run_test() as pilot:
        await paste(pilot, app.query_one(Prompt), text)
        assert composer.draft == text.replace("\0", "")
        assert dropped(app) == []


@pytest.fixture
def dropped_names(tmp_path: Path) -> Path:
    """A folder with names that do not come through a terminal as they are."""
    for name in (
        "photo.jfif",
        "a b.png",
        "c d.PNG",
        "at 9.14.05\u202fAM.png",
        "no\u00a0break.png",
        "e\u0301te\u0301.png",
        "hash#tag?.png",
        "50%41.png",
        "it's.png",
        "IMG_1.HEIC",
        "notes.txt",
    ):
        (tmp_path / name).write_bytes(b"x")
    folder = tmp_path / "Ku\u0308che"
    folder.mkdir()
    (folder / "x.png").write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("{}/photo.jfif", ["photo.jfif"]),
        ("{}/IMG_1.HEIC", ["IMG_1.HEIC"]),
        ("{}/a b.png\n{}/c d.PNG", ["a b.png", "c d.PNG"]),
        ("{}/a b.png\r{}/c d.PNG\r", ["a b.png", "c d.PNG"]),
        ("{}/a b.png {}/c d.PNG", ["a b.png", "c d.PNG"]),
        ("'{}/a b.png' '{}/c d.PNG'", ["a b.png", "c d.PNG"]),
        ("{}/a\\ b.png", ["a b.png"]),
        ("{}/at 9.14.05 AM.png", ["at 9.14.05\u202fAM.png"]),
        ("{}/at\\ 9.14.05\\ AM.png", ["at 9.14.05\u202fAM.png"]),
        ("{}/no break.png", ["no\u00a0break.png"]),
        ("{}/\u00e9t\u00e9.png", ["e\u0301te\u0301.png"]),
        ("{}/K\u00fcche/x.png", ["x.png"]),
        ("file://{}/hash#tag?.png", ["hash#tag?.png"]),
        ("file://localhost{}/hash%23tag%3F.png", ["hash#tag?.png"]),
        ("file:{}/a%20b.png", ["a b.png"]),
        ("{}/50%41.png", ["50%41.png"]),
        ("{}/it's.png", ["it's.png"]),
        ("'{}/it'\\''s.png'", ["it's.png"]),
        ("{}/notes.txt", []),
        ("{}/a b.png {}/notes.txt", ["a b.png", "notes.txt"]),
        ("look at {}/a b.png", []),
    ],
)
async def test_dropped_files_of_every_form_are_found(
    app: Bare, composer: Composer, dropped_names: Path, written: str, names: list[str]
) -> None:
    async with app.run_test() as pilot:
        await paste(pilot, app.query_one(Prompt), written.replace("{}", str(dropped_names)))
        assert [path.name for path in dropped(app)] == names
        assert bool(composer.draft) == (not names), "never words and a picture at once, and never neither"


async def test_the_path_of_a_picture_that_is_not_here_is_words_and_said_so(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        for text in ("/Users/me/My roof.jpg", "'/home/me/a b.heic'", "file:///Users/me/x%20y.png"):
            await paste(pilot, app.query_one(Prompt), text)
        assert [event.name for event in app.seen(Composer.FileMissed)] == ["My roof.jpg", "a b.heic", "x y.png"]
        assert dropped(app) == []
        assert composer.draft.startswith("/Users/me/My roof.jpg'/home")
        composer.draft = ""
        for text in ("/rename cat.png", "see /a/b.png", "https://x.org/a/b.png", "/a/b.py"):
            await paste(pilot, app.query_one(Prompt), text)
        assert len(app.seen(Composer.FileMissed)) == 3


async def test_what_undo_takes_redo_brings_back(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        await paste(pilot, app.query_one(Prompt), "ten minutes of work")
        await pilot.press(*" and", "ctrl+z", "ctrl+z", "ctrl+z", "ctrl+z")
        assert composer.draft == ""
        await pilot.press("ctrl+y", "ctrl+shift+z", "ctrl+y")
        assert composer.draft == "ten minutes of work and"


async def test_what_the_program_wrote_anew_is_undone(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press(*"before")
        composer.write_anew("what the editor left")
        assert composer.draft == "what the editor left"
        await pilot.press("ctrl+z")
        assert composer.draft == "before"


async def test_undo_and_redo_keys_mean_something_else_where_there_is_nothing_to_undo(
    app: Bare, composer: Composer
) -> None:
    prompt = composer._prompt
    async with app.run_test() as pilot:
        composer.focus()
        assert not prompt._take_key("ctrl+z", None)
        assert not prompt._take_key("ctrl+y", None)
        await pilot.press("a", "ctrl+z")
        assert prompt._take_key("ctrl+z", None), "it was written in: never another meaning while hands are undoing"
        assert prompt._take_key("ctrl+y", None)
        composer.draft = "a draft that was loaded"
        assert prompt._take_key("ctrl+z", None)
        assert composer.draft == "a draft that was loaded"


async def test_what_comes_back_stands_above_what_was_written_since_in_its_order(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        composer.put_back("first question")
        await pilot.press(*"then more")
        assert composer.draft == "first question\nthen more"
        composer.put_back("even before")
        await pilot.press("!")
        assert composer.draft == "even before\nfirst question\nthen more!"


async def test_who_does_not_type_on_goes_on_with_the_line_that_came_back(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.focus()
        composer.put_back("a question")
        await pilot.press("left", "end", *", please")
        assert composer.draft == "a question, please"


async def test_backspace_at_the_start_removes_the_last_chip(app: Bare, composer: Composer) -> None:
    async with app.run_test() as pilot:
        composer.add_chip(AttachmentChip("1", "a.png", 1))
        composer.add_chip(AttachmentChip("2", "b.png", 1))
        composer.focus()
        await pilot.press("x", "backspace", "backspace")
        assert [event.attachment_id for event in app.seen(AttachmentChip.RemoveRequested)] == ["2"]


async def test_keys_of_a_burst_that_move_and_edit_keep_their_order(app: Bare, composer: Composer) -> None:
    burst = ["b", "home", "a", "end", "c", "left", "backspace", "ctrl+e", "d", "ctrl+a", "delete"]
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.pause()
        for key in burst:
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        assert composer.draft == "cd"


async def test_up_and_down_go_through_what_was_asked_and_bring_the_draft_back(app: Bare, composer: Composer) -> None:
    composer.history = ("newest", "older")
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press(*"mine", "up")
        assert composer.draft == "newest"
        await pilot.press("up", "up")
        assert composer.draft == "older"
        await pilot.press("down", "down")
        assert composer.draft == "mine"


async def test_up_inside_the_text_moves_the_cursor(app: Bare, composer: Composer) -> None:
    composer.history = ("newest",)
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press("a", "ctrl+j", "b", "up")
        assert composer.draft == "a\nb"
        await pilot.press("up")
        assert composer.draft == "newest"


async def test_what_is_sent_can_be_remembered_once(composer: Composer) -> None:
    composer.remember("a")
    composer.remember("b")
    composer.remember("a")
    assert composer.history == ("a", "b")


async def test_commands_are_offered_above_and_completed_with_tab(app: Bare, composer: Composer) -> None:
    composer.completions = COMMANDS
    async with app.run_test(size=(80, 24)) as pilot:
        composer.styles.dock = "bottom"
        composer.focus()
        await pilot.press("/", "r")
        popup = app.query_one(Completion)
        assert popup.display
        assert popup.region.bottom <= app.query_one(Prompt).region.y
        assert [line.split()[-1] for line in app.shown(popup)] == ["title", "again"]
        await pilot.press("tab")
        assert composer.draft == "/rename "
        assert not popup.display


async def test_enter_sends_a_command_that_takes_nothing(app: Bare, composer: Composer) -> None:
    composer.completions = COMMANDS
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press("/", "r", "down", "enter")
        assert sent(app) == ["/retry"]


async def test_escape_closes_the_offer_and_keeps_the_text(app: Bare, composer: Composer) -> None:
    composer.completions = COMMANDS
    async with app.run_test() as pilot:
        composer.focus()
        await pilot.press("/", "r", "escape")
        assert not app.query_one(Completion).display
        assert composer.draft == "/r"


@pytest.mark.parametrize("text", ["/home/me", "/rename x", "say /r", "//r"])
async def test_nothing_is_offered_for_other_text(app: Bare, composer: Composer, text: str) -> None:
    composer.completions = COMMANDS
    async with app.run_test() as pilot:
        composer.draft = text
        await pilot.pause()
        assert not app.query(Completion)


@pytest.mark.parametrize("key", ["ctrl+k", "ctrl+f", "ctrl+y", "f6", "f7"])
async def test_keys_of_the_program_are_not_eaten(app: Bare, composer: Composer, key: str) -> None:
    async with app.run_test() as pilot:
        composer.draft = "two words"
        composer.focus()
        await pilot.press("home", key)
        assert composer.draft == "two words"
        assert key not in app.query_one(Prompt)._bindings.key_to_bindings


async def test_every_binding_has_an_id_and_a_tooltip(app: Bare) -> None:
    async with app.run_test():
        bindings = [one for group in app.query_one(Prompt)._bindings.key_to_bindings.values() for one in group]
    ids = [f"{binding.id}" for binding in bindings]
    assert all("." in name for name in ids)
    assert len({(b.id, b.key) for b in bindings}) == len(bindings)
    assert all(binding.tooltip for binding in bindings)


async def test_placeholder_shows(app: Bare, composer: Composer) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        composer.placeholder = "Your question waits here"
        await pilot.pause()
        assert any("Your question waits here" in line for line in app.shown(composer))
