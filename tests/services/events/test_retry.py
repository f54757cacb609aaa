"""A request that is sent again: the whole matrix of what may have happened meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from services.events.app import create_app
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from tests.services.events.posting import feed, positions, post, post_batch, registered, statuses
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock


def other_content(event: dict[str, Any]) -> dict[str, Any]:
    return {**event, "data": {**event["data"], "team": "another"}}


@pytest.mark.parametrize("expecting", [False, True], ids=["any position", "the position of the first try"])
@pytest.mark.parametrize("appended_since", [False, True], ids=["at once", "after later appends"])
@pytest.mark.parametrize("in_batch", [False, True], ids=["alone", "in a batch"])
async def test_the_same_content_is_answered_as_the_first_time(
    client: httpx.AsyncClient, expecting: bool, appended_since: bool, in_batch: bool
) -> None:
    """A repetition gets the positions of the first try and stores nothing, even when the stream has moved on."""
    await post(client, registered())
    events = [registered(), registered()] if in_batch else [registered()]
    precondition = {"if_match": '"1"'} if expecting else {}

    first = await post_batch(client, events, **precondition)
    if appended_since:
        await post_batch(client, [registered(), registered()])
    before = await feed(client)
    again = await post_batch(client, events, **precondition)

    assert (first.status_code, again.status_code) == (200, 200)
    assert statuses(again) == ["duplicate"] * len(events)
    assert positions(again) == positions(first)
    assert [each["stream_position"] for each in again.json()["items"]] == [2, 3][: len(events)]
    assert await feed(client) == before


#: What a writer may expect when it sends again, of a stream whose first event its first try was.
ANY, FIRST, PRESENT = "any position", "the position of the first try", "the present position"
EXPECTATIONS = pytest.mark.parametrize("expecting", [ANY, FIRST, PRESENT])


def precondition(expecting: str, present: int) -> dict[str, str]:
    """Return the header that says it; the stream is at ``present`` now."""
    return {ANY: {}, FIRST: {"if_none_match": "*"}, PRESENT: {"if_match": f'"{present}"'}}[expecting]


@EXPECTATIONS
@pytest.mark.parametrize("appended_since", [False, True], ids=["at once", "after later appends"])
async def test_other_content_under_the_same_id_is_a_conflict(
    client: httpx.AsyncClient, expecting: str, appended_since: bool
) -> None:
    """It is never taken for a repetition, never stored, and the conflict names the stored position."""
    event = registered()
    await post(client, event)
    if appended_since:
        await post(client, registered())
    before = await feed(client)

    answer = await post(client, other_content(event), **precondition(expecting, len(before)))

    assert answer.status_code == 409
    assert "position 1 " in answer.json()["detail"]
    assert await feed(client) == before


@EXPECTATIONS
@pytest.mark.parametrize("appended_since", [False, True], ids=["at once", "after later appends"])
@pytest.mark.parametrize("same", [True, False], ids=["the same content", "other content"])
async def test_a_batch_of_which_a_part_is_stored(
    client: httpx.AsyncClient, expecting: str, appended_since: bool, same: bool
) -> None:
    """The rest is stored behind the end, whatever becomes of the part; where the stream has moved on, nothing is."""
    stored, fresh = registered(), registered()
    await post(client, stored)
    if appended_since:
        await post(client, registered())
    before = await feed(client)

    batch = [stored if same else other_content(stored), fresh]
    answer = await post_batch(client, batch, **precondition(expecting, len(before)))

    if expecting == FIRST:
        assert (answer.status_code, await feed(client)) == (412, before)
    else:
        assert statuses(answer) == ["duplicate" if same else "conflict", "stored"]
        assert positions(answer) == [1, len(before) + 1]
        assert [each["event"]["id"] for each in await feed(client)][len(before) :] == [fresh["id"]]


async def test_a_batch_of_which_a_part_conflicts(client: httpx.AsyncClient) -> None:
    """The conflict is named and costs the other events nothing."""
    taken = registered()
    await post(client, taken)

    answer = await post_batch(client, [registered(), other_content(taken), registered()])

    assert (answer.status_code, statuses(answer)) == (207, ["stored", "conflict", "stored"])
    assert positions(answer) == [2, 1, 3]


async def test_the_same_id_twice_in_one_request(client: httpx.AsyncClient) -> None:
    """Identical is a repetition of the first, other content a conflict with it."""
    event = registered()

    answer = await post_batch(client, [event, event, other_content(event)])

    assert (statuses(answer), positions(answer)) == (["stored", "duplicate", "conflict"], [1, 1, None])
    assert len(await feed(client)) == 1


async def test_one_id_of_two_sources_names_two_events(client: httpx.AsyncClient) -> None:
    """An id is unique within its source only."""
    event = registered()

    answer = await post_batch(client, [event, {**event, "source": "/another/system"}])

    assert statuses(answer) == ["stored", "stored"]


async def test_many_repetitions_at_once_store_one_event(settings: Settings, clock: SettableClock, key: ApiKey) -> None:
    """Two processes that get the same event twenty times store it once, and tell all where it lies."""
    event = registered()
    async with (
        asgi_client(create_app(settings, clock=clock), key) as one,
        asgi_client(create_app(settings, clock=clock), key) as other,
    ):
        answers = await asyncio.gather(*(post(client, event) for client in (one, other) * 10))

        verdicts = Counter(statuses(answer)[0] for answer in answers)
        assert verdicts == {"stored": 1, "duplicate": 19}
        assert {positions(answer)[0] for answer in answers} == {1}
        assert len(await feed(one)) == 1
