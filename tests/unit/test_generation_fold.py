"""From a log to the message it wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.domain import Attachment, AttachmentPart, Problem, SourcePart, TextPart, ThoughtPart, Usage
from argus_core.events import (
    AttachmentAdded,
    Cancelled,
    Completed,
    Event,
    Failed,
    Interrupted,
    SourceAdded,
    Started,
    Terminator,
    TextDelta,
    ThoughtDelta,
)
from argus_core.generations.fold import Folded
from tests.support.turns import NOW, logged

PICTURE = Attachment(id="a1", name="picture", media_type="image/png", size_bytes=1, digest="0" * 64)
USAGE = Usage(input_tokens=1, output_tokens=2)


def test_parts_are_thinking_text_pictures_and_sources() -> None:
    source = SourcePart("Title", "https://example.org")
    folded = Folded().add(
        logged(
            Started("m"),
            ThoughtDelta("hm", 0.5),
            ThoughtDelta("m", 1.25),
            SourceAdded(source),
            TextDelta("Yes"),
            AttachmentAdded(PICTURE),
            TextDelta("."),
        )
    )

    assert folded.parts() == (ThoughtPart("hmm", 1.2), TextPart("Yes."), AttachmentPart(PICTURE), source)


def test_nothing_said_leaves_no_parts() -> None:
    assert Folded().add(logged(Started("m"), Interrupted())).parts() == ()


@pytest.mark.parametrize(
    ("last", "status", "usage"),
    [
        (Completed(USAGE), "completed", USAGE),
        (Cancelled(USAGE), "cancelled", USAGE),
        (Failed(Problem(code="rate_limited", title="Too many requests"), USAGE), "failed", USAGE),
        (Interrupted(), "interrupted", None),
    ],
)
def test_the_terminator_decides_the_ending(last: Terminator, status: str, usage: Usage | None) -> None:
    ending = Folded().add(logged(TextDelta("a"), last)).ending(NOW, 1.5)

    assert (ending.status, ending.usage, ending.parts) == (status, usage, (TextPart("a"),))
    assert ending.problem == (last.problem if isinstance(last, Failed) else None)
    assert (ending.ended_at, ending.duration_s) == (NOW, 1.5)


@pytest.mark.parametrize(
    ("last", "truncated"), [(Completed(truncated=True), True), (Completed(), False), (Cancelled(), False)]
)
def test_an_answer_at_its_length_limit_is_marked(last: Terminator, truncated: bool) -> None:
    assert Folded().add(logged(TextDelta("a"), last)).ending(NOW).truncated is truncated


def test_a_log_without_an_end_has_no_ending() -> None:
    with pytest.raises(ValueError, match="no terminator"):
        Folded().add(logged(TextDelta("a"))).ending(NOW)


@given(st.lists(st.sampled_from([TextDelta("ab"), ThoughtDelta("c", 1.0), Started("m")])), st.integers(0, 30))
def test_folding_in_two_steps_is_folding_at_once(events: list[Event], cut: int) -> None:
    whole = logged(*events)

    at_once, in_steps = Folded().add(whole), Folded().add(whole[:cut]).add(whole[cut:])

    assert at_once.parts() == in_steps.parts()
    assert at_once.n == in_steps.n == len(events)
