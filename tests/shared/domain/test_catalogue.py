"""The vocabulary of events."""

from __future__ import annotations

import re

import jsonschema
import pytest
from pydantic import ValidationError

from shared.domain.catalogue import CATALOGUE, EventType, event_type, json_schema, type_of

HELD = {"occurred_on": "2026-01-15", "meeting_id": "m1", "meeting_kind": "looked_after_child_review"}


def accepts(name: str, text: str) -> bool:
    """Tell whether this JSON is data of that event type."""
    try:
        event_type(name).data.model_validate_json(text)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("each", CATALOGUE.values(), ids=lambda each: each.name)
def test_every_type_has_a_permanent_name_and_a_valid_schema(each: EventType) -> None:
    """Each event type has a dotted lower-case name, a summary, and a JSON Schema of the 2020-12 draft."""
    jsonschema.Draft202012Validator.check_schema(json_schema(each))

    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", each.name)
    assert each.summary.endswith(".")
    assert CATALOGUE[each.name] is each


def test_schema_and_model_agree_on_a_held_meeting() -> None:
    """What the published schema admits, the model reads, and it knows its own type."""
    jsonschema.validate(HELD, json_schema(event_type("meeting.held")))

    data = event_type("meeting.held").data.model_validate(HELD, strict=False)

    assert type_of(data).name == "meeting.held"


@pytest.mark.parametrize(
    "text",
    [
        '{"occurred_on":"2026-01-15T00:00:00","meeting_id":"m","meeting_kind":"other"}',
        '{"occurred_on":20260115,"meeting_id":"m","meeting_kind":"other"}',
        '{"occurred_on":"1899-12-31","meeting_id":"m","meeting_kind":"other"}',
        '{"occurred_on":"2026-01-15","occurred_at":"2026-01-15T10:00:00","meeting_id":"m","meeting_kind":"other"}',
        '{"occurred_on":"2026-01-15","occurred_at":"1768471200","meeting_id":"m","meeting_kind":"other"}',
        '{"occurred_on":"2026-01-15","occurred_at":1768471200,"meeting_id":"m","meeting_kind":"other"}',
        '{"occurred_on":"2026-01-15","meeting_id":"m","meeting_kind":"other","name":"x"}',
        '{"occurred_on":"2026-01-15","meeting_id":"","meeting_kind":"other"}',
        '{"occurred_on":"2026-01-15","meeting_id":"m","meeting_kind":"Other"}',
        '{"occurred_on":"0001-01-01","occurred_at":"0001-01-01T00:00:00+14:00","meeting_id":"m","meeting_kind":"other"}',
    ],
)
def test_absurd_data_is_refused(text: str) -> None:
    """Zone-less and numeric times, years out of range, unknown members and codes are no data."""
    assert not accepts("meeting.held", text)


def test_an_instant_must_fall_on_its_civil_date() -> None:
    """23:30 UTC in July is the next day in London, so the civil date must be that next day."""
    late = '{{"occurred_on":"{}","occurred_at":"2026-07-01T23:30:00Z","meeting_id":"m","meeting_kind":"other"}}'

    assert accepts("meeting.held", late.format("2026-07-02"))
    assert not accepts("meeting.held", late.format("2026-07-01"))


def test_nobody_is_born_after_the_birth_was_recorded() -> None:
    """A date of birth lies on or before the day of registration; an unborn child has none."""
    registered = '{{"occurred_on":"2026-01-15","born_on":{}}}'

    assert accepts("child.registered", registered.format('"2026-01-15"'))
    assert accepts("child.registered", registered.format("null"))
    assert not accepts("child.registered", registered.format('"2026-01-16"'))
    assert not accepts("child.registered", '{"occurred_on":"yesterday","born_on":"2026-01-16"}')
