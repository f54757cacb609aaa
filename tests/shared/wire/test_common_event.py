"""The faster reading of common events, compared with the careful one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, JsonValue, create_model

from shared.domain.catalogue import CATALOGUE, EventData
from shared.domain.envelope import NewEvent
from shared.domain.errors import HomewardError
from shared.wire import limits
from shared.wire.cloudevents import KNOWN, RECORD_TYPES, new_event
from shared.wire.common_event import common_event
from shared.wire.content_modes import _decode
from tests.support.events import cloud_event

HELD = cloud_event(
    "meeting.held",
    "child-a1",
    {"occurred_on": "2026-01-15", "meeting_id": "m1", "meeting_kind": "looked_after_child_review"},
    id="e1",
    time="2026-01-15T16:30:00Z",
)
ADOPTED = cloud_event(
    "timetable.adopted",
    "authority",
    {"occurred_on": "2026-01-15", "pack": "scotland-statutory", "edition": "2026.1"},
    id="e1",
)
REGISTERED = cloud_event("child.registered", "child-a1", {"occurred_on": "2026-01-15"}, id="e1")


def two(*numbers: int) -> st.SearchStrategy[str]:
    return st.sampled_from(numbers).map("{:02}".format)


#: Instants at and beyond every edge there is.
INSTANTS = st.builds(
    "{}-{}-{}{}{}:{}:{}{}{}".format,
    st.sampled_from(
        ["0001", "1899", "1900", "1999", "2000", "2024", "2025", "2199", "2200", "9999", "02026", "\uff12026"]
    ),
    two(0, 1, 2, 4, 12, 13),
    two(0, 1, 28, 29, 30, 31, 32),
    st.sampled_from(["T", "T", "T", "t", " ", "", "_"]),
    two(0, 12, 23, 24, 25),
    two(0, 59, 60),
    two(0, 59, 60, 61),
    st.sampled_from(["", "", ".", ".0", ".123456", ".1234567", ",5", ".\uff11"]),
    st.sampled_from(["Z", "z", "", "+00:00", "-00:00", "+14:00", "-23:59", "+24:00", "+00:60", "+0100", "+01", "Z\n"]),
)
STREAMS = st.sampled_from(
    [
        *("authority", "child-", "child-a1", "Child-a1", "a1", "child--a", "child-a\u0661", "child-a1\n"),
        *("child-0101991234", "child-0101991234\n", "child-01019912345", "child-0101991234a"),
        *(f"child-{'a' * 64}", f"child-{'a' * 65}"),
    ]
)
TEXTS = st.text(max_size=5) | st.sampled_from(["", " ", "é", "\u200e", "\x00", "x" * limits.IDENTITY_CHARACTERS])
ODD: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers(-2, 2) | st.just([]) | st.just({}) | TEXTS
VALUES = {
    "specversion": st.sampled_from(["1.0", "1.1", 1.0, 1]),
    "id": TEXTS | st.just("x" * (limits.IDENTITY_CHARACTERS + 1)),
    "source": TEXTS,
    "subject": STREAMS,
    "time": INSTANTS,
    "recordedtime": INSTANTS,
    "datacontenttype": st.sampled_from(["application/json", "application/JSON; charset=utf-8", "text/json"]),
    "dataschema": st.just("/v1/event-types/child.registered/1"),
    "data": st.just({}),
    "ext": TEXTS,
    "EXT": TEXTS,
    "data_base64": TEXTS,
}
CHANGES = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name] | ODD))


def careful(text: bytes) -> tuple[NewEvent, EventData] | None:
    """Read as everything is read that the common reading does not pass."""
    try:
        value, kept = _decode(text)
        return new_event(value, kept) if isinstance(value, dict) else None
    except HomewardError:
        return None


@given(
    st.sampled_from([REGISTERED, HELD, ADOPTED]),
    st.lists(CHANGES, max_size=3),
    st.sets(st.sampled_from(sorted(KNOWN - {"type"})), max_size=1),
)
@settings(max_examples=1_000)
@example(REGISTERED, [("time", "2026-02-29T10:00:00Z")], set())
@example(REGISTERED, [("time", "2026-01-15T24:00:00Z")], set())
@example(REGISTERED, [("time", "")], set())
@example(REGISTERED, [("dataschema", "")], set())
@example(REGISTERED, [("datacontenttype", "")], set())
@example(REGISTERED, [("subject", "authority")], set())
def test_what_is_read_as_common_is_read_alike_with_care(
    common: dict[str, Any], changes: list[tuple[str, Any]], left_out: set[str]
) -> None:
    """Whatever the attributes are, the common reading finds the event that the careful one does, or says nothing."""
    posted = {**common, **dict(changes)}
    text = orjson.dumps({name: value for name, value in posted.items() if name not in left_out})

    event = common_event(text)
    assert event is None or event == careful(text)


TEXT = orjson.dumps(HELD)
PLACES = st.integers(0, len(TEXT))
PIECES = st.sampled_from(
    [
        *(
            b'"',
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b"\\",
            b" ",
            b"\n",
            b"\t",
            b"\x0b",
            b"\x00",
            b"\xff",
            b"\xe2\x80\x8e",
        ),
        *(b'"id":"other",', b'"data":{},', b'"time":null,', b',"id":"e1"', b'{"id":', b"NaN", b"1e999", b"0" * 40),
        *(b'"occurred_on":"2026-01-16",', b',"occurred_on":"2026-01-16"', b'"' * 4, b"\\u0041", b"[" * 40 + b"]" * 40),
    ]
)


@given(st.lists(st.tuples(PLACES, st.integers(0, 3), PIECES), min_size=1, max_size=2))
@settings(max_examples=2_000)
@example([(1, 0, b'"id":"other",')])
@example([(TEXT.index(b'"data":') + len(b'"data":'), 0, b"[" * 100_000)])
@example([(TEXT.index(b'"data":{') + len(b'"data":{'), 0, b'"deep":' + b"[" * 300 + b"]" * 300 + b",")])
@example([(TEXT.index(b'"data":{') + len(b'"data":{'), 0, b'"occurred_on":"2026-01-16",')])
def test_no_damage_is_read_as_an_event_that_the_careful_reading_does_not_find(
    splices: list[tuple[int, int, bytes]],
) -> None:
    """Wherever the text is cut and something put in, the common reading finds what the careful one does, or nothing."""
    text = TEXT
    for at, cut, piece in splices:
        text = text[:at] + piece + text[at + cut :]
    text = text.strip(b" \t\r\n")

    event = common_event(text)
    assert event is None or event == careful(text)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"time": "2026-01-31T16:30:00Z"},
        {"time": "2024-02-29T16:30:00.123456+01:00", "recordedtime": "1900-01-01T00:00:00-11:30"},
        {"datacontenttype": "application/json", "dataschema": "/v1/event-types/child.registered/1"},
        {"id": "\u00e9-1", "subject": "child-01019912345"},
    ],
)
def test_what_nearly_every_sender_sends_is_common(more: dict[str, str]) -> None:
    """What nearly every sender sends takes the short way, and arrives as by the long one."""
    text = orjson.dumps({**REGISTERED, **more})

    event = common_event(text)
    assert event is not None
    assert event == careful(text)


@pytest.mark.parametrize("spaced", [b'{ "a": 1 }', b"pretty"])
def test_white_space_costs_nobody_the_short_way(spaced: bytes) -> None:
    """Texts as Python's json and as people write them are common, too."""
    text = json.dumps(HELD, indent=2 if spaced == b"pretty" else None).encode()
    assert common_event(text) == careful(text) is not None


#: What tells of which kind a value is.
KINDS = {"type", "$ref", "const", "enum", "anyOf", "oneOf"}
#: Members of a schema that hold a schema, a list of them, or some by name.
INNER = ("items", "not", "additionalProperties", "propertyNames", "contains", "if", "then", "else")
INNER_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
INNER_BY_NAME = ("properties", "$defs", "patternProperties", "dependentSchemas")


def parts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a JSON Schema, and every schema within it."""
    yield schema
    inner = [schema[name] for name in INNER if isinstance(schema.get(name), dict)]
    inner += [each for name in INNER_LISTS for each in schema.get(name, ())]
    inner += [each for name in INNER_BY_NAME for each in schema.get(name, {}).values()]
    for each in inner:
        yield from parts(each)


def room(model: type[BaseModel]) -> set[str]:
    """Say which room a model's schema leaves for what the common reading does not look for."""
    schema = model.model_json_schema()
    found: set[str] = set()
    for part in parts(schema):
        if not KINDS & part.keys():
            found.add("any value")
        if part.get("type") in {"integer", "number"} and not {"minimum", "maximum"} <= part.keys():
            found.add("any number")
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            found.add("any member")
        listed = len(part.get("prefixItems", ()))
        if part.get("type") == "array" and "items" not in part and part.get("maxItems") != listed:
            found.add("any item")
        if not isinstance(part.get("type", ""), str):
            found.add("several kinds")
    if any(name in reached(schema["$defs"], name) for name in schema.get("$defs", ())):
        found.add("any depth")
    return found


def reached(definitions: dict[str, Any], name: str) -> set[str]:
    """Return the names of all definitions that one of them refers to, directly or by others."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        referred = {part["$ref"].rsplit("/", 1)[1] for part in parts(definitions[waiting.pop()]) if "$ref" in part}
        waiting += referred - seen
        seen |= referred
    return seen


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - RECORD_TYPES))
def test_a_schema_leaves_no_room_for_what_the_common_reading_does_not_look_for(name: str) -> None:
    """Of every type that is read as common, numbers are bounded, and nothing is of a shape that the sender chooses."""
    for model in CATALOGUE[name].schemas.values():
        assert room(model) == set()


class Held(BaseModel, extra="forbid"):
    """Holds others of its own kind."""

    inner: list[Held]


@pytest.mark.parametrize(
    ("annotation", "missed"),
    [
        (Any, "any value"),
        (Annotated[Any, Field(title="Something", description="Whatever it is.")], "any value"),
        (list[Any], "any value"),
        (object, "any value"),
        (str | Any, "any value"),
        (int, "any number"),
        (Annotated[float, Field(ge=0)] | None, "any number"),
        (dict[str, str], "any member"),
        (list[dict[str, Any]], "any member"),
        (list, "any value"),
        (tuple[()], None),
        (Held, "any depth"),
        (JsonValue, "any value"),
        (Annotated[int, Field(ge=0, le=9)] | Literal["a", "b"] | None, None),
    ],
)
def test_room_that_a_schema_leaves_is_seen(annotation: Any, missed: str | None) -> None:
    """The check before this one sees a member of any kind, with words about it or without, at any depth."""
    model = create_model("Model", __config__={"extra": "forbid"}, member=(annotation, ...))
    assert room(model) == ({missed} if missed else set())
