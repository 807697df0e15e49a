"""The one table of what is stored knows every field of the values it describes."""

from __future__ import annotations

from dataclasses import fields as fields_of
from datetime import UTC, datetime
from typing import Any, get_type_hints

import pytest

from argus_core.domain import Conversation, Part, Problem, Usage
from argus_core.storage import fields
from argus_core.storage.fields import Dialect, Kind, Mapper, Stored

COMPUTED = {"current", "running", "is_prepared"}
"""What the storage or the server tells of a value, and no record holds as it is."""
TABLES = [each for each in vars(fields).values() if isinstance(each, Stored)]


def _kinds(hint: object) -> set[Kind]:
    """Return the kinds in which a content of this type may be stored."""
    if hint in (datetime, datetime | None):
        return {Kind.TIME}
    if hint is bool:
        return {Kind.FLAG}
    named: dict[object, Kind] = {
        Usage | None: Kind.USAGE,
        Problem | None: Kind.PROBLEM,
        tuple[Part, ...]: Kind.PARTS,
    }
    return {named[hint]} if hint in named else {Kind.KEY, Kind.PLAIN}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.make.__name__)
def test_every_field_of_a_value_is_stored_in_a_form_that_keeps_it(table: Stored[Any]) -> None:
    made: Any = table.make
    names = {each.name for each in fields_of(made)}
    assert set(table.fields) == names - COMPUTED
    hints = get_type_hints(table.make)
    for name, kind in table.fields.items():
        assert kind in _kinds(hints[name]), name


def test_what_a_record_does_not_hold_is_given_beside_it() -> None:
    now = datetime(2026, 1, 31, tzinfo=UTC)
    talk = Conversation(id="a" * 32, user_id="b" * 32, title="Tides", created_at=now, updated_at=now, running=2)
    mapper = Mapper(fields.CONVERSATIONS, Dialect({Kind.KEY: str.upper}, {Kind.KEY: str.lower}, key="_id"))
    record = mapper.dump(talk)
    assert record["_id"] == "A" * 32
    assert "running" not in record
    assert mapper.load(record, running=2) == talk
