"""Values go over the wire and come back as they were; anything else is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core import domain, events, wire
from argus_core.errors import InvalidInput, NotFound, all_errors, from_problem
from tests.support.builders import row_of

_text = st.text(max_size=20)
_count = st.integers(-(2**63), 2**63 - 1)
_seconds = st.floats(allow_nan=False, allow_infinity=False)
_times = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))
_usage = st.builds(
    domain.Usage,
    input_tokens=_count,
    output_tokens=_count,
    thought_tokens=_count,
    cost_micro_usd=st.none() | _count,
)
_problems = st.builds(domain.Problem, code=_text, title=_text, hint=_text, retry_after_s=st.none() | _seconds)
_attachments = st.builds(
    domain.Attachment,
    id=_text,
    name=_text,
    media_type=_text,
    size_bytes=_count,
    digest=_text,
    width=_count,
    height=_count,
)
_sources = st.builds(domain.SourcePart, _text, _text)
_parts = (
    st.builds(domain.TextPart, _text)
    | st.builds(domain.ThoughtPart, _text, _seconds)
    | st.builds(domain.AttachmentPart, _attachments)
    | _sources
)
_events = (
    st.builds(events.Started, _text)
    | st.builds(events.TextDelta, _text, _count)
    | st.builds(events.ThoughtDelta, _text, _seconds)
    | st.builds(events.AttachmentAdded, _attachments)
    | st.builds(events.SourceAdded, _sources)
    | st.builds(events.Completed, st.none() | _usage, st.booleans())
    | st.builds(events.Cancelled, st.none() | _usage)
    | st.builds(events.Failed, _problems, st.none() | _usage)
    | st.just(events.Interrupted())
)
_statuses = st.sampled_from([*sorted(domain.ENDED), "running"])
_messages = st.builds(
    domain.Message,
    id=_text,
    conversation_id=_text,
    parent_id=st.none() | _text,
    seq=_count,
    role=st.sampled_from(["user", "assistant", "system"]),
    parts=st.lists(_parts, max_size=3).map(tuple),
    status=_statuses,
    created_at=_times,
    generation_id=st.none() | _text,
    usage=st.none() | _usage,
    problem=st.none() | _problems,
    duration_s=st.none() | _seconds,
)
_generations = st.builds(
    domain.Generation,
    id=_text,
    conversation_id=_text,
    user_id=_text,
    message_id=_text,
    model=_text,
    status=_statuses,
    created_at=_times,
    owner=_text,
    lease_until=_times,
    cancel_requested=st.booleans(),
    ended_at=st.none() | _times,
)
_conversations = st.builds(
    domain.Conversation,
    id=_text,
    user_id=_text,
    title=_text,
    created_at=_times,
    updated_at=_times,
    pinned=st.booleans(),
    unread=_count,
    deleted_at=st.none() | _times,
)
_hits = st.builds(
    domain.SearchHit,
    conversation=_conversations.map(row_of),
    message=_messages,
    snippet=_text,
    spans=st.lists(st.tuples(_count, _count), max_size=3).map(tuple),
)
_models = st.builds(
    domain.ModelInfo, id=_text, name=_text, provider=_text, thinks=st.booleans(), input_usd_per_million=_seconds
)
_users = st.builds(domain.User, id=_text, name=_text, created_at=_times)
_turns = st.builds(domain.Turn, question=st.none() | _messages, reply=_messages, generation=_generations)
_logged = st.builds(events.LoggedEvent, _text, _count, _text, _events)


@given(value=_conversations | _generations | _hits | _logged | _messages | _models | _turns | _users | _usage)
def test_every_value_comes_back(value: object) -> None:
    sent = json.loads(json.dumps(wire.encode(value)))
    assert wire.decode(type(value), sent) == value


@given(part=_parts)
def test_every_part_comes_back(part: domain.Part) -> None:
    assert wire.decode_part(json.loads(json.dumps(wire.encode(part)))) == part


@given(event=_events)
def test_every_event_comes_back(event: events.Event) -> None:
    assert wire.decode_event(json.loads(json.dumps(wire.encode(event)))) == event


@given(items=st.lists(_conversations, max_size=3), cursor=st.none() | _text)
def test_a_page_comes_back_as_a_page_of_its_kind(items: list[domain.Conversation], cursor: str | None) -> None:
    page = domain.Page(tuple(items), cursor)
    assert wire.decode(domain.Page[domain.Conversation], json.loads(json.dumps(wire.encode(page)))) == page


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "n", "x"]), inner),
    max_leaves=8,
)


@given(data=_json)
def test_anything_else_is_invalid_input(data: Any) -> None:
    for cls in (domain.Conversation, domain.Turn, domain.SearchHit, domain.User):
        with pytest.raises(InvalidInput):
            wire.decode(cls, data)


@given(data=_json, kind=st.sampled_from(["text_delta", "failed", "completed", "attachment_added", "nonsense"]))
def test_an_event_is_decoded_or_refused(data: Any, kind: str) -> None:
    sent = {**data, "type": kind} if isinstance(data, dict) else data
    try:
        event = wire.decode_event(sent)
    except InvalidInput:
        return
    assert wire.decode_event(wire.encode(event)) == event


def test_defaults_are_left_out_and_kinds_are_named() -> None:
    assert wire.encode(events.TextDelta("hi")) == {"type": "text_delta", "text": "hi"}
    assert wire.encode(events.Interrupted()) == {"type": "interrupted"}
    assert wire.encode(domain.Usage()) == {}


def test_keys_of_a_newer_peer_are_ignored() -> None:
    assert wire.decode_event({"type": "text_delta", "text": "hi", "mood": {"$ne": None}}) == events.TextDelta("hi")


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        "text_delta",
        {"text": "hi"},
        {"type": "later_kind", "text": "hi"},
        {"type": ["text_delta"], "text": "hi"},
        {"type": "text_delta"},
        {"type": "text_delta", "text": None},
        {"type": "text_delta", "text": {"$ne": None}},
        {"type": "text_delta", "text": "hi", "output_tokens": True},
        {"type": "text_delta", "text": "hi", "output_tokens": 1.0},
        {"type": "text_delta", "text": "hi", "output_tokens": 2**63},
        {"type": "thought_delta", "text": "hi", "duration_s": float("nan")},
        {"type": "thought_delta", "text": "hi", "duration_s": 10**400},
        {"type": "completed", "truncated": 1},
        {"type": "completed", "usage": []},
        {"type": "source_added", "source": {"type": "text", "text": "hi"}},
    ],
)
def test_a_wrong_event_is_refused(data: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        wire.decode_event(data)
    assert caught.value.hint


def test_the_hint_names_the_field() -> None:
    with pytest.raises(InvalidInput, match="`created_at` is not a time"):
        wire.decode(domain.User, {"id": "a", "name": "b", "created_at": "noon"})
    with pytest.raises(InvalidInput, match="`name` is missing"):
        wire.decode(domain.User, {"id": "a"})


def test_times_are_utc_with_milliseconds() -> None:
    tehran = timezone(timedelta(hours=3, minutes=30))
    user = domain.User(id="a", name="b", created_at=datetime(2026, 1, 1, 15, 30, tzinfo=tehran))
    sent = wire.encode(user)
    assert sent["created_at"] == "2026-01-01T12:00:00.000Z"
    assert wire.decode(domain.User, sent).created_at.tzinfo is UTC


@pytest.mark.parametrize("time", ["2026-01-01T12:00:00", "0001-01-01T00:00:00+10:00", "2026-13-01T00:00:00Z", 5])
def test_a_time_without_zone_or_out_of_range_is_refused(time: object) -> None:
    with pytest.raises(InvalidInput):
        wire.decode(domain.User, {"id": "a", "name": "b", "created_at": time})


def test_every_error_has_a_status_and_comes_back_as_its_class() -> None:
    assert set(wire.HTTP_STATUS) == set(all_errors())
    for cls in all_errors().values():
        error = cls("Do this.", retry_after_s=2.0)
        assert wire.http_status(error) == wire.HTTP_STATUS[cls.code]
        back = from_problem(wire.decode(domain.Problem, wire.encode(error.problem())))
        assert type(back) is cls
        assert (back.hint, back.retry_after_s) == ("Do this.", 2.0)
    assert wire.http_status(NotFound()) == 404


def test_what_has_no_wire_form_is_a_programming_error() -> None:
    with pytest.raises(TypeError):
        wire.encode(object())
    with pytest.raises(TypeError):
        wire.decode(domain.Page, {"items": [{}]})


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_json, st.integers(1, 60))
def test_json_in_pieces_is_the_same(data: Any, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "PIECE_CHARS", piece)
        pieces = list(wire.json_pieces(data))
    assert json.loads("".join(pieces)) == json.loads(wire.to_json(data)) == data


@given(st.text(st.characters(codec=None)))
def test_json_has_an_utf8_and_stands_on_one_line(text: str) -> None:
    line = wire.to_json({"text": text})
    assert line.encode().decode().splitlines() == [line]
    assert json.loads(line) == {"text": text}


def test_letters_stand_in_json_as_they_are() -> None:
    assert wire.to_json("سلام 🌧 é") == '"سلام 🌧 é"'
    assert wire.to_json("half \ud83d\u2028") == '"half \\ud83d\\u2028"'


def test_a_long_text_is_made_json_piece_by_piece() -> None:
    pieces = list(wire.json_pieces({"items": [{"text": "س" * 1_000_000}, {"text": "short"}]}))
    assert max(map(len, pieces)) <= wire.PIECE_CHARS
    assert "".join(pieces).endswith('{"text":"short"}]}')
