"""If-Match and If-None-Match: appending only where the stream is believed to be."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.services.events.posting import feed, post, post_batch, registered, statuses


async def test_a_stream_s_etag_is_what_an_append_expects(client: httpx.AsyncClient) -> None:
    """Read, decide, append: with the ETag of the read it is stored, and a second time it is not."""
    await post_batch(client, [registered(), registered("b2"), registered()])
    etag = (await client.get("/v1/streams/child-a1/events")).headers["etag"]

    first = await post(client, registered(), if_match=etag)
    late = await post(client, registered(), if_match=etag)

    assert (etag, first.status_code, late.status_code) == ('"2"', 200, 412)
    assert late.headers["etag"] == '"3"'
    assert "position 3" in late.json()["detail"]
    fault = {"pointer": ":if-match", "code": "stream_position", "message": "This stream is at position 3."}
    assert late.json()["errors"] == [fault]
    assert len(await feed(client)) == 4


@pytest.mark.parametrize("header", [{"if_none_match": "*"}, {"if_match": '"0"'}])
async def test_a_stream_may_be_expected_to_be_new(client: httpx.AsyncClient, header: dict[str, str]) -> None:
    """Of two writers that both believe they begin a stream, one is told otherwise."""
    first = await post_batch(client, [registered(), registered()], **header)
    second = await post(client, registered(), **header)

    assert (first.status_code, second.status_code, second.headers["etag"]) == (200, 412, '"2"')
    (fault,) = second.json()["errors"]
    assert fault["pointer"] == ":" + next(iter(header)).replace("_", "-")


async def test_a_stream_may_be_expected_to_exist(client: httpx.AsyncClient) -> None:
    """With If-Match * an append needs an earlier event of the stream, wherever it has come to."""
    missing = await post(client, registered(), if_match="*")
    await post(client, registered())
    there = await post(client, registered(), if_match="*")

    assert (missing.status_code, there.status_code) == (412, 200)
    assert "does not exist" in missing.json()["detail"]


async def test_of_writers_with_one_expectation_one_is_stored(client: httpx.AsyncClient) -> None:
    """Many appends at once that expect the same position: exactly one finds it."""
    answers = await asyncio.gather(*(post(client, registered(), if_match='"0"') for _ in range(12)))

    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 11


async def test_a_neighbour_s_mismatch_costs_nothing(client: httpx.AsyncClient) -> None:
    """Requests that are committed together are judged apart."""
    answers = await asyncio.gather(
        *(post(client, registered(f"c{number}"), if_match=f'"{number % 2}"') for number in range(10))
    )

    assert [answer.status_code for answer in answers] == [200, 412] * 5


@pytest.mark.parametrize(
    "headers",
    [
        {"if_match": "5"},
        {"if_match": 'W/"5"'},
        {"if_match": '"5", "6"'},
        {"if_match": '"05"'},
        {"if_match": '"-1"'},
        {"if_match": '"99999999999999999999"'},
        {"if_match": ""},
        {"if_none_match": '"5"'},
        {"if_match": "*", "if_none_match": "*"},
    ],
)
async def test_a_precondition_that_cannot_be_kept_is_refused(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """It is never passed over in silence."""
    answer = await post(client, registered(), **headers)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "precondition")
    assert await feed(client) == []


async def test_a_precondition_speaks_of_one_stream(client: httpx.AsyncClient) -> None:
    """Over events of several streams it is refused; an invalid event beside them does not count."""
    several = await post_batch(client, [registered(), registered("b2")], if_none_match="*")
    mixed = await post_batch(client, [registered(), {**registered("b2"), "type": "no.such"}], if_none_match="*")

    assert (several.status_code, mixed.status_code) == (422, 207)
    assert statuses(mixed) == ["stored", "invalid"]
