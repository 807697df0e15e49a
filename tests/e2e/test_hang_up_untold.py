"""The terminal goes away and nobody tells, or stops and takes nothing: the program sees it, keeps all and ends."""

from __future__ import annotations

import signal
import sys
import time

import pytest

from benchmarks.processes import cpu_s
from tests.e2e.home import Home, ask
from tests.support.fake_gemini import FakeGemini, Wait, text
from tests.support.terminal import Terminal, alt, until

AT_ONCE_S = 2.0
WORDS = [f"word{number} " for number in range(1, 2000)]


def hang_up(argus: Terminal) -> None:
    argus.hang_up()


def terminate(argus: Terminal) -> None:
    argus.signal(signal.SIGTERM)


@pytest.mark.parametrize("leave", [hang_up, terminate])
@pytest.mark.parametrize("controlling", [True, False])
def test_it_ends_at_once_and_keeps_the_draft(home: Home, leave: object, controlling: bool) -> None:
    assert callable(leave)
    argus = home.start(controlling=controlling)
    argus.send("half a thought")
    argus.wait_for("half a thought")
    left = time.monotonic()
    leave(argus)
    assert argus.wait_exit() == 0
    assert time.monotonic() - left < AT_ONCE_S
    home.start(ready=False).wait_for("half a thought")


if sys.platform == "linux":

    def test_an_answer_is_finished_without_a_screen_and_without_spinning(home: Home, gemini: FakeGemini) -> None:
        gemini.play("quiet", text("first part, "), Wait(4.0), text("second part", finish="STOP"))
        argus = home.start(ARGUS_MODEL="quiet", controlling=False)
        ask(argus, "Take your time")
        argus.wait_for("first part")
        argus.hang_up()
        time.sleep(1.0)
        before = cpu_s(argus.pid)
        time.sleep(1.0)
        assert argus.running
        assert cpu_s(argus.pid) - before < 0.2
        assert argus.wait_exit() == 0
        assert home.answers() == [("completed", "first part, second part")]


def test_a_frozen_terminal_stops_neither_the_answer_nor_the_end(home: Home, gemini: FakeGemini) -> None:
    gemini.play("steady", *(step for word in WORDS for step in (text(word), Wait(0.003))), text(".", finish="STOP"))
    argus = home.start(ARGUS_MODEL="steady")
    ask(argus, "Take your time")
    argus.wait_for("word3 ")
    with argus.frozen():
        until(lambda: home.statuses() == ["completed"], "the end of the answer")
        left = time.monotonic()
        argus.signal(signal.SIGTERM)
        assert argus.wait_exit() == 0
        assert time.monotonic() - left < AT_ONCE_S
    assert home.answers() == [("completed", "".join(WORDS) + ".")]


def test_a_terminal_that_goes_on_shows_all_that_came_meanwhile(home: Home, gemini: FakeGemini) -> None:
    gemini.play("steady", *(step for word in WORDS for step in (text(word), Wait(0.003))), text(".", finish="STOP"))
    argus = home.start(ARGUS_MODEL="steady")
    ask(argus, "Take your time")
    argus.wait_for("word3 ")
    with argus.frozen():
        until(lambda: home.statuses() == ["completed"], "the end of the answer")
        time.sleep(0.5)
    argus.wait_for("word1999 .")
    argus.send("half a thought")
    argus.wait_for(lambda screen: "half a thought" in screen and "word1999 ." in screen and "Take your time" in screen)


def test_the_editor_ends_with_the_program(home: Home) -> None:
    editor = home.path / "editor"
    editor.write_text("#!/bin/sh\necho EDITING $$; exec sleep 600\n")
    editor.chmod(0o755)
    argus = home.start(EDITOR=str(editor))
    argus.send("half a thought")
    argus.wait_for("half a thought")
    argus.send(alt("e"))
    argus.wait_for("EDITING")
    argus.signal(signal.SIGTERM)
    assert argus.wait_exit() == 0
    assert not argus.left_over()
    home.start(ready=False).wait_for("half a thought")
