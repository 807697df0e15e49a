"""What `argus ask` writes while an answer comes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.domain import Attachment, Problem, SourcePart, Usage
from argus_core.events import (
    AttachmentAdded,
    Cancelled,
    Completed,
    Event,
    Failed,
    LoggedEvent,
    SourceAdded,
    Started,
    TextDelta,
    ThoughtDelta,
)
from argus_core.text.clean import FORBIDDEN
from argus_tui.cli import terminal
from argus_tui.cli.views import JsonView, TextView
from tests.cli.test_follow import TURN

HOSTILE = ["before \x1b]52;c;a", "Gk=\x07\x1b[2", "J\x9b31m\u202egnp.exe\u2066 \x1b", "]0;owned\x07 after"]


def shown(view: TextView | JsonView, *events: Event) -> None:
    for n, event in enumerate(events, start=1):
        view.show(LoggedEvent("g", n, "o", event))
    view.end()


async def test_text_is_written_as_it_comes_and_ends_in_a_newline(capsys: pytest.CaptureFixture[str]) -> None:
    view = TextView()
    view.begin(TURN)
    view.show(LoggedEvent("g", 1, "o", TextDelta("Hel")))
    assert capsys.readouterr().out == "Hel"
    shown(view, TextDelta("lo"), Completed())
    assert capsys.readouterr() == ("lo\n", "")


async def test_an_answer_that_ends_in_a_newline_gets_no_second(capsys: pytest.CaptureFixture[str]) -> None:
    shown(TextView(), TextDelta("Hello\n"), Completed())
    assert capsys.readouterr().out == "Hello\n"


async def test_an_empty_answer_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    shown(TextView(), Started("m"), Cancelled())
    assert capsys.readouterr() == ("", "")


async def test_thoughts_are_not_part_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    shown(TextView(), ThoughtDelta("hm"), TextDelta("Yes"), Completed())
    assert capsys.readouterr() == ("Yes\n", "")


async def test_escape_sequences_cut_into_pieces_never_get_out(capsys: pytest.CaptureFixture[str]) -> None:
    shown(TextView(), *(TextDelta(piece) for piece in HOSTILE), Completed())
    assert capsys.readouterr().out == "before gnp.exe  after\n"


async def test_pictures_and_sources_are_told_on_lines_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = Attachment(id="a", name="a\x1b[2Jcat.png", media_type="image/png", size_bytes=1, digest="0" * 64)
    page = SourcePart("A\npage", "https://a.example/\x1b[2J")
    shown(TextView(), TextDelta("Here:"), AttachmentAdded(drawn), SourceAdded(page), TextDelta("done"), Completed())
    assert capsys.readouterr().out == "Here:\n[picture: acat.png]\ndone\n[1] A page https://a.example/\n"


async def test_json_says_which_answer_it_is_and_then_each_event(capsys: pytest.CaptureFixture[str]) -> None:
    view = JsonView()
    view.begin(TURN)
    problem = Problem(code="rate_limited", title="Too many requests", retry_after_s=3.5)
    shown(view, Started("m"), TextDelta("سلام", output_tokens=2), Failed(problem, Usage(input_tokens=7)))
    first, *events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert first == {
        "type": "generation",
        "conversation_id": "c",
        "question_id": None,
        "message_id": "m",
        "generation_id": "g",
        "model": "scripted",
    }
    assert events == [
        {"type": "started", "n": 1, "model": "m"},
        {"type": "text_delta", "n": 2, "text": "سلام", "output_tokens": 2},
        {
            "type": "failed",
            "n": 3,
            "problem": {"code": "rate_limited", "title": "Too many requests", "retry_after_s": 3.5},
            "usage": {"input_tokens": 7},
        },
    ]


@given(st.text())
def test_no_control_byte_gets_out_of_json(text: str) -> None:
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terminal, "print", lambda line, **_: lines.append(line), raising=False)
        terminal.say_json({"text": text})
    (line,) = lines
    assert line.isascii()
    assert FORBIDDEN.search(line) is None
    assert json.loads(line) == {"text": text}
