"""Corrections and retractions speak of an event that is there."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.services.events.posting import feed, post_batch, registered, statuses
from tests.support.council import headers, new_authority
from tests.support.events import SOURCE, cloud_event


def correction(event_id: str, *, child: str = "a1", of_type: str = "child.registered", **more: Any) -> dict[str, Any]:
    data = {
        "occurred_on": "2026-02-01",
        "corrects_source": SOURCE,
        "corrects_id": event_id,
        "corrects_type": of_type,
        "replacement": {"occurred_on": "2026-01-14"} | ({"team": "north"} if of_type != "child.registered" else {}),
        "reason": "recording_error",
    }
    return cloud_event("record.corrected", f"child-{child}", data, **more)


def retraction(event_id: str, *, child: str = "a1", source: str = SOURCE) -> dict[str, Any]:
    data = {"occurred_on": "2026-02-01", "retracts_source": source, "retracts_id": event_id, "reason": "wrong_child"}
    return cloud_event("record.retracted", f"child-{child}", data)


@pytest.mark.parametrize("amendment", [correction("e1"), retraction("e1")], ids=["correction", "retraction"])
@pytest.mark.parametrize("together", [True, False], ids=["in one request", "in a later request"])
async def test_an_earlier_event_is_amended(
    client: httpx.AsyncClient, amendment: dict[str, Any], together: bool
) -> None:
    """The event may lie in the log, or before its amendment in the same request."""
    requests = [[registered(id="e1"), amendment]] if together else [[registered(id="e1")], [amendment]]

    assert [await post_batch(client, each) for each in requests]
    assert [each["event"]["type"] for each in await feed(client)] == ["child.registered", amendment["type"]]


@pytest.mark.parametrize(
    ("amendment", "pointer", "code"),
    [
        (correction("no-such"), "/data/corrects_id", "nothing_to_amend"),
        (correction("e1", child="b2"), "/data/corrects_id", "nothing_to_amend"),
        (correction("e1", of_type="child.team_assigned"), "/data/corrects_type", "other_type"),
        (correction("c1"), "/data/corrects_id", "not_amendable"),
        (retraction("no-such"), "/data/retracts_id", "nothing_to_amend"),
        (retraction("e1", child="b2"), "/data/retracts_id", "nothing_to_amend"),
        (retraction("e1", source="/another"), "/data/retracts_id", "nothing_to_amend"),
        (retraction("c1"), "/data/retracts_id", "not_amendable"),
    ],
)
async def test_what_is_not_there_cannot_be_amended(
    client: httpx.AsyncClient, amendment: dict[str, Any], pointer: str, code: str
) -> None:
    """The event must lie in the same stream, be of the type named, and not be an amendment itself."""
    await post_batch(client, [registered(id="e1"), registered("b2", id="e2"), correction("e1", id="c1")])

    answer = await post_batch(client, [amendment])

    (item,) = answer.json()["items"]
    assert answer.status_code == 422
    assert [(each["pointer"], each["code"]) for each in item["problem"]["errors"]] == [(pointer, code)]
    assert len(await feed(client)) == 3


async def test_an_amendment_comes_after_what_it_amends(client: httpx.AsyncClient) -> None:
    """Within a request the order counts, and an event that was refused is not there."""
    refused = {**registered(id="e2"), "type": "no.such"}

    answer = await post_batch(client, [correction("e1"), registered(id="e1"), refused, retraction("e2")])

    assert statuses(answer) == ["invalid", "stored", "invalid", "invalid"]


async def test_another_authority_s_event_is_not_there(client: httpx.AsyncClient, database_url: str) -> None:
    """What another council recorded cannot be amended, nor can anyone learn that it exists."""
    await post_batch(client, [registered(id="e1")])
    client.headers.update(headers(await new_authority(database_url)))

    assert statuses(await post_batch(client, [correction("e1")])) == ["invalid"]
