"""Pastes and keys as they come from a terminal, in any pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from argus_tui.terminal_input import ESCAPE_S, LINES_S, PASTE_S, TerminalInput

START, END = "\x1b[200~", "\x1b[201~"


class Person:
    """Sends text to the parser at times of its own, and reads what came out."""

    def __init__(self) -> None:
        self.now = 100.0
        self.terminal = TerminalInput(lambda: self.now)
        self.seen: list[str] = []

    def send(self, *pieces: str, apart_s: float = 0.0) -> None:
        for piece in pieces:
            self._take(self.terminal.feed(piece))
            self.wait(apart_s)

    def wait(self, seconds: float) -> None:
        self.now += seconds * 1.000001  # a sum of floats may fall short
        self._take(self.terminal.tick())

    def _take(self, messages: object) -> None:
        for message in messages:  # type: ignore[attr-defined]
            if isinstance(message, events.Paste):
                self.seen.append(f"paste:{message.text}")
            elif isinstance(message, events.Key):
                self.seen.append(message.key)


@pytest.fixture
def person() -> Person:
    return Person()


def test_keys_are_keys(person: Person) -> None:
    person.send("a", "é", "\r", "\x1b[A", "\x1b[13;2u", "\x11", "\x1be", "\x7f", "\x1b[5;5~")
    assert person.seen == ["a", "é", "enter", "up", "shift+enter", "ctrl+q", "alt+e", "backspace", "ctrl+pageup"]


def test_a_line_that_comes_at_once_is_typed_and_sent(person: Person) -> None:
    person.send("hello\r")
    assert person.seen == [*"hello", "enter"]


def test_escape_alone_is_the_key_after_a_moment(person: Person) -> None:
    person.send("\x1b")
    assert person.seen == []
    assert person.terminal.wait_s() == pytest.approx(ESCAPE_S)
    person.wait(ESCAPE_S)
    assert person.seen == ["escape"]
    assert person.terminal.wait_s() is None


def test_a_sequence_in_two_pieces_is_one_key(person: Person) -> None:
    person.send("\x1b", "[A", "\x1b[", "B", apart_s=ESCAPE_S / 2)
    assert person.seen == ["up", "down"]


@pytest.mark.parametrize(
    "text",
    [
        "words",
        "two\nlines\n",
        "tab\tand\x1b[31m red \x1b[0m\x1b",
        "\x1b[200",
        "\x1bq\x11",
        "\r\n",
        "é語\u202f",
        "x" * 9000,
    ],
)
@pytest.mark.parametrize("length", [1, 2, 5, 4096])
def test_a_paste_is_text_to_its_end_in_any_pieces(person: Person, text: str, length: int) -> None:
    whole = START + text + END
    person.send(*(whole[at : at + length] for at in range(0, len(whole), length)), apart_s=ESCAPE_S / 2)
    person.send("Z")
    assert person.seen == [f"paste:{text}", "Z"]


@given(st.text(st.sampled_from("\x1b[201~a\r\n\t é\x03\x1a"), max_size=60), st.data())
def test_no_paste_runs_a_key(text: str, data: st.DataObject) -> None:
    text = text.replace(END, "")
    person, whole = Person(), text + END
    person.send(START)
    while whole:
        cut = data.draw(st.integers(1, len(whole)))
        person.send(whole[:cut], apart_s=data.draw(st.sampled_from((0.0, ESCAPE_S, 0.9 * PASTE_S))))
        whole = whole[cut:]
    assert person.seen[0] == f"paste:{text.partition(END)[0]}"
    assert all(one.startswith("paste:") or len(one) == 1 for one in person.seen)


def test_an_end_in_two_pieces_far_apart_ends_it_once(person: Person) -> None:
    person.send(START + "hello\nline\x1b")
    person.wait(PASTE_S)
    person.send("[201~", "Z")
    assert person.seen == ["paste:hello\nline", "Z"]


def test_a_paste_without_an_end_is_over_after_a_moment_and_keys_work(person: Person) -> None:
    person.send(START + "hello")
    assert person.terminal.wait_s() == pytest.approx(PASTE_S)
    person.wait(PASTE_S)
    person.send("Z", "\r", "\x11")
    assert person.seen == ["paste:hello", "Z", "enter", "ctrl+q"]


def test_the_rest_of_a_paste_that_was_given_up_sends_nothing(person: Person) -> None:
    person.send(START + "first\n")
    person.wait(PASTE_S)
    person.send("the rest\r" + END)
    assert person.seen == ["paste:first\n", "paste:the rest"]
    person.send("typed\r")
    assert person.seen[2:] == [*"typed", "enter"]


def test_what_stands_behind_the_end_in_the_same_piece_is_no_command(person: Person) -> None:
    person.send(START + "harmless" + END + "rm -rf /\r")
    assert person.seen == ["paste:harmless", "paste:rm -rf /"]


def test_enter_right_behind_a_paste_is_enter(person: Person) -> None:
    person.send(START + "question" + END + "\r")
    assert person.seen == ["paste:question", "enter"]
    person.send("another\r")
    assert person.seen[2:] == [*"another", "enter"]


@pytest.mark.parametrize("line_end", ["\r", "\n", "\r\n"])
def test_lines_that_come_at_once_without_brackets_are_one_paste(person: Person, line_end: str) -> None:
    person.send(line_end.join(["one", "two", "three", ""]))
    assert person.seen == ["paste:one\ntwo\nthree"]


def test_lines_without_brackets_that_come_in_pieces_keep_their_ends(person: Person) -> None:
    person.send("one\rtwo\r", "three\rfour\r", "five\r", apart_s=LINES_S / 2)
    assert person.seen == ["paste:one\ntwo", "paste:\nthree\nfour", "paste:\nfive"]
    person.wait(LINES_S)
    person.send("typed\r")
    assert person.seen[3:] == [*"typed", "enter"]


def test_keys_among_lines_stay_keys(person: Person) -> None:
    person.send("one\x1b[Atwo\x1b\rx\r")
    assert person.seen == [*"one", "up", *"two", "alt+enter", "x", "enter"]


@pytest.mark.parametrize("broken", ["\x1b[99999999999u", "\x1b[1:2:;3u", "\x1b[1114112;1u"])
def test_a_sequence_that_makes_no_sense_is_passed_over(person: Person, broken: str) -> None:
    person.send(broken, "a")
    assert person.seen[-1] == "a"


def test_zero_bytes_are_no_text(person: Person) -> None:
    person.send(START + "a\0b" + END)
    assert person.seen == ["paste:ab"]
