"""Stop means stop: the connection is closed, what had come is kept and marked."""

from __future__ import annotations

from tests.e2e.home import Home, ask
from tests.support.fake_gemini import FakeGemini, Silence, text
from tests.support.terminal import ESCAPE, until


def test_escape_stops_the_answer_and_closes_the_connection(home: Home, gemini: FakeGemini) -> None:
    gemini.play("stalled", text("The beginning"), Silence())
    argus = home.start(ARGUS_MODEL="stalled")
    ask(argus, "Tell me a story")
    argus.wait_for("The beginning")
    assert not gemini.midway
    argus.send(ESCAPE)
    until(lambda: len(gemini.midway) == 1, "that the connection is closed")
    screen = argus.wait_for("stopped by you")
    assert "The beginning" in screen
    assert "/continue" in screen
    assert home.statuses() == ["cancelled"]
    assert home.answers() == [("cancelled", "The beginning")]
