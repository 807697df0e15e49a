"""The commands as data: complete, unambiguous, and clear of the keys that others own."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.binding import Binding

from argus_tui.commands import (
    BY_SLASH,
    COMMANDS,
    NUMBER_KEYS,
    Command,
    closest,
    is_worth_keeping,
    parse_slash,
    sign_in_words,
    sign_up_words,
    with_password_hidden,
)
from argus_tui.screens.chat import ChatScreen

TAKEN = {"ctrl+b", "ctrl+a", "ctrl+e", "ctrl+w", "ctrl+u", "ctrl+j", "ctrl+m", "ctrl+i", "ctrl+s", "ctrl+z", "ctrl+c"}
"""Prefixes of tmux and screen, keys of editing a line, keys that are other keys, keys of the terminal itself."""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.action)
def test_command_has_an_action_and_says_what_it_does(command: Command) -> None:
    assert callable(getattr(ChatScreen, f"action_{command.action}"))
    assert command.about
    assert not command.about.endswith(".")
    assert command.slash or command.keys, "nobody can reach it"
    own = {"ctrl+z"} if command.action == "suspend" else set()  # it does what the terminal does with it
    assert not (TAKEN - own).intersection(command.keys.split(","))


def _bindings() -> list[Binding]:
    """Those that are made here; a screen has some of its own."""
    ours = [one for one in ChatScreen.BINDINGS if isinstance(one, Binding)]
    assert len(ours) == len(ChatScreen.BINDINGS)
    return ours


def test_nothing_is_there_twice() -> None:
    keys = [key for command in COMMANDS for key in command.keys.split(",") if key] + list(NUMBER_KEYS)
    slashes = [command.slash for command in COMMANDS if command.slash]
    ids = [binding.id for binding in _bindings()]
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    assert [slash for slash, count in Counter(slashes).items() if count > 1] == []
    assert [one for one, count in Counter(ids).items() if count > 1 or not one] == []
    assert {command.id for command in COMMANDS if command.keys} < set(ids)


def test_every_binding_of_a_command_has_a_tooltip_and_six_at_most_are_in_the_row_of_keys() -> None:
    assert [one.id for one in _bindings() if not one.tooltip and one.key not in NUMBER_KEYS] == []
    assert 0 < sum(bool(command.shown) for command in COMMANDS) <= 6


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("/new", ("new", "")),
        ("/RENAME  My trip ", ("rename", "My trip")),
        ("/attach ~/a b.png", ("attach", "~/a b.png")),
        ("/home/me/a.png", None),
        ("/home/me/a.png what is it?", None),
        ("//new", None),
        ("/", None),
        ("/ new", None),
        ("hello /new", None),
        ("", None),
        ("/system be kind\nand short", None),
    ],
)
def test_slash_command_is_told_from_a_question(line: str, expected: tuple[str, str] | None) -> None:
    assert parse_slash(line) == expected


def test_closest_command_is_the_one_that_was_meant() -> None:
    assert closest("renme") == "rename"
    assert closest("undoo") == "undo"
    assert closest("qqqqqq") == ""
    assert BY_SLASH["convs"].action == "jump"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("/login sara@example.org secret", "/login sara@example.org ••••••"),
        ("/login sara@example.org two words", "/login sara@example.org •••••••••"),
        ("/LOGIN sara secret", "/LOGIN sara ••••••"),
        (" /login sara@example.org رمز", " /login sara@example.org •••"),
        ("/signup Sara K sara@example.org secret", "/signup Sara K sara@example.org ••••••"),
        ("/signup Sara K sara", "/signup Sara K sara"),
        ("/login sara@example.org ", "/login sara@example.org "),
        ("/login", "/login"),
        ("how does /login a@b.org work", "how does /login a@b.org work"),
    ],
)
def test_password_behind_a_command_is_shown_as_dots(line: str, shown: str) -> None:
    assert with_password_hidden(line) == shown


@pytest.mark.parametrize(
    ("draft", "kept"),
    [
        ("a question", True),
        ("/rename My trip", True),
        ("//logn is a word", True),
        ("/home/me/a.png what is it?", True),
        ("/login", True),
        ("/login a@b.org secret", False),
        ("  /signup A a@b.org secret\nand more", False),
        ("/logn a@b.org secret", False),
        (" /lgin a@b.org secret", False),
    ],
)
def test_draft_that_may_hold_a_password_is_not_kept(draft: str, kept: bool) -> None:
    assert is_worth_keeping(draft) is kept


def test_words_behind_the_commands() -> None:
    assert sign_in_words("a@b.org  two words ") == ("a@b.org", "two words")
    assert sign_in_words("a@b.org") == ("a@b.org", "")
    assert sign_up_words("Sara K a@b.org p@ss word") == ("Sara K", "a@b.org", "p@ss word")
    assert sign_up_words("سارا a@b.org رمز") == ("سارا", "a@b.org", "رمز")
    assert sign_up_words("Sara") == ("Sara", "", "")
    assert sign_up_words("") == ("", "", "")
