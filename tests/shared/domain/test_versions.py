"""Versions of event data: every one is read for ever, and read as the latest."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.domain.catalogue import (
    CATALOGUE,
    EventData,
    EventType,
    dataschema,
    event_type,
    json_schema,
    read_data,
    type_of,
    version_named,
    version_of,
)
from shared.domain.catalogue.earlier import CarePlanAgreedV1
from shared.domain.catalogue.plan import CarePlanAgreed
from shared.domain.catalogue.roles import Role
from shared.domain.catalogue.versions import Earlier
from shared.domain.history import Fact, facts
from tests.support.events import SOURCE, Log, recorded
from tests.support.schema_values import data_of

STREAM = "child-ada"
PLAN = {"occurred_on": "2026-01-15", "plan_id": "p1"}
EVERY_VERSION = [(each, version) for each in CATALOGUE.values() for version in each.schemas]


def name_of(value: object) -> str:
    return value.name if isinstance(value, EventType) else str(value)


@pytest.mark.parametrize(("of", "version"), EVERY_VERSION, ids=name_of)
@given(data=st.data())
@settings(max_examples=20)
def test_what_a_schema_admits_is_read_as_the_latest_data(of: EventType, version: int, data: st.DataObject) -> None:
    """Whatever is valid by any version is taken, in JSON text as posted and decoded as stored, and lifted alike."""
    value = data.draw(data_of(json_schema(of, version)))
    before = copy.deepcopy(value)

    posted = read_data(of.name, version, orjson.dumps(value))
    stored = read_data(of.name, version, value)

    assert posted == stored == read_data(of.name, version, value)
    assert isinstance(posted, of.data)
    assert value == before


@pytest.mark.parametrize(("of", "version"), EVERY_VERSION, ids=name_of)
@given(data=st.data())
@settings(max_examples=20)
def test_lifted_data_is_valid_by_the_latest_schema(of: EventType, version: int, data: st.DataObject) -> None:
    """What an upcaster gives could have been posted: written as JSON it reads as itself, nothing left out or added."""
    lifted = read_data(of.name, version, data.draw(data_of(json_schema(of, version))))

    text = lifted.model_dump_json(exclude_unset=True)

    again = read_data(of.name, of.schema_version, text)
    assert again == lifted
    assert again.model_fields_set == lifted.model_fields_set


@pytest.mark.parametrize(
    ("with_parents", "agreed_with"), [(True, (Role.PARENT,)), (False, ())], ids=["with parents", "without"]
)
def test_a_plan_of_version_1_says_that_the_parents_agreed_or_that_nobody_is_known_to(
    with_parents: bool, agreed_with: tuple[Role, ...]
) -> None:
    """Version 1 knew the parents only; what it left out stays left out."""
    old = read_data("care_plan.agreed", 1, PLAN | {"agreed_with_parents": with_parents})

    assert isinstance(old, CarePlanAgreed)
    assert old.agreed_with == agreed_with
    assert old == read_data("care_plan.agreed", 2, PLAN | {"agreed_with": list(agreed_with)})
    assert old.model_fields_set == {"occurred_on", "plan_id", "agreed_with"}


def test_each_version_keeps_its_own_shape() -> None:
    """Data of one version is none of another."""
    for version, other in ((1, {"agreed_with": []}), (2, {"agreed_with_parents": True})):
        with pytest.raises(ValidationError):
            read_data("care_plan.agreed", version, PLAN | other)


def test_posted_text_is_judged_strictly() -> None:
    """In JSON text nothing is coerced: a string is no truth value, a number no date."""
    for wrong in ({"agreed_with_parents": "true"}, {"agreed_with_parents": True, "occurred_on": 20260115}):
        with pytest.raises(ValidationError):
            read_data("care_plan.agreed", 1, orjson.dumps(PLAN | wrong))


@pytest.mark.parametrize(("name", "version"), [("no.such", 1), ("care_plan.agreed", 0), ("care_plan.agreed", 3)])
def test_what_there_never_was_cannot_be_read(name: str, version: int) -> None:
    """An unknown type or version is a KeyError, never a guess."""
    with pytest.raises(KeyError):
        read_data(name, version, PLAN)


@pytest.mark.parametrize(("of", "version"), EVERY_VERSION, ids=name_of)
@pytest.mark.parametrize("host", ["", "https://homeward.example", "http://[::1]:8000"])
def test_a_dataschema_names_its_version(of: EventType, version: int, host: str) -> None:
    """The path, or a URL of any host with it, leads to the version, and to no version of another type."""
    named = host + dataschema(of, version)

    assert version_named(of, named) == version
    assert [each.name for each in CATALOGUE.values() if version_named(each, named)] == [of.name]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/v1/event-types/care_plan.agreed/0",
        "/v1/event-types/care_plan.agreed/3",
        "/v1/event-types/care_plan.agreed/01",
        "/v1/event-types/care_plan.agreed/²",
        "/v1/event-types/care_plan.agreed/1/",
        "/v1/event-types/care_plan.agreed/1\n",
        "ftp://host/v1/event-types/care_plan.agreed/1",
        "https://host/other/v1/event-types/care_plan.agreed/1",
        "https:///v1/event-types/care_plan.agreed/1",
    ],
)
def test_anything_else_names_no_version(text: str) -> None:
    """Another path, another number, or something around it is no schema of the type."""
    assert version_named(event_type("care_plan.agreed"), text) is None


def test_a_model_knows_its_type_and_version() -> None:
    """Data of an earlier version belongs to the same type."""
    plan = CarePlanAgreedV1.model_validate(PLAN | {"agreed_with_parents": True}, strict=False)

    assert (type_of(plan).name, version_of(plan)) == ("care_plan.agreed", 1)
    assert version_of(type_of(plan).lift(1, plan)) == 2
    assert dataschema(type_of(plan)).endswith("/2")


class First(EventData):
    count: int


class Second(EventData):
    counts: tuple[int, ...]


class Third(EventData):
    total: int


def test_data_is_lifted_step_by_step() -> None:
    """Each upcaster is asked in turn, from the version that was posted on, and no other."""
    of = EventType(
        "things.counted",
        Third,
        earlier=(
            Earlier(First, lambda old: Second(occurred_on=old.occurred_on, counts=(old.count, 1))),
            Earlier(Second, lambda old: Third(occurred_on=old.occurred_on, total=sum(old.counts))),
        ),
    )
    posted: dict[int, dict[str, Any]] = {1: {"count": 4}, 2: {"counts": [4, 2]}, 3: {"total": 7}}

    lifted = [of.read(version, {"occurred_on": "2026-01-15", **data}) for version, data in posted.items()]

    assert [each.model_dump()["total"] for each in lifted] == [5, 6, 7]
    assert (of.schema_version, list(of.schemas.values())) == (3, [First, Second, Third])


#: Plans agreed and corrected: whether with the parents, and which of the plans before is corrected (None: none is).
STORIES = st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 9)), min_size=1, max_size=8)


def told(story: list[tuple[bool, int | None]], versions: list[int]) -> tuple[Fact, ...]:
    """Return the facts of a story whose steps were each posted by the version given."""
    log = Log()
    agreed: list[str] = []
    for number, ((with_parents, of), version) in enumerate(zip(story, versions, strict=True)):
        data = wording(with_parents, version)
        if of is None or not agreed:
            event = log.add("care_plan.agreed", STREAM, "2026-01-15", version=version, plan_id=f"p{number}", **data)
            agreed.append(event.event_id)
            continue
        corrected = agreed[of % len(agreed)]
        amendment: dict[str, Any] = {
            "corrects_source": SOURCE,
            "corrects_id": corrected,
            "corrects_type": "care_plan.agreed",
        }
        if version > 1:
            amendment["replacement_version"] = version
        replacement = {**PLAN, "plan_id": f"p{number}", **data}
        log.add("record.corrected", STREAM, "2026-02-01", replacement=replacement, reason="other", **amendment)
    return facts(log.events)


def wording(with_parents: bool, version: int) -> dict[str, Any]:
    if version == 1:
        return {"agreed_with_parents": with_parents}
    return {"agreed_with": ["parent"] if with_parents else []}


@given(STORIES, st.data())
def test_replaying_old_events_equals_replaying_new_ones(
    story: list[tuple[bool, int | None]], data: st.DataObject
) -> None:
    """A history posted by version 1, by version 2 or by both in any mixture holds the same facts to be true."""
    mixed = data.draw(st.lists(st.sampled_from([1, 2]), min_size=len(story), max_size=len(story)))

    assert told(story, mixed) == told(story, [2] * len(story)) == told(story, [1] * len(story))


def test_an_event_that_names_no_schema_follows_version_1() -> None:
    """A sender that was set up before there was a second version needs to change nothing, ever."""
    event = recorded("care_plan.agreed", STREAM, PLAN | {"agreed_with_parents": True}, position=1)

    assert "dataschema" not in event.attributes
    assert event.data == CarePlanAgreed.model_validate(PLAN | {"agreed_with": ["parent"]}, strict=False)
