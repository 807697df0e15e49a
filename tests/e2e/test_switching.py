"""Answers go on while another conversation is open."""

from __future__ import annotations

import re

from tests.e2e.home import Home, ask
from tests.support.terminal import CTRL_PAGE_DOWN, ENTER, alt, ctrl


def unread(screen: str) -> bool:
    """Return whether the sidebar says that one answer there was not read."""
    return re.search(r"The first one +1 ", screen) is not None


def test_two_answers_at_once_are_both_whole(home: Home) -> None:
    argus = home.start(ARGUS_MODEL="rate-120-20")
    ask(argus, "The first one")
    argus.wait_for("tok3 ")
    argus.send(ctrl("n"))
    argus.wait_for("Try one")
    ask(argus, "The other one")
    argus.wait_for(lambda screen: "┃ The other one" in screen and "tok3 " in screen)
    argus.send(CTRL_PAGE_DOWN)
    argus.wait_for(lambda screen: "┃ The first one" in screen and "tok20 " in screen)
    argus.send(alt("1"))
    argus.wait_for(lambda screen: "┃ The other one" in screen and "tok120" in screen)
    argus.wait_for(lambda _: home.statuses() == ["completed"] * 2)
    argus.wait_for(unread)
    argus.send(ctrl("k"))
    argus.wait_for("enter open")
    argus.send("first")
    argus.wait_for(lambda screen: screen.count("The first one") == 2)
    argus.send(ENTER)
    argus.wait_for(lambda screen: "┃ The first one" in screen and "tok120" in screen)
    argus.wait_for(lambda screen: not unread(screen))
    whole = "".join(f"tok{number} " for number in range(1, 121))
    assert home.answers() == [("completed", whole)] * 2
