"""Two programs on one store: each shows what the other adds, while it is being written."""

from __future__ import annotations

from tests.e2e.home import Home, ask
from tests.support.terminal import ENTER, alt, ctrl


def test_each_shows_what_the_other_adds(home: Home) -> None:
    one, two = home.start(), home.start()
    ask(one, "From the first")
    two.wait_for("From the first")
    ask(two, "From the second")
    one.wait_for("From the second")
    two.wait_for("You said: From the second")

    ask(one, "/rename Renamed here")
    two.wait_for("Renamed here")
    two.send(ctrl("k"))
    two.wait_for("enter open")
    two.send("renamed")
    two.wait_for(lambda screen: screen.count("Renamed here") == 2)
    two.send(ENTER)
    two.wait_for("You said: From the first")
    ask(two, "One more")
    one.wait_for("You said: One more")
    ask(one, "/delete")
    two.wait_gone("Renamed here")
    assert len(home.rows("SELECT id FROM messages WHERE role = 'user'")) == 3


def test_answer_of_one_is_read_live_in_the_other(home: Home) -> None:
    one, two = home.start(ARGUS_MODEL="rate-100-20"), home.start()
    ask(one, "Count slowly")
    one.wait_for("tok3 ")
    two.wait_for(lambda screen: "Count slowly" in screen and running_mark(screen, "Count slowly"))
    two.send(alt("1"))
    early = two.wait_for("tok10 ")
    assert "tok100" not in early
    for terminal in (one, two):
        terminal.wait_for("tok100")
        terminal.wait_gone("tok/s")
        terminal.wait_for(lambda screen: not running_mark(screen, "Count slowly"))
    assert home.statuses() == ["completed"]


def running_mark(screen: str, title: str) -> bool:
    """Return whether the row of this title in the sidebar turns its spinner."""
    rows = [line[:30] for line in screen.splitlines() if title in line[:30]]
    return any(set(row) & set("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏◐◓◑◒⣾⣽⣻⢿⡿⣟⣯⣷") for row in rows)
