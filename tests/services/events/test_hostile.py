"""Hostile input: always a 4xx with a precise problem, and never a word of what was sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.events.app import create_app
from shared.runtime.settings import Settings
from shared.wire import limits
from shared.wire.content_modes import BATCH, BINARY, NDJSON, STRUCTURED
from tests.services.events.posting import feed, post_raw, registered
from tests.support.clients import asgi_client
from tests.support.council import new_authority
from tests.support.databases import off_loop

SECRET = "Xq7secretXq7"
MARK = b"Xq7"


def body(**changes: Any) -> bytes:
    return json.dumps({**registered("a1", id="e1"), **changes}).encode()


def data(**changes: Any) -> bytes:
    return body(data={"occurred_on": "2026-01-15", **changes})


def raw(text: bytes) -> bytes:
    """Return an event whose data has ``text`` as the value of `team`."""
    return data(team="TEAM").replace(b'"TEAM"', text)


DEEP = b'{"a":' * 1000 + b'"Xq7"' + b"}" * 1000

HOSTILE: dict[str, bytes] = {
    "NaN": raw(b"NaN"),
    "minus infinity": raw(b"-Infinity"),
    "a number beyond a double": raw(b"1e999"),
    "a number beyond a double in an id": body().replace(b'"e1"', b"1e999"),
    "U+0000 in an id": body(id=f"{SECRET}\x00"),
    "U+0000 in data": data(team=f"{SECRET}\x00"),
    "U+0000 in an unknown member": data(**{f"{SECRET}\x00": 1}),
    "a lone surrogate": raw(rb'"Xq7\ud800"'),
    "a lone surrogate in an unknown member": data().replace(b'"data": {', rb'"data": {"Xq7\ud800": 1, '),
    "an instant before all years": data(occurred_at="0001-01-01T00:00:00+14:00"),
    "an instant after all years": data(occurred_at="9999-12-31T23:59:59-14:00"),
    "a time after all years": body(time="9999-12-31T23:59:59-14:00"),
    "an instant without a zone": data(occurred_at="2026-01-15T10:00:00"),
    "an instant as seconds": data(occurred_at=1768435200),
    "an instant as digits": data(occurred_at="1768435200"),
    "a date as digits": data(occurred_on="1768435200"),
    "an instant as zero": data(occurred_at=0),
    "a member of another authority": body(authority_id=SECRET),
    "an unknown member": data(authority=SECRET),
    "a member twice": body().replace(b'"id": "e1"', b'"id": "e1", "id": "Xq7"'),
    "a member of the data twice": data().replace(b'"occurred_on"', b'"occurred_on": "Xq7", "occurred_on"'),
    "deep nesting": raw(DEEP),
    "very deep nesting": b"[" * 100_000,
    "an integer of 400 digits": raw(b"1" * 400),
    "an integer beyond 64 bits": body(ext=2**64),
    "a byte order mark": b"\xef\xbb\xbf" + body(),
    "UTF-16": body().decode().encode("utf-16"),
    "Latin-1": data(team="café" + SECRET).decode().encode().replace(rb"\u00e9", b"\xe9"),
    "an id of a megabyte": body(id=SECRET * 80_000),
    "a source that does not fit an index": body(source=SECRET * 1_000),
    "a stream that is none": body(subject=SECRET),
    "a CHI number": body(subject="child-0101991234"),
    "a list as an id": body(id=[SECRET]),
    "an object as a type": body(type={SECRET: 1}),
    "an empty body": b"",
    "a text": json.dumps(SECRET).encode(),
    "text that is no JSON": SECRET.encode(),
    "many unknown attributes": body(**{f"{SECRET}{number}".lower(): 1 for number in range(2_000)}),
    "nothing but commas": b"," * 10_000,
}


@pytest.mark.parametrize("media_type", [STRUCTURED, BATCH, NDJSON[0]])
@pytest.mark.parametrize("posted", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_bodies_are_refused_without_a_word_of_them(
    client: httpx.AsyncClient, media_type: str, posted: bytes
) -> None:
    """In every mode the body is refused as what it is, nothing is stored, and nothing of it is repeated."""
    sent = b"[" + posted + b"]" if media_type == BATCH else posted

    answer = await post_raw(client, media_type, sent)

    if sent in {b"", b"[]"} and media_type != STRUCTURED:
        assert answer.json()["items"] == []
    else:
        assert 400 <= answer.status_code < 500
    assert MARK not in answer.content
    assert MARK.lower() not in answer.content.lower()
    assert len(answer.content) < 20_000
    assert await feed(client) == []


@pytest.mark.parametrize("posted", [DEEP, b"NaN", b"", b'"Xq7"', b'{"occurred_on": "Xq7"}', b'{"Xq7\\u0000": 1}'])
@pytest.mark.parametrize("header", [b"Xq7%00", b"Xq7%C0%A0", b"Xq7%", b'"Xq7', b"Xq7", b"e1"])
async def test_hostile_binary_messages_are_refused(client: httpx.AsyncClient, posted: bytes, header: bytes) -> None:
    """In binary mode headers and body are refused alike."""
    attributes = {f"ce-{name}": str(value) for name, value in registered().items() if name not in {"data", "id"}}
    headers = [(b"content-type", BINARY.encode()), (b"ce-id", header)]
    headers += [(name.encode(), value.encode()) for name, value in attributes.items()]

    answer = await client.post("/v1/events", content=posted, headers=headers)

    assert 400 <= answer.status_code < 500
    assert MARK not in answer.content
    assert await feed(client) == []


async def test_a_full_request_of_bad_events_is_answered_in_bounds(client: httpx.AsyncClient) -> None:
    """As many bad lines as fit give an answer that is not larger than a request may be."""
    line = body(data={SECRET: 1, **{f"m{number}": 1 for number in range(100)}})

    answer = await post_raw(client, NDJSON[0], b"\n".join([line] * limits.EVENTS_IN_NDJSON))

    assert answer.status_code == 422
    assert len(answer.content) < 2 * limits.BODY_BYTES
    assert MARK not in answer.content


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6) | st.just(SECRET), inner, max_size=4)
    ),
    max_leaves=8,
)
MEMBERS = st.sampled_from([*registered(), "time", "dataschema", "datacontenttype", "recordedtime", "ext", SECRET])


@given(st.lists(st.tuples(MEMBERS, JSON), min_size=1, max_size=4), st.sampled_from([STRUCTURED, BATCH, *NDJSON]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_json_in_place_of_a_member_is_answered_with_a_verdict(
    asking: Any, changes: list[tuple[str, Any]], media_type: str
) -> None:
    """Whatever stands in whichever member, the answer is 200 or 4xx, and repeats nothing but a valid id."""
    event = {**registered(), **dict(changes)}
    text = json.dumps([event] if media_type == BATCH else event).encode()

    status, answer = asking(media_type, text)

    assert status in {200, 400, 409, 413, 422}
    if event["id"] != SECRET:
        assert MARK not in answer


@pytest.fixture(scope="module")
def asking(database_url: str) -> Any:
    """Return a function that sends one body to an app of its own, for tests that are no coroutines."""

    async def send(media_type: str, text: bytes) -> tuple[int, bytes]:
        app = create_app(Settings(database_url=database_url, pool_size=1))
        async with asgi_client(app, await new_authority(database_url)) as client:
            answer = await post_raw(client, media_type, text)
            return answer.status_code, answer.content

    return lambda media_type, text: run(send(media_type, text))


def run(awaitable: Any) -> Any:
    results: list[Any] = []
    off_loop(lambda: results.append(asyncio.run(awaitable)))
    return results[0]
