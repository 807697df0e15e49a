"""The terminal goes away, or somebody asks the program to end: drafts and answers are kept, and nothing spins."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from benchmarks.processes import cpu_s
from tests.e2e.home import Home, ask
from tests.support.fake_gemini import FakeGemini, Wait, text
from tests.support.terminal import Terminal, alt, until

WORDS = [f"word{number} " for number in range(1, 41)]
WATCHED_S = 1.0


def hang_up(argus: Terminal) -> None:
    argus.hang_up()


def sighup(argus: Terminal) -> None:
    argus.signal(signal.SIGHUP)


def sigterm(argus: Terminal) -> None:
    argus.signal(signal.SIGTERM)


WAYS = [hang_up, sighup, sigterm]


@pytest.mark.parametrize("leave", WAYS)
def test_answer_is_complete_on_return(home: Home, gemini: FakeGemini, leave: object) -> None:
    assert callable(leave)
    steps = [step for word in WORDS for step in (text(word), Wait(0.08))]
    gemini.play("slowly", *steps, text("the end.", finish="STOP"))
    argus = home.start(ARGUS_MODEL="slowly")
    ask(argus, "Take your time")
    argus.wait_for("word5 ")
    argus.send("and then I wanted to")
    argus.wait_for("and then I wanted to")
    leave(argus)
    assert argus.wait_exit() == 0

    assert home.statuses() == ["completed"]
    assert home.answers() == [("completed", "".join(WORDS) + "the end.")]
    again = home.start(ready=False)
    again.wait_for("Take your time")
    again.send(alt("1"))
    again.wait_for("the end.")
    again.wait_for("and then I wanted to")


@pytest.mark.parametrize("leave", WAYS)
def test_with_nothing_running_it_ends_at_once_and_keeps_the_draft(home: Home, leave: object) -> None:
    assert callable(leave)
    argus = home.start()
    argus.send("half a thought")
    argus.wait_for("half a thought")
    leave(argus)
    assert argus.wait_exit() == 0
    home.start(ready=False).wait_for("half a thought")


if sys.platform == "linux":

    def test_without_a_terminal_it_takes_no_processor_time(home: Home, gemini: FakeGemini) -> None:
        gemini.play("quiet", text("first part, "), Wait(4 * WATCHED_S), text("second part", finish="STOP"))
        argus = home.start(ARGUS_MODEL="quiet")
        ask(argus, "Take your time")
        argus.wait_for("first part")
        argus.hang_up()
        until(lambda: Path(f"/proc/{argus.pid}/fd/0").readlink() == Path(os.devnull), "that it let go of the terminal")
        before = cpu_s(argus.pid)
        time.sleep(WATCHED_S)
        assert argus.running
        assert cpu_s(argus.pid) - before < 0.2 * WATCHED_S
        assert argus.wait_exit() == 0
        assert home.answers() == [("completed", "first part, second part")]
