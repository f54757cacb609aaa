"""Event data made up from JSON Schemas, so that tests can ask what holds of whatever is valid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import strategies as st

#: An instant, and the day on which it has to fall; schemas cannot say so, models do.
_HOURS = {
    "occurred_at": "occurred_on",
    "scheduled_at": "scheduled_for",
    "resumes_at": "resumes_on",
    "court_at": "court_on",
}
_DAYS = st.dates(date(1900, 1, 1), date(2199, 12, 31)).map(date.isoformat)
_LINES = st.characters(codec="utf-8", exclude_categories=["Cc"])

Schema = dict[str, Any]


def data_of(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Return data that is valid by the schema of an event's data, and coherent across its members."""
    return values_of(schema, schema).map(_coherent)


def values_of(schema: Schema, root: Schema) -> st.SearchStrategy[Any]:
    """Return JSON values that are valid by ``schema``, whose references lead into ``root``."""
    if "$ref" in schema:
        return values_of(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in schema:
        return st.one_of([values_of(each, root) for each in schema["anyOf"]])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    return _OF_TYPE[schema["type"]](schema, root)


def _objects(schema: Schema, root: Schema) -> st.SearchStrategy[dict[str, Any]]:
    members = {name: values_of(each, root) for name, each in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    return st.fixed_dictionaries(
        {name: each for name, each in members.items() if name in required},
        optional={name: each for name, each in members.items() if name not in required},
    )


def _lists(schema: Schema, root: Schema) -> st.SearchStrategy[list[Any]]:
    length = {"min_size": schema.get("minItems", 0), "max_size": min(schema["maxItems"], 4)}
    return st.lists(values_of(schema["items"], root), **length)


def _texts(schema: Schema, _root: Schema) -> st.SearchStrategy[str]:
    if schema.get("format") == "date":
        return _DAYS
    if schema.get("format") == "date-time":
        return _DAYS.map(_noon)
    if "maxLength" in schema and "[a-z_]" not in schema.get("pattern", ""):
        return st.text(_LINES, min_size=schema.get("minLength", 0), max_size=schema["maxLength"])
    return st.from_regex(schema["pattern"].replace("$", r"\Z"), fullmatch=True)


_OF_TYPE: dict[str, Callable[[Schema, Schema], st.SearchStrategy[Any]]] = {
    "object": _objects,
    "array": _lists,
    "string": _texts,
    "integer": lambda schema, _: st.integers(schema["minimum"], schema["maximum"]),
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
}


def _noon(day: str) -> str:
    # Noon in UTC falls on the same day in London all year.
    return f"{day}T12:00:00Z"


def _coherent(data: dict[str, Any]) -> dict[str, Any]:
    told = dict(data)
    for hour, day in _HOURS.items():
        if told.get(hour) is not None:
            told[hour] = _noon(told[day]) if told.get(day) is not None else None
    if told.get("born_on") is not None:
        told["born_on"] = min(told["born_on"], told["occurred_on"])
    return told
