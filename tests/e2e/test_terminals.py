"""Other places to run in: no terminal, a poor one, a small one, and one that changes its size."""

from __future__ import annotations

from tests.e2e.home import Home, ask
from tests.support.terminal import ESCAPE, F2


def test_without_a_terminal_it_says_so(home: Home) -> None:
    done = home.run()
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr
    assert done.stdout == b""
    assert b"\x1b" not in done.stderr


def test_dumb_terminal_gets_words_and_no_sequences(home: Home) -> None:
    argus = home.start(ready=False, TERM="dumb")
    assert argus.wait_exit() == 2
    argus.hang_up()
    assert "needs a terminal" in argus.text
    assert b"\x1b" not in argus.written


def test_a_small_terminal_has_room_for_everything_that_is_needed(home: Home) -> None:
    argus = home.start(columns=80, rows=24)
    ask(argus, "Hello there")
    screen = argus.wait_for("You said: Hello there")
    assert "Write here." in screen
    argus.send(F2)
    argus.wait_for("filter")
    argus.send(ESCAPE)
    argus.wait_gone("filter")


def test_the_size_changes_while_an_answer_streams(home: Home) -> None:
    argus = home.start(ARGUS_MODEL="rate-150-30")
    ask(argus, "Count for me")
    argus.wait_for("tok10 ")
    argus.resize(70, 20)
    argus.wait_for(lambda screen: "tok40 " in screen and max(map(len, screen.splitlines())) <= 70)
    argus.wait_for("Write here.")
    argus.resize(140, 50)
    argus.wait_for(lambda screen: "filter" in screen and "tok60 " in screen)
    screen = argus.wait_for("tok150")
    for number in (1, 75, 150):
        assert f"tok{number}" in screen.replace("\n", " ")
    argus.wait_for(lambda _: home.statuses() == ["completed"])
