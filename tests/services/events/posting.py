"""Posting events, and reading what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import httpx
import orjson

from services.events.model import AppendRequest, AtPosition, Expected, StreamState
from shared.wire.content_modes import BATCH, NDJSON, STRUCTURED, read
from tests.support.events import cloud_event

_numbers = count(1)


def registered(child: str = "a1", *, id: str | None = None, **data: Any) -> dict[str, Any]:  # noqa: A002 - CloudEvents' name
    """Return a CloudEvent that registers a child; its id is new unless given."""
    return cloud_event(
        "child.registered",
        f"child-{child}",
        {"occurred_on": "2026-01-15", **data},
        id=id or f"registered-{next(_numbers)}",
    )


async def post(client: httpx.AsyncClient, event: Any, **headers: str) -> httpx.Response:
    """Post one event in structured mode."""
    return await post_raw(client, STRUCTURED, orjson.dumps(event), **headers)


async def post_batch(
    client: httpx.AsyncClient, events: Sequence[Any], query: str = "", **headers: str
) -> httpx.Response:
    """Post several events as a batch."""
    return await post_raw(client, BATCH, orjson.dumps(list(events)), query, **headers)


async def post_lines(client: httpx.AsyncClient, events: Sequence[Any]) -> httpx.Response:
    """Post several events as NDJSON."""
    return await post_raw(client, NDJSON[0], b"\n".join(map(orjson.dumps, events)))


async def post_raw(
    client: httpx.AsyncClient, media_type: str, body: bytes, query: str = "", **headers: str
) -> httpx.Response:
    """Post a body as it is; header names are written with `_`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post(f"/v1/events{query}", content=body, headers={"content-type": media_type, **named})


def statuses(answer: httpx.Response) -> list[str]:
    """Return the verdicts of an answer, in order."""
    return [item["status"] for item in answer.json()["items"]]


def positions(answer: httpx.Response) -> list[int | None]:
    """Return the positions of an answer, in order."""
    return [item["position"] for item in answer.json()["items"]]


async def feed(client: httpx.AsyncClient, query: str = "?limit=1000") -> list[dict[str, Any]]:
    """Return the events of one page of the feed."""
    answer = await client.get(f"/v1/events{query}")
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()["events"]
    return events


def append_request(*events: dict[str, Any], expected: int | None = None, atomic: bool = False) -> AppendRequest:
    """Return the request to append these events, as the store takes it.

    With ``expected`` the stream of the first of them is to be at that position, or with 0 not to exist.
    """
    reading = read(BATCH, (), orjson.dumps(events), lambda _: ())
    assert all(candidate.event is not None for candidate in reading.candidates)
    streams: dict[str, Expected] = {}
    if expected is not None:
        streams[events[0]["subject"]] = AtPosition(expected) if expected else StreamState.ABSENT
    return AppendRequest(candidates=reading.candidates, recorded_by="k3y4test", expected=streams, atomic=atomic)
