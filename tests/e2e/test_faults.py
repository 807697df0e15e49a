"""Whatever the service does instead of answering: one clear sentence on the screen, and what had come stays."""

from __future__ import annotations

import pytest

from tests.e2e.home import Home, ask

BEFORE_ANYTHING = {
    "err-400": "Gemini did not accept the request.",
    "err-401": "Gemini did not accept the key.",
    "key-invalid": "Gemini did not accept the key.",
    "err-403": "Gemini does not allow this with your key.",
    "err-404": "There is no such model.",
    "err-500": "Gemini had an error of its own.",
    "err-503": "Gemini is overloaded right now.",
    "err-html": "Gemini is not working right now.",
    "cut-first": "Gemini closed the connection without an answer.",
    "blocked": "Gemini's safety rules stopped the question.",
    "too-long": "The conversation is too long for this model.",
    "silent": "Gemini was silent for 1 s.",
}
AFTER_SOME_TEXT = {
    "safety": "Gemini's safety rules stopped this.",
    "mid-cut": "The answer broke off.",
    "mid-err": "Gemini is overloaded right now.",
    "silent-mid": "Gemini was silent for 1 s.",
}


@pytest.mark.parametrize("model", BEFORE_ANYTHING)
def test_refusal_is_one_sentence(home: Home, model: str) -> None:
    argus = home.start(ARGUS_MODEL=model, ARGUS_READ_TIMEOUT_S="1")
    ask(argus, "What is a lynx?")
    screen = argus.wait_for(BEFORE_ANYTHING[model])
    assert screen.count(BEFORE_ANYTHING[model]) == 1
    assert "Traceback" not in screen
    assert "┃ What is a lynx?" in screen
    assert home.answers() == [("failed", "")]


@pytest.mark.parametrize("model", AFTER_SOME_TEXT)
def test_text_that_had_come_stays(home: Home, model: str) -> None:
    argus = home.start(ARGUS_MODEL=model, ARGUS_READ_TIMEOUT_S="1")
    ask(argus, "What is a lynx?")
    screen = argus.wait_for(AFTER_SOME_TEXT[model])
    assert "Hello world" in screen
    assert "/continue" in screen
    assert home.answers() == [("failed", "Hello world")]


def test_refusal_for_a_while_counts_down_and_sends_again(home: Home) -> None:
    argus = home.start(ARGUS_MODEL="err-429")
    ask(argus, "What is a lynx?")
    argus.wait_for("Too many requests.")
    argus.wait_for("in 3 s")
    argus.wait_for("in 1 s")
    argus.wait_for(lambda _: len(home.statuses()) >= 2)
    assert len(home.rows("SELECT id FROM messages WHERE role = 'user'")) == 1


def test_refusal_of_a_place_names_the_proxy_settings(home: Home) -> None:
    argus = home.start(ARGUS_MODEL="location")
    ask(argus, "What is a lynx?")
    argus.wait_for("Gemini is not offered where you are.")
    screen = argus.text
    for name in ("HTTPS_PROXY", "ALL_PROXY", "GOOGLE_GEMINI_BASE_URL"):
        assert name in screen
