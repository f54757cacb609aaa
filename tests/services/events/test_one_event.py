"""Reading one event by its position, as JSON or as the bytes that were posted."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from services.events.api.views import event_text
from services.events.store.connection import Pool
from services.events.store.read import read_event
from shared.identity.keys import ApiKey
from shared.wire.content_modes import STRUCTURED
from shared.wire.feed import FeedPage, RecordedEventView
from tests.conftest import NOW
from tests.services.events.posting import feed, post, post_raw, registered
from tests.support.clock import SettableClock
from tests.support.council import new_authority

CLOUD_EVENT = {"accept": "application/cloudevents+json"}
HOSTILE = ('"', "\\", '"},"position":9,"x":{"y":"', "\u0001\n\r\t", "\u2028\u2029", "'); --", "é😀", "</script>")


async def test_it_is_what_the_feed_tells(client: httpx.AsyncClient) -> None:
    """The answer is the member of the feed with that position."""
    for _ in range(3):
        await post(client, registered())

    answers = [(await client.get(f"/v1/events/{position}")).json() for position in (1, 2, 3)]

    assert answers == await feed(client)


async def test_its_bytes_are_those_that_were_posted(client: httpx.AsyncClient) -> None:
    """Asked for as a CloudEvent it comes byte for byte, with the digest that the log holds."""
    body = orjson.dumps(registered()).replace(b",", b" ,\r\n ")
    await post_raw(client, STRUCTURED, body)

    answer = await client.get("/v1/events/1", headers=CLOUD_EVENT)

    digest = sha256(body).digest()
    assert answer.content == body
    assert answer.headers["content-type"] == "application/cloudevents+json"
    assert answer.headers["repr-digest"] == f"sha-256=:{b64encode(digest).decode()}:"
    assert answer.headers["etag"] == f'"sha256:{digest.hex()}"'
    assert answer.headers["vary"] == "accept"
    assert (await feed(client))[0]["digest"] == f"sha256:{digest.hex()}"


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/cloudevents+json;q=0, */*", "application/json"),
        ("Application/CloudEvents+JSON; q=0.5, text/html", STRUCTURED),
    ],
)
async def test_who_names_no_format_is_sent_plain_json(client: httpx.AsyncClient, accept: str, media_type: str) -> None:
    """Only whoever names the format of CloudEvents is sent one."""
    await post(client, registered())

    answer = await client.get("/v1/events/1", headers={"accept": accept})

    assert answer.headers["content-type"] == media_type


async def test_what_is_not_there_is_not_found(
    client: httpx.AsyncClient, clock: SettableClock, database_url: str
) -> None:
    """Neither a position beyond the end, nor one not yet recorded then, nor another authority's."""
    await post(client, registered())
    before = (clock.now() - timedelta(seconds=1)).isoformat().replace("+", "%2B")
    now = clock.now().isoformat().replace("+", "%2B")
    other = await new_authority(database_url)

    assert (await client.get("/v1/events/2")).status_code == 404
    assert (await client.get(f"/v1/events/1?known_at={before}")).status_code == 404
    assert (await client.get(f"/v1/events/1?known_at={now}")).status_code == 200
    assert (await client.get("/v1/events/1", headers={"authorization": f"Bearer {other}"})).status_code == 404


@pytest.mark.parametrize("position", ["0", "-1", "x", "1.5", str(2**63)])
async def test_what_is_no_position_is_refused(client: httpx.AsyncClient, position: str) -> None:
    """Positions are whole numbers from 1."""
    assert (await client.get(f"/v1/events/{position}")).status_code == 422


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_no_row_breaks_out_of_its_place(
    client: httpx.AsyncClient, database_url: str, pool: Pool, key: ApiKey, *, hostile: str
) -> None:
    """Even what only a superuser could have put into the log is text where text is due."""
    body = orjson.dumps(registered())
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(
            "INSERT INTO events.event (authority_id, position, stream, stream_position, source, event_id, type,"
            " recorded_at, recorded_by, body, digest, link) VALUES ($1, 1, $2, 1, $2, $2, $2, $3, $2, $4, $5, $5)",
            key.authority_id, hostile, NOW, body, sha256(body).digest(),
        )  # fmt: skip
    finally:
        await owner.close()

    (told,) = await feed(client)
    async with pool.connection() as connection:
        row = await read_event(connection, key.authority_id, 1)

    assert (told["stream"], told["recorded_by"], told["position"]) == (hostile, hostile, 1)
    assert told["event"] == orjson.loads(body)
    assert orjson.loads(event_text(row)) == told


async def test_the_text_keeps_to_the_documented_shape(client: httpx.AsyncClient) -> None:
    """What is written by hand for speed is what the API document promises, member for member."""
    await post(client, registered())
    page: dict[str, Any] = (await client.get("/v1/events")).json()

    assert list(page) == list(FeedPage.model_fields)
    assert list(page["events"][0]) == list(RecordedEventView.model_fields)
    assert FeedPage.model_validate(page).model_dump(mode="json") == page
    assert page["events"][0]["recorded_at"] == "2026-06-11T09:30:00Z"
