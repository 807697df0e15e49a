"""A first conversation: the empty start teaches, an answer streams, and it is kept and found again."""

from __future__ import annotations

from tests.e2e.home import Home, ask
from tests.support.terminal import ENTER, TAB, Terminal, alt, ctrl

TITLE = "Count the zebras"


def test_empty_start_shows_three_examples_the_keys_and_who_answers(home: Home) -> None:
    screen = home.start().text
    assert "Explain this traceback and fix it" in screen
    assert "What is wrong with this plant?" in screen
    assert "شیراز" in screen
    assert "gemini-2.5-flash answers" in screen
    for key in ("enter", "ctrl+j", "ctrl+k", "ctrl+o", "/", "f1"):
        assert key in screen


def test_an_example_is_taken_with_the_keyboard_and_sent(home: Home) -> None:
    argus = home.start(columns=80, rows=24)
    argus.press(TAB)
    argus.send(ENTER)
    argus.wait_for(lambda screen: screen.count("Explain this traceback and fix it") == 2)
    argus.send(ENTER)
    argus.wait_for("You said: Explain this traceback and fix it")


def test_answer_grows_on_the_screen_and_is_found_again_after_reopening(home: Home) -> None:
    argus = home.start(ARGUS_MODEL="rate-60-20")
    ask(argus, TITLE)
    early = argus.wait_for("tok5 ")
    assert "tok60" not in early
    middle = argus.wait_for("tok30 ")
    assert "tok60" not in middle
    assert "tok/s" in middle
    argus.wait_for("tok60")
    argus.wait_for("60 tokens")
    argus.send(ctrl("q"))
    assert argus.wait_exit() == 0
    assert home.statuses() == ["completed"]

    found_by_switcher(home.start())
    found_by_words(home.start())
    found_in_sidebar(home.start())


def found_in_sidebar(argus: Terminal) -> None:
    argus.wait_for(TITLE)
    argus.send(alt("1"))
    argus.wait_for("tok60")


def found_by_switcher(argus: Terminal) -> None:
    argus.send(ctrl("k"))
    argus.wait_for("enter open")
    argus.send("count")
    argus.wait_for(lambda screen: screen.count(TITLE) == 2)
    argus.send(ENTER)
    argus.wait_for("tok60")


def found_by_words(argus: Terminal) -> None:
    argus.send(ctrl("f"))
    argus.wait_for("titles too")
    argus.send("zebras")
    argus.wait_for(lambda screen: screen.count(TITLE) >= 2)
    argus.send(ENTER)
    argus.wait_for("tok60")
