"""What is typed and pasted at a real terminal, at any moment and in any pieces."""

from __future__ import annotations

import time

import pytest

from tests.e2e.home import Home, ask
from tests.support.fake_gemini import FakeGemini, Wait, png, text
from tests.support.terminal import ENTER, Terminal, alt, ctrl

START, END = "\x1b[200~", "\x1b[201~"


def composer(screen: str) -> list[str]:
    """Return the lines of the composer."""
    lines = screen.splitlines()
    top = max((y for y, line in enumerate(lines) if "▄▄▄▄▄▄▄▄" in line), default=0)
    bottom = max((y for y, line in enumerate(lines) if "▀▀▀▀▀▀▀▀" in line), default=0)
    return [line.partition("┃")[2].strip() for line in lines[top + 1 : bottom]]


def shows(argus: Terminal, *lines: str) -> None:
    argus.wait_for(lambda screen: composer(screen) == list(lines))


@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.25, 0.5])
def test_pastes_and_keys_from_the_first_paint_on_are_there_in_order(home: Home, delay_s: float) -> None:
    (home.path / "roof.png").write_bytes(png(8, 8))
    argus = home.start(ready=False)
    argus.wait_for("Write here.")
    time.sleep(delay_s)
    argus.send("typed ", f"{START}pasted{END}", " and", f"{START}{home.path}/roof.png{END}", " typed")
    argus.wait_for(lambda screen: "roof.png" in screen and "typed pasted and typed" in screen)


def test_a_paste_is_text_and_keys_work_after_any_of_them(home: Home) -> None:
    argus = home.start()
    argus.send(f"{START}a\x1b[31mred\x1b[0mb\x1b{END}")
    shows(argus, "aredb")
    argus.send(f"{START}\nhello\nline\x1b")
    time.sleep(0.3)
    argus.send("[201~", "Z")
    shows(argus, "aredb", "hello", "lineZ")
    argus.send(f"{START} without an end\r")
    argus.wait_for("without an end")
    argus.send("!")
    argus.wait_for("!")
    argus.send("\xff\x1b[99999999999u", "\x80")  # no sequence and no letter of any terminal
    argus.send(ctrl("q"))
    assert argus.wait_exit() == 0
    assert home.statuses() == []


def test_lines_at_once_are_one_paste_and_stay_in_their_order(home: Home, gemini: FakeGemini) -> None:
    gemini.play("slowly", text("begun "), Wait(60), text("end", finish="STOP"))
    argus = home.start(ARGUS_MODEL="slowly")
    argus.send("one\rtwo\rthree\r")
    shows(argus, "one", "two", "three")
    argus.send(ENTER)
    argus.wait_for("begun")
    argus.send("four\rfive\r")
    shows(argus, "four", "five")
    argus.send(ENTER)
    argus.wait_for("An answer is being written here")
    argus.send("six")
    shows(argus, "four", "five", "six")
    assert len(home.statuses()) == 1


def test_undo_redo_and_suspending(home: Home) -> None:
    argus = home.start()
    argus.send(f"{START}ten minutes of work{END}")
    shows(argus, "ten minutes of work")
    argus.send(ctrl("z"))
    argus.wait_gone("ten minutes of work")
    argus.send(ctrl("y"))
    shows(argus, "ten minutes of work")


def test_bytes_that_are_not_utf8_end_nothing(home: Home) -> None:
    argus = home.start()
    argus.send_bytes(b"caf\xe9 \xc3")
    argus.send("(and more)")
    argus.wait_for("(and more)")
    ask(argus, " goes on")
    argus.wait_for("You said: caf")


def test_answers_go_on_while_the_editor_is_open_and_its_end_is_told(home: Home, gemini: FakeGemini) -> None:
    gemini.play("slowly", text("begun "), Wait(1.0), text("and ended.", finish="STOP"))
    editor = home.path / "editor"
    editor.write_text('#!/bin/sh\necho EDITING; read line; printf %s "$line" > "$1"; stty raw -echo\n')
    editor.chmod(0o755)
    argus = home.start(ARGUS_MODEL="slowly", EDITOR=str(editor))
    ask(argus, "Take your time")
    argus.wait_for("begun")
    argus.send("draft")
    shows(argus, "draft")
    argus.send(alt("e"))
    argus.wait_for("EDITING")
    time.sleep(2.0)
    assert home.statuses() == ["completed"], "the answer went on without the screen"
    argus.send(ctrl("c"))  # for the editor, whose shell ends by it
    argus.wait_for("and ended.")
    argus.wait_for("The editor editor ended with")
    shows(argus, "draft")
    argus.send(alt("e"))
    argus.wait_for("EDITING")
    argus.send("edited\n")
    shows(argus, "edited")
    argus.send(ctrl("q"))
    assert argus.wait_exit() == 0
