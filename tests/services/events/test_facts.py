"""What is held true of a stream, and the history of how it came to be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.identity.keys import ApiKey, Scope
from tests.services.events.posting import post, registered
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.events import SOURCE, cloud_event

CHILD = "child-a1"


def started(home: str, on: str, *, id: str) -> dict[str, Any]:  # noqa: A002 - CloudEvents' name
    data = {"occurred_on": on, "home_id": home, "home_kind": "foster"}
    return cloud_event("home.started", CHILD, data, id=id)


def corrected(of: str, replacement: dict[str, Any], *, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    data = {
        "occurred_on": "2026-06-01",
        "corrects_source": SOURCE,
        "corrects_id": of,
        "corrects_type": "home.started",
        "replacement": replacement,
        "reason": "recording_error",
    }
    return cloud_event("record.corrected", CHILD, data, id=id)


def retracted(of: str, *, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    data = {"occurred_on": "2026-06-02", "retracts_source": SOURCE, "retracts_id": of, "reason": "wrong_child"}
    return cloud_event("record.retracted", CHILD, data, id=id)


@pytest.fixture
async def told(client: httpx.AsyncClient, clock: SettableClock) -> None:
    """Tell of three homes, then correct the first and retract the second, an hour apart each."""
    right = {"occurred_on": "2026-02-03", "home_id": "h1", "home_kind": "foster"}
    for event in (
        started("h1", "2026-03-03", id="one"),
        started("h2", "2026-04-04", id="two"),
        started("h3", "2026-05-05", id="three"),
        corrected("one", right, id="amend-one"),
        retracted("two", id="amend-two"),
    ):
        answer = await post(client, event)
        assert answer.status_code == 200, answer.text
        clock.set(clock.now() + timedelta(hours=1))


async def ids(client: httpx.AsyncClient, query: str = "") -> list[str]:
    answer = await client.get(f"/v1/streams/{CHILD}/facts{query}")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


@pytest.mark.usefixtures("told")
async def test_facts_are_what_is_held_true(client: httpx.AsyncClient) -> None:
    """The corrected wording stands, the retracted fact is gone, and both name where they come from."""
    page = (await client.get(f"/v1/streams/{CHILD}/facts")).json()

    told_of = ("id", "position", "amended_position", "occurred_on")
    assert [tuple(each[name] for name in told_of) for each in page["items"]] == [
        ("one", 1, 4, "2026-02-03"), ("three", 3, None, "2026-05-05")
    ]  # fmt: skip
    assert page["items"][0]["data"]["occurred_on"] == "2026-02-03"
    assert (page["stream"], page["as_of"], page["known_at"], page["next_cursor"]) == (CHILD, "2026-06-11", None, None)


@pytest.mark.usefixtures("told")
async def test_facts_take_both_times(client: httpx.AsyncClient) -> None:
    """`as_of` asks what had occurred, `known_at` what had been recorded."""
    assert await ids(client, "?as_of=2026-03-01") == ["one"]
    assert await ids(client, "?known_at=2026-06-11T09:30:00Z") == ["one"]
    assert await ids(client, "?known_at=2026-06-11T11:30:00Z") == ["one", "two", "three"]
    assert await ids(client, "?known_at=2026-06-11T11:30:00Z&as_of=2026-03-01") == []
    assert await ids(client, "?known_at=2020-01-01T00:00:00Z") == []


@pytest.mark.usefixtures("told")
async def test_history_tells_who_when_and_why(client: httpx.AsyncClient, key: ApiKey) -> None:
    """Every fact with every wording, those taken back included."""
    page = (await client.get(f"/v1/streams/{CHILD}/history")).json()

    one, two, three = page["items"]
    assert [each["id"] for each in page["items"]] == ["one", "two", "three"]
    assert [(each["kind"], each["position"], each["reason"]) for each in one["wordings"]] == [
        ("recorded", 1, None), ("corrected", 4, "recording_error")
    ]  # fmt: skip
    assert [each["data"]["occurred_on"] for each in one["wordings"]] == ["2026-03-03", "2026-02-03"]
    assert (two["retracted"], two["wordings"][1]["reason"], two["wordings"][1]["data"]) == (True, "wrong_child", None)
    assert (one["retracted"], len(three["wordings"])) == (False, 1)
    assert {each["recorded_by"] for of in page["items"] for each in of["wordings"]} == {key.key_id}
    assert one["wordings"][1]["recorded_at"] == "2026-06-11T12:30:00Z"
    then = (await client.get(f"/v1/streams/{CHILD}/history?known_at=2026-06-11T10:30:00Z")).json()
    assert [len(each["wordings"]) for each in then["items"]] == [1, 1]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("what", ["facts", "history"])
async def test_pages_join_without_gap(client: httpx.AsyncClient, what: str) -> None:
    """Going on from `next_cursor` gives every item once; a cursor of another list or filter is refused."""
    path = f"/v1/streams/{CHILD}/{what}?known_at=2026-06-11T11:30:00Z"
    whole = (await client.get(path)).json()["items"]
    got, cursor = [], ""
    while cursor is not None:
        page = (await client.get(f"{path}&limit=1{cursor and '&cursor=' + cursor}")).json()
        got += page["items"]
        last, cursor = cursor or None, page["next_cursor"]

    assert got == whole
    assert len(whole) == 3
    await post(client, registered("b2"))
    for elsewhere in (f"/v1/streams/child-b2/{what}?known_at=2026-06-11T11:30:00Z", f"/v1/streams/{CHILD}/{what}?"):
        assert (await client.get(f"{elsewhere}&cursor={last}")).status_code == 422


@pytest.mark.parametrize("what", ["facts", "history"])
async def test_a_stream_that_is_not_there_is_not_found(client: httpx.AsyncClient, what: str) -> None:
    """A stream without events is unknown; what names no stream is invalid."""
    assert (await client.get(f"/v1/streams/child-nobody/{what}")).status_code == 404
    assert (await client.get(f"/v1/streams/nobody/{what}")).status_code == 422


@pytest.mark.parametrize(("what", "scope"), [("facts", Scope.FACTS_READ), ("history", Scope.EVENTS_READ)])
async def test_each_needs_its_scope(
    client: httpx.AsyncClient, database_url: str, key: ApiKey, what: str, scope: Scope
) -> None:
    """Ordinary readers see what is true; what was wrong is for those who may read the log."""
    await post(client, registered("a1"))
    allowed = await new_authority(database_url, key.authority_id, [scope])
    others = await new_authority(database_url, key.authority_id, set(Scope) - {scope})

    answers = [
        (await client.get(f"/v1/streams/{CHILD}/{what}", headers={"authorization": f"Bearer {each}"})).status_code
        for each in (allowed, others)
    ]

    assert answers == [200, 403]
