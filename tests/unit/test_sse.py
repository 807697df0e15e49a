"""Server-sent events: what the standard says, however the bytes are cut."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.sse import EventParser, ServerEvent, TooLong

LIMIT = 1000


def events(data: bytes, cuts: list[int] | None = None, limit: int = LIMIT) -> list[tuple[str, str]]:
    """Return name and data of the events in `data`, which comes in pieces."""
    parser = EventParser(limit)
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    found: list[ServerEvent] = []
    for start, end in pairwise(places):
        found += parser.feed(data[start:end])
    return [(event.name, event.data.decode()) for event in found]


def messages(*data: str) -> list[tuple[str, str]]:
    return [("message", one) for one in data]


STANDARD: list[tuple[str, list[tuple[str, str]]]] = [
    # The examples of section 9.2.6
    ("data: YHOO\ndata: +2\ndata: 10\n\n", messages("YHOO\n+2\n10")),
    (
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        messages("first event", "second event", " third event"),
    ),
    ("data\n\ndata\ndata\n\ndata:", messages("", "\n")),
    ("data:test\n\ndata: test\n\n", messages("test", "test")),
    # Its other rules
    (
        "event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\ndata: x\n\n",
        [("add", "73857293"), ("remove", "2153"), ("message", "x")],
    ),
    ("event: add\n\ndata: x\n\n", messages("x")),
    ("id: 1\n\nretry: 3000\n\n\n\n", []),
    ("retry: soon\nid: a\0b\ndata: x\n\n", messages("x")),
    ("\ufeffdata: x\n\n", messages("x")),
    ("\ufeff\ufeffdata: x\n\n", []),
    ("data: \ufeffx\n\n", messages("\ufeffx")),
    (" data: x\n\nData: x\n\ndata : x\n\nunknown: x\n\nunknown\n\n", []),
    ("data: a:b: c\n\n", messages("a:b: c")),
    ("data: a\u2028b\u0085c\x0bd\x0ce\n\n", messages("a\u2028b\u0085c\x0bd\x0ce")),
    ("data: a\r\rdata: b\r\n\r\ndata: c\n\r\ndata: d\r\n\rdata: e\n\n", messages("a", "b", "c", "d", "e")),
    ("data: not ended", []),
    ("data: not ended\n", []),
]


@pytest.mark.parametrize(("text", "found"), STANDARD)
def test_what_the_standard_says(text: str, found: list[tuple[str, str]]) -> None:
    data = text.encode()

    assert events(data) == found
    assert events(data, list(range(len(data)))) == found


lines = st.one_of(
    st.sampled_from(
        ["", "data", "data:", ":", ": ping", "id: 7", "retry: 9", "event: ping", "event", "x: y", '{"a": 1}']
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=12).map("data: {}".format),
)


@given(
    st.lists(st.tuples(lines, st.sampled_from(["\n", "\r\n", "\r"])), max_size=20),
    st.lists(st.integers(0, 10_000), max_size=20),
    st.booleans(),
)
def test_any_pieces_give_the_same_events(said: list[tuple[str, str]], cuts: list[int], mark: bool) -> None:
    data = ("\ufeff" * mark + "".join(line + end for line, end in said)).encode()

    assert events(data, cuts) == events(data) == events(data, list(range(len(data))))


def test_an_event_is_there_with_the_byte_that_ends_it() -> None:
    parser = EventParser(LIMIT)

    assert parser.feed(b"data: x\r\r") == [ServerEvent("message", b"x")]
    assert parser.feed(b"\ndata: y\n") == []
    assert parser.feed(b"\n") == [ServerEvent("message", b"y")]


@pytest.mark.parametrize("piece", [b"x" * 300, b"data: " + b"x" * 300 + b"\n", b"data: " + b"x" * 300])
def test_an_event_that_holds_too_much_is_refused(piece: bytes) -> None:
    with pytest.raises(TooLong):
        events(piece * 4, [len(piece), 2 * len(piece), 3 * len(piece)])


def test_many_events_may_hold_more_than_one_may() -> None:
    assert len(events(b"data: x\n\n" * LIMIT)) == LIMIT


def test_what_is_no_part_of_an_event_is_kept_as_far_as_one_may_reach() -> None:
    parser = EventParser(LIMIT)
    parser.feed(b'data: x\n\n{\n  "error": 1\n: a comment\n')
    assert parser.stray == b'{\n  "error": 1'
    parser.feed(b"}")
    assert parser.stray == b'{\n  "error": 1\n}'

    for _ in range(100):
        parser.feed(b"y" * 99 + b"\n")
    assert len(parser.stray) <= LIMIT + 100


def test_the_data_of_an_event_that_was_not_ended_can_be_had() -> None:
    parser = EventParser(LIMIT)
    parser.feed(b"data: a\ndata: b")

    assert parser.unfinished == b"a\nb"
