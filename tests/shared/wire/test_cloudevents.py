"""From CloudEvents attributes to an event that may be stored."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.catalogue import EventData
from shared.domain.catalogue.plan import CarePlanAgreed
from shared.domain.envelope import NewEvent
from shared.domain.errors import BodyTooLarge, InvalidInput
from shared.wire import limits
from shared.wire.cloudevents import corrected_wording, new_event, same_content
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


def event_of(posted: dict[str, Any]) -> NewEvent:
    return new_event(posted, text_of(posted))[0]


def data_of(posted: dict[str, Any]) -> EventData:
    return new_event(posted, text_of(posted))[1]


def text_of(posted: dict[str, Any]) -> bytes:
    return json.dumps(posted).encode()


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
    "null under a name that tells something": ({**REGISTERED, "Ada Example": None}, "", "attribute_name"),
    "null under more names than there may be": (
        {**REGISTERED, **{f"e{number}": None for number in range(limits.EXTENSIONS + 1)}},
        "",
        "too_many_extensions",
    ),
    "null data": ({**REGISTERED, "data": None}, "/data", "model_type"),
    "unknown member": (with_data(**{SECRET: 1}), "/data", "extra_forbidden"),
    "date as digits": (with_data(occurred_on="1768435200"), "/data/occurred_on", "value_error"),
    "date as a number": (with_data(occurred_on=1768435200), "/data/occurred_on", "value_error"),
    "date with a time": (with_data(occurred_on="2026-01-15T00:00:00Z"), "/data/occurred_on", "value_error"),
    "no such day": (with_data(occurred_on="2026-02-30"), "/data/occurred_on", "date_from_datetime_parsing"),
    "day long past": (with_data(occurred_on="1899-12-31"), "/data/occurred_on", "greater_than_equal"),
    "instant without a zone": (with_data(occurred_at="2026-01-15T10:00:00"), "/data/occurred_at", "value_error"),
    "instant of another day": (with_data(occurred_at="2026-01-16T10:00:00Z"), "/data/occurred_at", "value_error"),
    "instant out of range": (with_data(occurred_at="0001-01-01T00:00:00+14:00"), "/data/occurred_at", "value_error"),
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
        event_of(posted)

    assert (pointer, code) in {(fault.pointer, fault.code) for fault in refused.value.faults}
    assert "Xq7" not in repr(refused.value.faults) + refused.value.detail


def test_everything_wrong_is_told_at_once() -> None:
    """An event with several faults is refused with all of them."""
    with pytest.raises(InvalidInput) as refused:
        event_of({**with_data(occurred_on="x", team=5), "id": "", "type": "child.registered", "time": "x"})

    assert {fault.pointer for fault in refused.value.faults} == {"/id", "/time", "/data/occurred_on", "/data/team"}


def test_an_answer_stays_smaller_than_what_it_answers() -> None:
    """Of very many faults the first are told and the others counted."""
    held = {"meeting_id": "m", "meeting_kind": "other", "occurred_on": "2026-01-15", "attendance": [{}] * 1000}

    with pytest.raises(InvalidInput) as refused:
        event_of(cloud_event("meeting.held", "child-a1", held))

    assert len(refused.value.faults) == limits.FAULTS + 1
    assert refused.value.faults[-1].message == f"There are {2000 - limits.FAULTS} more faults."


def test_an_event_over_the_limit_is_refused() -> None:
    """An event larger than the published limit is refused for its size, before its data is looked at."""
    with pytest.raises(BodyTooLarge):
        event_of(with_data(team="x" * limits.EVENT_BYTES))


def test_a_valid_event_is_kept_as_it_was_posted() -> None:
    """The body is the text as it came, and the digest is that of its bytes."""
    text = json.dumps({**REGISTERED, "time": None, "ext": 7}, indent=1).encode()

    event, _ = new_event(json.loads(text), text)

    assert event.body == text
    assert event.digest == sha256(text).digest()
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
def test_the_same_event_may_be_written_in_several_ways(spelling: dict[str, Any]) -> None:
    """Order of members, white space, a content type that is implied, and null for unset change no content."""
    posted = json.dumps(spelling, indent=2).encode()

    assert event_of(spelling).event_id == "e1"
    assert same_content(posted, text_of(REGISTERED))
    assert same_content(text_of(REGISTERED), posted)


@given(st.permutations(sorted(with_data(team="north"))), st.permutations(["occurred_on", "team"]))
def test_content_does_not_depend_on_the_order_of_members(outer: list[str], inner: list[str]) -> None:
    """Whatever order attributes and data come in, the content is the same."""
    posted = with_data(team="north")
    mixed = {name: posted[name] for name in outer}
    mixed["data"] = {name: posted["data"][name] for name in inner}

    assert same_content(text_of(mixed), text_of(posted))


@pytest.mark.parametrize(
    "other",
    [
        {**REGISTERED, "time": "2026-01-15T10:00:00Z"},
        {**REGISTERED, "ext": ""},
        {**REGISTERED, "dataschema": "/v1/event-types/child.registered/1"},
        with_data(team="north"),
        with_data(team=None),
    ],
)
def test_any_other_value_is_other_content(other: dict[str, Any]) -> None:
    """An attribute more, a value more in the data: each of them is another event."""
    assert not same_content(text_of(other), text_of(REGISTERED))


@pytest.mark.parametrize(("typed", "text"), [(True, "true"), (False, "false"), (-7, "-7"), ("seven", "seven")])
def test_an_extension_says_the_same_in_json_and_in_a_header(typed: object, text: str) -> None:
    """Booleans and integers are compared as their CloudEvents strings, so that every mode gives one content."""
    assert same_content(text_of({**REGISTERED, "ext": typed}), text_of({**REGISTERED, "ext": text}))
    assert event_of({**REGISTERED, "ext": typed}).event_id == "e1"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), st.dictionaries(st.text(max_size=3), JSON, max_size=3))
def test_two_events_say_the_same_if_their_data_is_equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    """The way of writing never decides, and data that differs anywhere is never taken for the same."""
    text = json.dumps({**REGISTERED, "data": one}, ensure_ascii=False, indent=1).encode()

    assert same_content(text, text_of({"time": None, "data": dict(reversed(one.items())), **without("data")}))
    assert same_content(text, text_of({**REGISTERED, "data": other})) is (json_of(one) == json_of(other))


def json_of(value: Any) -> str:
    """Tell 1 from True, which are equal in Python."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("host", ["", "https://homeward.example", "http://127.0.0.1:8000"])
def test_a_schema_is_named_by_path_or_url(host: str) -> None:
    """`dataschema` may be the path that is published, or a URL that ends in it."""
    named = {**REGISTERED, "dataschema": f"{host}/v1/event-types/child.registered/1"}

    assert event_of(named).event_id == "e1"


def test_an_amendment_names_what_it_amends() -> None:
    """A correction and a retraction carry the source and id of the event they speak of."""
    retraction = {"occurred_on": "2026-02-01", "retracts_source": SOURCE, "retracts_id": "e1", "reason": "duplicate"}

    assert event_of(corrected()).amends == (SOURCE, "e1")
    assert event_of(cloud_event("record.retracted", "child-a1", retraction)).amends == (SOURCE, "e1")
    assert event_of(REGISTERED).amends is None


def test_a_correction_says_of_which_type_the_corrected_event_is() -> None:
    """Nothing else does."""
    retraction = {"occurred_on": "2026-02-01", "retracts_source": SOURCE, "retracts_id": "e1", "reason": "duplicate"}

    assert event_of(corrected()).corrects_type == "child.registered"
    assert event_of(cloud_event("record.retracted", "child-a1", retraction)).corrects_type is None
    assert event_of(REGISTERED).corrects_type is None


def test_a_correction_gives_the_new_wording() -> None:
    """The replacement is read as data of the corrected type."""
    wording = corrected_wording(data_of(corrected()))

    assert wording is not None
    assert wording.occurred_on.isoformat() == "2026-01-14"
    assert corrected_wording(data_of(REGISTERED)) is None


AGREED = {"occurred_on": "2026-01-15", "plan_id": "p1", "agreed_with_parents": True}


def agreed(data: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return cloud_event("care_plan.agreed", "child-a1", data, id="e1", **attributes)


def test_data_without_a_schema_is_of_the_first_version() -> None:
    """What a sender was set up to send once is taken for ever, and is handed on as latest data."""
    for named in ({}, {"dataschema": "/v1/event-types/care_plan.agreed/1"}):
        assert isinstance(data_of(agreed(AGREED, **named)), CarePlanAgreed)
        assert event_of(agreed(AGREED, **named)).body == text_of(agreed(AGREED, **named))


def test_a_schema_that_is_named_is_the_one_that_judges() -> None:
    """Data of the first version does not pass for the second."""
    with pytest.raises(InvalidInput) as refused:
        event_of(agreed(AGREED, dataschema="https://homeward.example/v1/event-types/care_plan.agreed/2"))

    assert all(fault.pointer.startswith("/data") for fault in refused.value.faults)


@pytest.mark.parametrize("named", ["/v1/event-types/care_plan.agreed/3", "/v1/event-types/home.ended/1", SECRET, 1])
def test_a_schema_that_is_unknown_is_told_with_those_that_are_known(named: object) -> None:
    """The fault names every version of the type, and nothing that was sent."""
    with pytest.raises(InvalidInput) as refused:
        event_of(agreed(AGREED, dataschema=named))

    (fault,) = refused.value.faults
    assert (fault.pointer, fault.code) == ("/dataschema", "unknown_schema")
    assert "/v1/event-types/care_plan.agreed/1, /v1/event-types/care_plan.agreed/2" in fault.message
    assert "Xq7" not in fault.message


@pytest.mark.parametrize(("version", "pointer"), [(2, "/data/replacement"), (3, "/data/replacement_version")])
def test_a_replacement_is_judged_by_the_version_it_names(version: int, pointer: str) -> None:
    """A correction names the version of its wording; the wording of another, or a version of none, is refused."""
    right = corrected(corrects_type="care_plan.agreed", replacement=AGREED)
    wording = corrected_wording(data_of(right))
    assert isinstance(wording, CarePlanAgreed)

    with pytest.raises(InvalidInput) as refused:
        event_of(corrected(corrects_type="care_plan.agreed", replacement=AGREED, replacement_version=version))

    assert all(fault.pointer.startswith(pointer) for fault in refused.value.faults)
