"""Homeward-Expected: one append to the streams of several children, each where the writer believes it to be."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.services.events.posting import feed, positions, post_batch, registered, statuses
from tests.support.events import cloud_event

CHILDREN = ("a1", "b2", "c3")


def meeting(child: str) -> dict[str, Any]:
    """Return what one meeting about brothers and sisters says in the stream of one of them."""
    data = {
        "occurred_on": "2026-05-04",
        "meeting_id": f"meeting-of-three-{child}",
        "meeting_kind": "looked_after_child_review",
        "scheduled_for": "2026-06-01",
    }
    return cloud_event("meeting.scheduled", f"child-{child}", data, id=f"meeting-{child}")


def elsewhere(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(each["pointer"], each["message"]) for each in answer.json()["errors"]]


async def test_one_meeting_about_three_children_is_one_append(client: httpx.AsyncClient) -> None:
    """It is stored in all three streams when each is where it was read, and otherwise in none."""
    await post_batch(client, [registered(child) for child in CHILDREN])
    read = {child: await client.get(f"/v1/streams/child-{child}/events") for child in CHILDREN}
    at = {child: answer.headers["etag"].strip('"') for child, answer in read.items()}
    expected = ", ".join(f"child-{child}={position}" for child, position in at.items())
    await post_batch(client, [registered("b2")])

    late = await post_batch(client, [meeting(child) for child in CHILDREN], "?atomic=true", homeward_expected=expected)
    renewed = expected.replace("child-b2=1", "child-b2=2")
    stored = await post_batch(client, [meeting(child) for child in CHILDREN], "?atomic=true", homeward_expected=renewed)
    again = await post_batch(client, [meeting(child) for child in CHILDREN], "?atomic=true", homeward_expected=renewed)

    assert (late.status_code, late.json()["type"]) == (412, "/v1/problems/stream-position-conflict")
    assert elsewhere(late) == [(":homeward-expected.1", "This stream is at position 2.")]
    assert "etag" not in late.headers
    assert (stored.status_code, positions(stored)) == (200, [5, 6, 7])
    assert (statuses(again), positions(again)) == (["duplicate"] * 3, [5, 6, 7])
    assert len(await feed(client)) == 7


@pytest.mark.parametrize(
    ("expected", "status"),
    [
        ("child-a1=1", 200),
        ("child-a1=exists,child-z9=none", 200),
        ("child-a1=any, child-b2=any", 200),
        ("child-z9=0", 200),
        ("authority=none", 200),
        ("child-a1=2", 412),
        ("child-a1=none", 412),
        ("child-z9=exists", 412),
        ("child-a1=1,child-z9=3", 412),
    ],
)
async def test_each_stream_is_a_number_absent_there_or_anywhere(
    client: httpx.AsyncClient, expected: str, status: int
) -> None:
    """All expectations count, those too about streams of which no event is sent."""
    await post_batch(client, [registered("a1")])

    answer = await post_batch(client, [registered("b2")], homeward_expected=expected)

    assert answer.status_code == status
    assert len(await feed(client)) == (2 if status == 200 else 1)


async def test_every_stream_that_is_elsewhere_is_named(client: httpx.AsyncClient) -> None:
    """By its place in the header and with where it is; the streams themselves are not repeated."""
    await post_batch(client, [registered("a1"), registered("a1"), registered("b2")])

    answer = await post_batch(
        client, [meeting("a1")], homeward_expected="child-a1=1, child-b2=1, child-c3=exists, child-b9=none"
    )

    assert elsewhere(answer) == [
        (":homeward-expected.0", "This stream is at position 2."),
        (":homeward-expected.2", "This stream does not exist."),
    ]
    assert "child-" not in answer.text


@pytest.mark.parametrize(
    ("header", "pointer"),
    [
        ("", ":homeward-expected.0"),
        ("child-a1", ":homeward-expected.0"),
        ("child-a1=", ":homeward-expected.0"),
        ("child-a1=1,", ":homeward-expected.1"),
        ("child-a1=1, child-b2=01", ":homeward-expected.1"),
        ("child-a1=-1", ":homeward-expected.0"),
        ("child-a1=9999999999999999999", ":homeward-expected.0"),
        ("child-a1=Exists", ":homeward-expected.0"),
        ("child-a1 = 1", ":homeward-expected.0"),
        ("child-a1=1=1", ":homeward-expected.0"),
        ("child-a1=1, child-a1=1", ":homeward-expected.1"),
        ("nobody=1", ":homeward-expected.0"),
        ("child-a1=1;child-b2=1", ":homeward-expected.0"),
        (", ".join(f"child-c{number}=any" for number in range(101)), ":homeward-expected"),
    ],
)
async def test_a_header_that_is_not_understood_is_refused(client: httpx.AsyncClient, header: str, pointer: str) -> None:
    """Wholly, with the place of the fault and without what was sent."""
    answer = await post_batch(client, [registered("a1")], homeward_expected=header)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "precondition")
    assert answer.json()["errors"][0]["pointer"] == pointer
    assert await feed(client) == []


async def test_only_one_kind_of_precondition_is_sent(client: httpx.AsyncClient) -> None:
    """Two that may contradict each other are refused."""
    answer = await post_batch(client, [registered("a1")], homeward_expected="child-a1=none", if_none_match="*")

    assert (answer.status_code, await feed(client)) == (422, [])
