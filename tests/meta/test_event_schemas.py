"""What has been promised to those who send and read events is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError, field_validator

from shared.domain.catalogue import CATALOGUE, EventType, child, json_schema, read_data
from tests.meta.compatibility import broken_promises
from tests.meta.event_page import EVENT_TYPES_PAGE, event_types_page, meaning
from tests.meta.event_schemas import FOLDER, Key, Schema, breaks, current, file_of, main, released, text_of
from tests.meta.repository import ROOT
from tests.support.schema_values import data_of

REMEDY = "run `make schemas`"


def test_no_promise_of_the_last_release_is_broken() -> None:
    """Every released version is still there, and has only gained what leaves old events and old readers right."""
    assert breaks(released(), current()) == []


@pytest.mark.parametrize("key", current(), ids=lambda key: f"{key[0]} {key[1]}")
def test_the_files_are_those_of_the_code(key: Key) -> None:
    """Each version's file reads as `make schemas` would write it."""
    assert file_of(key).is_file(), REMEDY
    assert file_of(key).read_text(encoding="utf-8") == text_of(current()[key]), REMEDY


def test_the_page_of_event_types_is_that_of_the_code() -> None:
    """The page reads as `make schemas` would write it."""
    assert EVENT_TYPES_PAGE.read_text(encoding="utf-8") == event_types_page(), REMEDY


@pytest.mark.parametrize("of", CATALOGUE.values(), ids=lambda of: of.name)
def test_every_member_says_what_it_is(of: EventType) -> None:
    """Nothing is recorded for a hundred years of which its schema does not say what it means."""
    schema = json_schema(of)
    objects = [schema, *(each for each in schema.get("$defs", {}).values() if "properties" in each)]
    silent = [
        f"{each['title']}.{name}"
        for each in objects
        for name, member in each["properties"].items()
        if not meaning(member, schema)
    ]

    assert silent == []


@pytest.mark.parametrize("of", CATALOGUE.values(), ids=lambda of: of.name)
def test_every_member_is_bounded(of: EventType) -> None:
    """Text, lists and numbers end somewhere; only a replacement is as large as what it replaces may be."""
    endless = [path for path in unbounded(json_schema(of)) if path[-1] != "replacement"]

    assert endless == []


def unbounded(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(node, list):
        for each in node:
            yield from unbounded(each, path)
    elif isinstance(node, dict):
        limits = {"maxLength", "maxItems", "maximum", "format", "enum", "const", "properties"} & node.keys()
        # A pattern bounds a text if it repeats nothing without end.
        ends = limits or not re.search(r"[*+]", node.get("pattern", "*"))
        if node.get("type") in ("string", "array", "integer", "object") and not ends:
            yield path
        for name, each in node.items():
            yield from unbounded(each, (*path, name))


#: What names an event that another system made up, and the one text that people write.
FREE_TEXT = {"corrects_source", "corrects_id", "retracts_source", "retracts_id", "summary"}


@pytest.mark.parametrize("of", CATALOGUE.values(), ids=lambda of: of.name)
def test_free_text_has_no_place_but_one(of: EventType) -> None:
    """Personal data leaks in through free text: all but an action's short summary is codes, dates and identifiers."""
    found = {path[-1] for path in unpatterned(json_schema(of))}

    assert found <= FREE_TEXT


def unpatterned(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(node, list):
        for each in node:
            yield from unpatterned(each, path)
    elif isinstance(node, dict):
        narrow = {"format", "enum", "const"} & node.keys() or re.search(r"^\^\[[A-Za-z]", node.get("pattern", ""))
        if node.get("type") == "string" and not narrow:
            yield path
        for name, each in node.items():
            yield from unpatterned(each, path if name in ("anyOf", "items") else (*path, name))


@pytest.mark.parametrize("key", released(), ids=lambda key: f"{key[0]} {key[1]}")
@given(data=st.data())
@settings(max_examples=15)
def test_whatever_a_release_admits_is_taken(key: Key, data: st.DataObject) -> None:
    """Data that is valid by a released schema is read by the code, whatever rules models have beside their schema."""
    assert read_data(*key, orjson.dumps(data.draw(data_of(released_schema(key)))))


@cache
def released_schema(key: Key) -> Schema:
    return released()[key]


class Unsaid(child.ChildTeamAssigned):
    """Another team works with the child, but no longer one whose code begins with a letter."""

    @field_validator("team")
    @classmethod
    def _no_letter(cls, team: str) -> str:
        if team[0].isalpha():
            raise ValueError("no longer")
        return team


def test_a_rule_that_no_schema_says_would_be_found() -> None:
    """A validator that refuses what was valid leaves the schema as it was; only data shows it."""
    schema = released_schema(("child.team_assigned", 1))
    assert broken_promises(schema, Unsaid.model_json_schema()) == []

    with pytest.raises(ValidationError):
        find(data_of(schema), lambda data: not Unsaid.model_validate_json(orjson.dumps(data)))


def test_a_release_holds_every_type() -> None:
    """The folder is found, and the schemas that the first release had are in it."""
    assert FOLDER.relative_to(ROOT).as_posix() == "docs/reference/schemas"
    assert {("child.accommodated", 1), ("care_plan.agreed", 1), ("care_plan.agreed", 2)} <= released().keys()


def test_a_version_that_is_gone_would_be_found() -> None:
    """A type or a version that was released and is no longer in the code breaks a promise."""
    now = current()
    before = {**now, ("child.renamed", 1): {}, ("child.accommodated", 9): {}}

    assert breaks(before, now) == [
        "child.renamed 1 /: the version is gone",
        "child.accommodated 9 /: the version is gone",
    ]


def test_nothing_is_written_over_a_broken_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make schemas` refuses to make a release forget what it promised."""
    monkeypatch.setattr("tests.meta.event_schemas.released", lambda: {("child.renamed", 1): {}})
    monkeypatch.setattr("tests.meta.event_schemas.write", lambda *_: pytest.fail("written"))

    with pytest.raises(SystemExit, match=r"child\.renamed 1"):
        main()
