import pytest

from argus_core.text.api_keys import key_of, lone_key
from argus_tui.commands import is_worth_keeping
from argus_tui.widgets.key_card import KeyCard, KeyField, masked
from argus_tui.widgets.start_card import EXAMPLES, StartCard
from tests.tui.widget_support import Bare, paste

KEY = "AIzaSyD-0123456789abcdefghijklmnopqx7Q"
WHOLE = "AIza" + "0123456789_-" * 2 + "abcdefghijk"


async def test_an_empty_start_teaches_at_80x24() -> None:
    card = StartCard()
    async with (app := Bare(card)).run_test(size=(80, 18)) as pilot:
        card.model, card.reads = "gemini-flash-latest", "1M tokens"
        await pilot.pause()
        text = "\n".join(app.shown(card))
    for ask, _ in EXAMPLES:
        assert ask in text
    for words in ("argus", "ctrl+j", "ctrl+k", "ctrl+o", "f1", "gemini-flash-latest answers · 1M tokens · /model"):
        assert words in text


async def test_the_persian_example_stands_at_the_right() -> None:
    card = StartCard()
    async with (app := Bare(card)).run_test(size=(80, 18)):
        line = next(line for line in app.shown(card) if "برای" in line)
        other = next(line for line in app.shown(card) if "photo" in line)
    assert len(line) - line.count("\u200c") - line.count("ٔ") == len(other)


async def test_tab_and_arrows_choose_and_enter_takes() -> None:
    card = StartCard()
    async with (app := Bare(card)).run_test(size=(80, 24)) as pilot:
        card.focus()
        await pilot.press("tab", "down", "enter", "up", "enter")
        assert [event.text for event in app.seen(StartCard.ExampleTaken)] == [EXAMPLES[2][0], EXAMPLES[1][0]]


async def test_a_click_takes() -> None:
    card = StartCard()
    async with (app := Bare(card)).run_test(size=(80, 24)) as pilot:
        at = next(y for y, line in enumerate(app.shown(card)) if EXAMPLES[1][0] in line)
        await pilot.click(card, offset=(20, at))
        assert [event.text for event in app.seen(StartCard.ExampleTaken)] == [EXAMPLES[1][0]]


async def test_the_eye_is_left_out_with_poor_fonts() -> None:
    card = StartCard()
    async with (app := Bare(card)).run_test(size=(80, 24)) as pilot:
        card.eye = False
        await pilot.pause()
        assert not any(0x2800 < ord(letter) < 0x2900 for line in app.shown(card) for letter in line)


@pytest.mark.parametrize("text", [KEY, f"  {KEY}\n", f"GEMINI_API_KEY={KEY}", f'export GEMINI_API_KEY="{KEY}"'])
def test_the_key_is_found_in_what_was_pasted(text: str) -> None:
    assert key_of(text) == KEY


@pytest.mark.parametrize("text", [WHOLE, f" {WHOLE}\n", f"'{WHOLE}'", f"GEMINI_API_KEY={WHOLE}", f'export X="{WHOLE}"'])
def test_a_key_alone_is_told_from_a_question(text: str) -> None:
    assert lone_key(text) == WHOLE
    assert not is_worth_keeping(text)


@pytest.mark.parametrize("text", ["", "AIza", f"What is {WHOLE} for?", f"{WHOLE[:-1]} ", "AIza" * 100])
def test_what_says_more_or_less_than_a_key_is_a_question(text: str) -> None:
    assert lone_key(text) == ""


@pytest.mark.parametrize(("key", "shown"), [("", ""), ("short", "•••••"), (KEY, "AIza" + "•" * 31 + "x7Q")])
def test_only_the_ends_of_a_key_show(key: str, shown: str) -> None:
    assert masked(key) == shown


async def test_a_pasted_key_is_masked_and_submitted_and_in_no_repr() -> None:
    card = KeyCard()
    async with (app := Bare(card)).run_test(size=(80, 24)) as pilot:
        card.focus_field()
        await paste(pilot, app.query_one(KeyField), KEY + "\n")
        assert not any(KEY in line for line in app.shown())
        assert any("AIza•••" in line and "x7Q" in line for line in app.shown())
        await pilot.press("enter")
        (event,) = app.seen(KeyCard.KeySubmitted)
    assert event.key == KEY
    assert KEY not in repr(event) + repr(card) + str(event)


async def test_the_button_submits_and_a_try_runs_once() -> None:
    card = KeyCard()
    async with (app := Bare(card)).run_test(size=(80, 24)) as pilot:
        card.focus_field()
        await pilot.press(*"AIzaSomething", "tab", "enter")
        assert len(app.seen(KeyCard.KeySubmitted)) == 1
        card.trying = True
        await pilot.press("enter")
        assert len(app.seen(KeyCard.KeySubmitted)) == 1
        assert any("Trying the key" in line for line in app.shown(card))


async def test_nothing_typed_is_said_in_place() -> None:
    card = KeyCard()
    async with (app := Bare(card)).run_test(size=(80, 24)) as pilot:
        card.focus_field()
        await pilot.press("enter")
        await pilot.pause()
        assert app.seen(KeyCard.KeySubmitted) == []
        assert any("There is no key yet." in line for line in app.shown(card))


async def test_a_refusal_stands_in_place_until_the_key_changes() -> None:
    card = KeyCard()
    async with (app := Bare(card)).run_test(size=(80, 24)) as pilot:
        card.focus_field()
        card.refused = "Gemini did not accept the key."
        await pilot.pause()
        assert any("! Gemini did not accept the key." in line for line in app.shown(card))
        await pilot.press("a")
        await pilot.pause()
        assert not any("did not accept" in line for line in app.shown(card))


async def test_it_says_what_is_missing_and_how_else_to_set_it() -> None:
    card = KeyCard()
    async with (app := Bare(card)).run_test(size=(80, 24)):
        text = " ".join(line.strip(" ┃!") for line in app.shown(card))
    assert "No Gemini key is set." in text
    assert "aistudio.google.com/apikey" in text
    assert "GEMINI_API_KEY" in text


async def test_the_offline_model_is_offered_only_when_there_is_one() -> None:
    card = KeyCard()
    async with (app := Bare(card)).run_test(size=(80, 24)) as pilot:
        card.focus_field()
        await pilot.press("f3")
        assert app.seen(KeyCard.OfflineWanted) == []
        card.has_local = True
        await pilot.pause()
        assert any("f3 use the offline model" in line for line in app.shown(card))
        await pilot.press("f3")
        assert len(app.seen(KeyCard.OfflineWanted)) == 1


async def test_where_the_key_went_is_told_and_reset_forgets_all() -> None:
    card = KeyCard()
    async with (app := Bare(card)).run_test(size=(80, 24)) as pilot:
        card.accepted = "your keyring"
        await pilot.pause()
        assert any("kept in your keyring" in line for line in app.shown(card))
        card.reset()
        await pilot.pause()
        assert not any("your keyring." in line and "works" in line for line in app.shown(card))
