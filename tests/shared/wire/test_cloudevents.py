"""From CloudEvents attributes to an event that may be stored."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import BodyTooLarge, InvalidInput
from shared.wire import limits
from shared.wire.cloudevents import corrected_wording, new_event
from tests.support.events import SOURCE, cloud_event

SECRET = "Xq7-secret-Xq7"
REGISTERED = cloud_event("child.registered", "child-a1", {"occurred_on": "2026-01-15"}, id="e1")
CORRECTION = {
    "occurred_on": "2026-02-01",
    "corrects_source": SOURCE,
    "corrects_id": "e1",
    "corrects_type": "child.registered",
    "replacement": {"occurred_on": "2026-01-14"},
    "reason": "recording_error",
}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in REGISTERED.items() if key != name}


def with_data(**data: Any) -> dict[str, Any]:
    return {**REGISTERED, "data": {**REGISTERED["data"], **data}}


def corrected(**changes: Any) -> dict[str, Any]:
    return cloud_event("record.corrected", "child-a1", {**CORRECTION, **changes})


ADOPTED = {"occurred_on": "2026-01-15", "pack": "scotland", "edition": "2026", "effective_on": "2026-02-01"}

#: What is wrong, with where and what is told of it.
INVALID = {
    "no id": (without("id"), "/id", "missing"),
    "no subject": (without("subject"), "/subject", "missing"),
    "no data": (without("data"), "/data", "missing"),
    "other version": ({**REGISTERED, "specversion": "0.3"}, "/specversion", "specversion"),
    "version as a number": ({**REGISTERED, "specversion": 1.0}, "/specversion", "specversion"),
    "empty id": ({**REGISTERED, "id": ""}, "/id", "identity"),
    "id as a number": ({**REGISTERED, "id": 5}, "/id", "identity"),
    "long id": ({**REGISTERED, "id": SECRET * 20}, "/id", "identity"),
    "line feed in an id": ({**REGISTERED, "id": f"{SECRET}\n"}, "/id", "identity"),
    "invisible character in a source": ({**REGISTERED, "source": f"{SECRET}\u200e"}, "/source", "identity"),
    "unknown type": ({**REGISTERED, "type": SECRET}, "/type", "unknown_type"),
    "type as a list": ({**REGISTERED, "type": [SECRET]}, "/type", "unknown_type"),
    "no stream": ({**REGISTERED, "subject": SECRET}, "/subject", "stream"),
    "a CHI number": ({**REGISTERED, "subject": "child-0101991234"}, "/subject", "stream"),
    "stream as an object": ({**REGISTERED, "subject": {SECRET: 1}}, "/subject", "stream"),
    "child's fact about the authority": ({**REGISTERED, "subject": "authority"}, "/subject", "stream_of_type"),
    "authority's fact about a child": (
        cloud_event("timetable.adopted", "child-a1", ADOPTED),
        "/subject",
        "stream_of_type",
    ),
    "data in XML": ({**REGISTERED, "datacontenttype": "application/xml"}, "/datacontenttype", "datacontenttype"),
    "other charset": (
        {**REGISTERED, "datacontenttype": "application/json; charset=latin-1"},
        "/datacontenttype",
        "datacontenttype",
    ),
    "unknown schema": ({**REGISTERED, "dataschema": f"/{SECRET}"}, "/dataschema", "unknown_schema"),
    "later schema": (
        {**REGISTERED, "dataschema": "/v1/event-types/child.registered/2"},
        "/dataschema",
        "unknown_schema",
    ),
    "time without a zone": ({**REGISTERED, "time": "2026-01-15T10:00:00"}, "/time", "datetime_parsing"),
    "time as a number": ({**REGISTERED, "time": 1768435200}, "/time", "datetime_parsing"),
    "time as digits": ({**REGISTERED, "time": "1768435200"}, "/time", "datetime_parsing"),
    "time out of range": ({**REGISTERED, "time": "9999-12-31T23:59:59-14:00"}, "/time", "datetime_range"),
    "recorded at no time": ({**REGISTERED, "recordedtime": SECRET}, "/recordedtime", "datetime_parsing"),
    "upper-case extension": ({**REGISTERED, "Xq7Secret": 1}, "", "attribute_name"),
    "long extension name": ({**REGISTERED, "x" * 21: 1}, "", "attribute_name"),
    "base64 data": ({**REGISTERED, "data_base64": SECRET}, "", "attribute_name"),
    "extension as an object": ({**REGISTERED, "ext": {"a": SECRET}}, "", "attribute_value"),
    "extension as a fraction": ({**REGISTERED, "ext": 1.5}, "", "attribute_value"),
    "long extension": ({**REGISTERED, "ext": SECRET * 100}, "", "attribute_value"),
    "large integer": ({**REGISTERED, "ext": 2**31}, "", "attribute_value"),
    "21 extensions": ({**REGISTERED, **{f"e{n}": n for n in range(21)}}, "", "too_many_extensions"),
    "data as text": ({**REGISTERED, "data": SECRET}, "/data", "model_type"),
    "null data": ({**REGISTERED, "data": None}, "/data", "model_type"),
    "unknown member": (with_data(**{SECRET: 1}), "/data", "extra_forbidden"),
    "date as digits": (with_data(occurred_on="1768435200"), "/data/occurred_on", "value_error"),
    "date as a number": (with_data(occurred_on=1768435200), "/data/occurred_on", "value_error"),
    "date with a time": (with_data(occurred_on="2026-01-15T00:00:00Z"), "/data/occurred_on", "value_error"),
    "no such day": (with_data(occurred_on="2026-02-30"), "/data/occurred_on", "date_from_datetime_parsing"),
    "day long past": (with_data(occurred_on="1899-12-31"), "/data/occurred_on", "greater_than_equal"),
    "instant without a zone": (with_data(occurred_at="2026-01-15T10:00:00"), "/data/occurred_at", "value_error"),
    "instant of another day": (with_data(occurred_at="2026-01-16T10:00:00Z"), "/data", "value_error"),
    "instant out of range": (with_data(occurred_at="0001-01-01T00:00:00+14:00"), "/data", "value_error"),
    "correction of a correction": (
        corrected(corrects_type="record.corrected"),
        "/data/corrects_type",
        "not_correctable",
    ),
    "correction of no type": (corrected(corrects_type="no.such"), "/data/corrects_type", "not_correctable"),
    "replacement that does not fit": (
        corrected(replacement={"occurred_on": SECRET}),
        "/data/replacement/occurred_on",
        "value_error",
    ),
    "replacement with more": (
        corrected(replacement={"occurred_on": "2026-01-14", SECRET: 1}),
        "/data/replacement",
        "extra_forbidden",
    ),
}


@pytest.mark.parametrize(("posted", "pointer", "code"), INVALID.values(), ids=INVALID.keys())
def test_what_is_wrong_is_named_and_not_repeated(posted: dict[str, Any], pointer: str, code: str) -> None:
    """Each fault is told with its place and its code, and no value that was sent."""
    with pytest.raises(InvalidInput) as refused:
        new_event(posted)

    assert (pointer, code) in {(fault.pointer, fault.code) for fault in refused.value.faults}
    assert "Xq7" not in repr(refused.value.faults) + refused.value.detail


def test_everything_wrong_is_told_at_once() -> None:
    """An event with several faults is refused with all of them."""
    with pytest.raises(InvalidInput) as refused:
        new_event({**with_data(occurred_on="x", team=5), "id": "", "type": "child.registered", "time": "x"})

    assert {fault.pointer for fault in refused.value.faults} == {"/id", "/time", "/data/occurred_on", "/data/team"}


def test_an_answer_stays_smaller_than_what_it_answers() -> None:
    """Of very many faults the first are told and the others counted."""
    held = {"meeting_id": "m", "meeting_kind": "other", "occurred_on": "2026-01-15", "attendance": [{}] * 1000}

    with pytest.raises(InvalidInput) as refused:
        new_event(cloud_event("meeting.held", "child-a1", held))

    assert len(refused.value.faults) == limits.FAULTS + 1
    assert refused.value.faults[-1].message == f"There are {2000 - limits.FAULTS} more faults."


def test_an_event_over_the_limit_is_refused() -> None:
    """An event larger than the published limit is refused for its size, before its data is looked at."""
    with pytest.raises(BodyTooLarge):
        new_event(with_data(team="x" * limits.EVENT_BYTES))


def test_a_valid_event_is_kept_in_canonical_form() -> None:
    """Body and digest are those of the sorted attributes, with the content type that JSON implies."""
    event = new_event(REGISTERED)

    assert json.loads(event.body) == {**REGISTERED, "datacontenttype": "application/json"}
    assert event.digest == sha256(event.body).digest()
    assert (event.source, event.event_id, event.stream, event.type) == (SOURCE, "e1", "child-a1", "child.registered")


@pytest.mark.parametrize(
    "spelling",
    [
        dict(reversed(REGISTERED.items())),
        {**REGISTERED, "datacontenttype": "application/json"},
        {**REGISTERED, "datacontenttype": "application/json; charset=UTF-8"},
        {**REGISTERED, "dataschema": None},
    ],
)
def test_the_same_event_has_one_digest(spelling: dict[str, Any]) -> None:
    """Order of members, a content type that is implied, and null for unset change nothing."""
    assert new_event(spelling).digest == new_event(REGISTERED).digest


@given(st.permutations(sorted(with_data(team="north"))), st.permutations(["occurred_on", "team"]))
def test_the_digest_does_not_depend_on_the_order_of_members(outer: list[str], inner: list[str]) -> None:
    """Whatever order attributes and data come in, the digest is the same."""
    posted = with_data(team="north")
    mixed = {name: posted[name] for name in outer}
    mixed["data"] = {name: posted["data"][name] for name in inner}

    assert new_event(mixed).digest == new_event(posted).digest


@pytest.mark.parametrize(("typed", "text"), [(True, "true"), (False, "false"), (-7, "-7"), ("seven", "seven")])
def test_an_extension_is_kept_as_headers_would_carry_it(typed: object, text: str) -> None:
    """Booleans and integers become their CloudEvents strings, so that every mode gives one digest."""
    event = new_event({**REGISTERED, "ext": typed})

    assert json.loads(event.body)["ext"] == text
    assert event.digest == new_event({**REGISTERED, "ext": text}).digest


@pytest.mark.parametrize("host", ["", "https://homeward.example", "http://127.0.0.1:8000"])
def test_a_schema_is_named_by_path_or_url(host: str) -> None:
    """`dataschema` may be the path that is published, or a URL that ends in it."""
    named = {**REGISTERED, "dataschema": f"{host}/v1/event-types/child.registered/1"}

    assert new_event(named).event_id == "e1"


def test_an_amendment_names_what_it_amends() -> None:
    """A correction and a retraction carry the source and id of the event they speak of."""
    retraction = {"occurred_on": "2026-02-01", "retracts_source": SOURCE, "retracts_id": "e1", "reason": "duplicate"}

    assert new_event(corrected()).amends == (SOURCE, "e1")
    assert new_event(cloud_event("record.retracted", "child-a1", retraction)).amends == (SOURCE, "e1")
    assert new_event(REGISTERED).amends is None


def test_a_correction_gives_the_new_wording() -> None:
    """The replacement is read as data of the corrected type."""
    wording = corrected_wording(new_event(corrected()).data)

    assert wording is not None
    assert wording.occurred_on.isoformat() == "2026-01-14"
    assert corrected_wording(new_event(REGISTERED).data) is None
