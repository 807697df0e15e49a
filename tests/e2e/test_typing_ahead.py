"""Who types at once loses nothing: neither before the first paint, nor while the main screen is loaded behind it."""

from __future__ import annotations

from tests.e2e.home import READY, Home
from tests.support.terminal import ENTER


def test_keys_pressed_from_the_start_on_are_kept_in_order(home: Home) -> None:
    argus = home.start(ready=False)
    argus.send("before the program, ")
    argus.wait_for("Write here.")
    argus.send("at the first paint, ")
    argus.wait_for(READY)
    argus.send("and when all is there")
    whole = "before the program, at the first paint, and when all is there"
    argus.wait_for(whole)
    argus.send(ENTER)
    argus.wait_for(f"You said: {whole}")
