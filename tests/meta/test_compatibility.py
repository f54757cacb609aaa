"""The check of schemas against the last release: what it must catch, and what it must let pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.catalogue import event_type, json_schema
from tests.meta.compatibility import broken_promises
from tests.meta.event_schemas import Key, Schema, current
from tests.support.schema_values import values_of

HELD = json_schema(event_type("meeting.held"))
CODE = "^[a-z0-9][a-z0-9_-]{0,63}$"

Edit = Callable[[Schema], object]


def edited(edit: Edit, schema: Schema = HELD) -> Schema:
    """Return a copy of ``schema`` after ``edit``."""
    new = copy.deepcopy(schema)
    edit(new)
    return new


def put(*path: str, **values: Any) -> Edit:
    """Return an edit that sets members of the node at ``path``."""

    def edit(schema: Schema) -> None:
        node = schema
        for name in path:
            node = node[name]
        node.update(values)

    return edit


def drop(*path: str) -> Edit:
    """Return an edit that takes away the last of ``path``: a member, or an entry of a list."""

    def edit(schema: Schema) -> None:
        node: Any = schema
        for name in path[:-1]:
            node = node[name]
        if isinstance(node, list):
            node.remove(path[-1])
        else:
            del node[path[-1]]

    return edit


def require(name: str) -> Edit:
    return lambda schema: schema["required"].append(name)


def both(*edits: Edit) -> Edit:
    return lambda schema: [edit(schema) for edit in edits]


NULL = {"type": "null"}
BREAKS: dict[str, tuple[Edit, str]] = {
    "a member removed": (drop("properties", "outcome"), "/outcome: the member is gone"),
    "a member removed within": (drop("$defs", "Attendance", "properties", "report"), "/attendance/items/report: "),
    "a new member required": (
        both(put("properties", room={"type": "string"}), require("room")),
        "/room: the member is required, and was not",
    ),
    "a member required now": (require("outcome"), "/outcome: the member is required, and was not"),
    "a required member optional": (drop("required", "meeting_kind"), "/meeting_kind: the member was required"),
    "a code removed": (drop("$defs", "MeetingKind", "enum", "other"), "/meeting_kind: the code 'other' is gone"),
    "a code removed within": (drop("$defs", "Role", "enum", "parent"), "/attendance/items/role: the code 'parent'"),
    "codes where any text was": (put("properties", "meeting_id", enum=["a"]), "/meeting_id: codes and other values"),
    "any text where codes were": (drop("$defs", "MeetingKind", "enum"), "/meeting_kind: codes and other values"),
    "a narrower upper limit": (put("properties", "views", maxItems=99), "/views: 'maxItems' is narrower"),
    "a new limit": (put("properties", "views", minItems=1), "/views: 'minItems' is a new limit"),
    "another type": (put("properties", "meeting_id", type="integer"), "/meeting_id: 'type' is another"),
    "another pattern": (put("properties", "meeting_id", pattern="^[a-z]$"), "/meeting_id: 'pattern' is another"),
    "another format": (put("properties", "occurred_on", format="date-time"), "/occurred_on: 'format' is another"),
    "another default": (put("$defs", "Attendance", "properties", "report", default="missing"), "/report: 'default'"),
    "null no longer taken": (put("properties", outcome={"type": "string", "pattern": CODE}), "/outcome: "),
    "null taken now": (
        put("properties", meeting_id={"anyOf": [HELD["properties"]["meeting_id"], NULL]}),
        "/meeting_id",
    ),
    "another alternative": (
        put("properties", "outcome", anyOf=[{"type": "string", "pattern": CODE}, {"type": "integer"}, NULL]),
        "/outcome: there is an alternative",
    ),
    "open to unknown members": (drop("additionalProperties"), "/: 'additionalProperties' is another"),
    "items of no kind": (drop("properties", "views", "items"), "/views: its items"),
    "a word that nobody taught the check": (put("properties", "views", uniqueItems=True), "/views: 'uniqueItems'"),
}
KEEPS: dict[str, Edit] = {
    "a new optional member": put("properties", room={"type": "string", "maxLength": 9}),
    "a further code": put("$defs", "MeetingKind", enum=[*HELD["$defs"]["MeetingKind"]["enum"], "new"]),
    "a wider limit": put("properties", "views", maxItems=101),
    "a limit lifted": drop("properties", "views", "maxItems"),
    "other words": both(put(description="Other.", title="Other"), put("properties", "views", examples=[[]])),
    "another name of a part": both(
        lambda schema: schema["$defs"].update(Level=schema["$defs"].pop("MeetingKind")),
        put("properties", meeting_kind={"$ref": "#/$defs/Level"}),
    ),
}


@pytest.mark.parametrize("kind", BREAKS)
def test_what_breaks_a_promise_is_caught(kind: str) -> None:
    """Each kind of breaking change is told, with its place."""
    edit, told = BREAKS[kind]

    found = broken_promises(HELD, edited(edit))

    assert any(told in each for each in found), found


@pytest.mark.parametrize("kind", KEEPS)
def test_what_keeps_every_promise_passes(kind: str) -> None:
    """Each kind of additive change is let through."""
    assert broken_promises(HELD, edited(KEEPS[kind])) == []


def test_an_alternative_of_several_that_is_gone_is_caught() -> None:
    """Where a member takes one of two kinds of codes, neither kind may go."""
    planned = json_schema(event_type("assessment.planned"))
    kind = planned["properties"]["assessment_kind"]
    one = edited(put("properties", assessment_kind={**kind, "anyOf": kind["anyOf"][:1]}), planned)

    assert broken_promises(planned, one) != []
    assert broken_promises(planned, planned) == []


@pytest.mark.parametrize("key", current(), ids=lambda key: f"{key[0]} {key[1]}")
def test_a_schema_keeps_its_own_promises(key: Key) -> None:
    """The check understands every schema of the catalogue, and finds nothing where nothing changed."""
    assert broken_promises(current()[key], copy.deepcopy(current()[key])) == []


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every entry in a JSON document."""
    found = []
    for name, each in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        found += [(*path, name), *places(each, (*path, name))]
    return found


DISCUSSED = json_schema(event_type("permanence.discussed"))
CHANGES: tuple[Any, ...] = (None, 0, 1, 99, 101, "string", "null", "new", [], ["new"], {}, NULL)


def changed(path: tuple[Any, ...], change: Any) -> Schema:
    """Return the schema with the entry at ``path`` replaced, or taken away for None."""
    new = copy.deepcopy(DISCUSSED)
    node: Any = new
    for name in path[:-1]:
        node = node[name]
    if change is None:
        del node[path[-1]]
    else:
        node[path[-1]] = change
    return new


@cache
def let_through() -> list[Schema]:
    """Return every schema that differs in one entry, is a schema still, and passes the check."""
    judged = [path for path in places(DISCUSSED) if len(path) > 2 or path[0] == "required"]
    # A reference that leads nowhere is no schema, though the draft cannot say so.
    judged = [path for path in judged if path[-1] != "$ref"]
    schemas = [changed(path, change) for path in judged for change in CHANGES]
    return [each for each in schemas if is_schema(each) and broken_promises(DISCUSSED, each) == []]


def is_schema(schema: Schema) -> bool:
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError:
        return False
    return True


@given(st.deferred(lambda: st.sampled_from(let_through())), values_of(DISCUSSED, DISCUSSED))
@settings(max_examples=300)
def test_what_passes_takes_whatever_was_valid(new: Schema, value: Any) -> None:
    """Change a schema in any place: if the check lets it pass, data that was valid still is."""
    assert len(let_through()) > 50

    jsonschema.validate(value, new)
