"""A program that is killed in mid-answer: what was kept is what its log held, and the answer can go on."""

from __future__ import annotations

from tests.e2e.home import Home, ask
from tests.support.terminal import alt


def test_killed_in_mid_answer_keeps_what_the_log_held_and_goes_on(home: Home) -> None:
    argus = home.start(ARGUS_MODEL="rate-4000-60")
    ask(argus, "Tell me everything")
    argus.wait_for("tok40 ")
    argus.kill()
    assert home.statuses() == ["running"]
    logged = home.logged_text()
    assert "tok40 " in logged

    again = home.start(ARGUS_MODEL="gemini-2.5-flash")
    again.wait_for("Tell me everything")
    again.send(alt("1"))
    again.wait_for("cut off")
    assert home.answers() == [("interrupted", logged)]
    assert home.statuses() == ["interrupted"]
    assert f"tok{len(logged.split())}" in again.text

    ask(again, "/continue")
    again.wait_for("You said:")
    again.wait_gone("tok/s")
    assert home.statuses() == ["interrupted", "completed"]
    status, whole = home.answers()[-1]
    assert status == "completed"
    assert whole.startswith(logged)
    assert len(home.rows("SELECT id FROM messages WHERE role = 'user'")) == 1
