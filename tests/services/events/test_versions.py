"""Events of every version of their schema are taken, kept as they were posted, and read as the latest."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from shared.domain.catalogue import event_type, json_schema
from shared.domain.catalogue.plan import CarePlanAgreed
from shared.domain.catalogue.roles import Role
from shared.domain.history import facts
from shared.wire.feed import RecordedEventView, recorded_event
from tests.services.events.posting import feed, post, post_batch, statuses
from tests.support.bystanders import BYSTANDERS
from tests.support.events import SOURCE, cloud_event

STREAM = "child-a1"
AGREED = {"occurred_on": "2026-01-14", "plan_id": "p1"}
PATH = "/v1/event-types/care_plan.agreed"


def plan(event_id: str, *, schema: str | None = None, **data: Any) -> dict[str, Any]:
    named = {} if schema is None else {"dataschema": schema}
    return cloud_event("care_plan.agreed", STREAM, AGREED | data, id=event_id, **named)


def correction(version: int | None, **replacement: Any) -> dict[str, Any]:
    data = {
        "occurred_on": "2026-01-20",
        "corrects_source": SOURCE,
        "corrects_id": "e1",
        "corrects_type": "care_plan.agreed",
        "replacement": AGREED | replacement,
        "reason": "recording_error",
    }
    said = {} if version is None else {"replacement_version": version}
    return cloud_event("record.corrected", STREAM, data | said)


async def agreed_with(client: httpx.AsyncClient) -> list[tuple[Role, ...]]:
    """Return with whom each plan of the log is held to be agreed."""
    events = [recorded_event("any", RecordedEventView.model_validate(each)) for each in await feed(client)]
    plans = [fact.data for fact in facts(events)]
    return [each.agreed_with for each in plans if isinstance(each, CarePlanAgreed)]


async def test_old_and_new_events_stand_side_by_side(client: httpx.AsyncClient) -> None:
    """A sender that names no schema, or the first, goes on beside one that names the second."""
    answer = await post_batch(
        client,
        [
            plan("e1", agreed_with_parents=True),
            plan("e2", schema=f"{PATH}/1", agreed_with_parents=False),
            plan("e3", schema=f"https://homeward.example{PATH}/2", agreed_with=["parent", "child"]),
        ],
    )

    assert statuses(answer) == ["stored"] * 3
    assert await agreed_with(client) == [(Role.PARENT,), (), (Role.PARENT, Role.CHILD)]
    assert [set(each["event"]["data"]) - set(AGREED) for each in await feed(client)] == [
        {"agreed_with_parents"},
        {"agreed_with_parents"},
        {"agreed_with"},
    ]


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (plan("e1", agreed_with=["parent"]), "/data/agreed_with_parents"),
        (plan("e1", schema=f"{PATH}/2", agreed_with_parents=True), "/data/agreed_with"),
        (plan("e1", schema=f"{PATH}/3", agreed_with=["parent"]), "/dataschema"),
        (plan("e1", schema="/v1/event-types/care_plan.revised/1", agreed_with=["parent"]), "/dataschema"),
    ],
    ids=["new data, no schema", "old data, new schema", "a schema to come", "another type's schema"],
)
async def test_data_is_judged_by_the_schema_that_is_named(
    client: httpx.AsyncClient, event: dict[str, Any], pointer: str
) -> None:
    """Data of one version is refused as that of another, with a pointer to what it lacks."""
    answer = await post(client, event)

    assert answer.status_code == 422
    assert pointer in [each["pointer"] for each in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("version", "replacement"),
    [(None, {"agreed_with_parents": False}), (1, {"agreed_with_parents": False}), (2, {"agreed_with": []})],
)
@pytest.mark.parametrize("first", [1, 2])
async def test_a_correction_says_which_version_its_replacement_follows(
    client: httpx.AsyncClient, first: int, version: int | None, replacement: dict[str, Any]
) -> None:
    """An event of any version is corrected by a replacement of any version; unsaid, it is version 1."""
    said = {"agreed_with_parents": True} if first == 1 else {"agreed_with": ["parent"]}
    await post(client, plan("e1", schema=f"{PATH}/{first}", **said))

    answer = await post(client, correction(version, **replacement))

    assert answer.status_code == 200
    assert await agreed_with(client) == [()]


@pytest.mark.parametrize(
    ("version", "replacement", "pointer"),
    [
        (None, {"agreed_with": []}, "/data/replacement/agreed_with_parents"),
        (2, {"agreed_with_parents": True}, "/data/replacement/agreed_with"),
        (3, {"agreed_with": []}, "/data/replacement_version"),
    ],
)
async def test_a_replacement_that_does_not_fit_its_version_is_refused(
    client: httpx.AsyncClient, version: int | None, replacement: dict[str, Any], pointer: str
) -> None:
    """Nothing is guessed from the shape of a replacement."""
    await post(client, plan("e1", agreed_with_parents=True))

    answer = await post(client, correction(version, **replacement))

    assert answer.status_code == 422
    assert pointer in [each["pointer"] for each in answer.json()["errors"]]


async def test_every_type_of_the_vocabulary_is_taken(client: httpx.AsyncClient) -> None:
    """An example of each further type, with the role of who told it, is stored and given back."""
    events = [cloud_event(each.name, STREAM, example(each.name)) for each in BYSTANDERS]

    answer = await post_batch(client, events)

    assert statuses(answer) == ["stored"] * len(events)
    assert {each["event"]["data"]["actor_role"] for each in await feed(client)} == {"social_worker"}


def example(name: str) -> dict[str, Any]:
    """Return the least that an event of this type has to say, and who told it."""
    schema = json_schema(event_type(name), 1)
    values = {member: least(schema["properties"][member], schema) for member in schema["required"]}
    return values | {"occurred_on": "2026-01-14", "actor_role": "social_worker"}


def least(member: dict[str, Any], root: dict[str, Any]) -> Any:
    if "$ref" in member:
        return least(root["$defs"][member["$ref"].removeprefix("#/$defs/")], root)
    if "anyOf" in member:
        return least(member["anyOf"][0], root)
    if "properties" in member:
        return {name: least(member["properties"][name], root) for name in member["required"]}
    if member.get("type") == "array":
        return [least(member["items"], root)] * member.get("minItems", 0)
    plain = {"string": "2026-01-14" if "format" in member else "a1", "boolean": True, "integer": 1}
    return member["enum"][0] if "enum" in member else plain[member["type"]]
