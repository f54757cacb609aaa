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
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from shared.wire import limits
from shared.wire.content_modes import BATCH, BINARY, NDJSON, STRUCTURED
from tests.services.events.posting import feed, post_raw, registered
from tests.support.clients import BASE_URL, asgi_client
from tests.support.council import headers, new_authority
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
CORRECTION = {
    "occurred_on": "2026-01-15",
    "corrects_source": "/s",
    "corrects_id": "e1",
    "reason": "other",
    "corrects_type": "child.registered",
    "replacement": {"occurred_on": "2026-01-15"},
}

#: What is sent in place of an event, with the code by which it is refused.
HOSTILE: dict[str, tuple[bytes, str]] = {
    "NaN": (raw(b"NaN"), "json_invalid"),
    "minus infinity": (raw(b"-Infinity"), "json_invalid"),
    "a number beyond a double": (raw(b"1e999"), "json_invalid"),
    "a negative number beyond a double": (raw(b"-1e400"), "json_invalid"),
    "a number beyond a double in an id": (body().replace(b'"e1"', b"1e999"), "json_invalid"),
    "an integer of 400 digits": (raw(b"1" * 400), "json_invalid"),
    "an integer of 20 digits": (raw(b"1" * 20), "number_too_large"),
    "an integer beyond 64 bits": (body(ext=2**64), "number_too_large"),
    "an integer beyond 32 bits": (body(ext=2**31), "attribute_value"),
    "a power in an attribute": (body(ext=SECRET).replace(json.dumps(SECRET).encode(), b"1E5"), "attribute_value"),
    "minus zero as a text": (raw(b"-0"), "string_type"),
    "a power as an integer": (
        body(type="record.corrected", data={**CORRECTION, "replacement_version": 987}).replace(b"987", b"1E0"),
        "int_type",
    ),
    "digits as an integer": (
        body(type="record.corrected", data={**CORRECTION, "replacement_version": "1"}),
        "int_type",
    ),
    "U+0000 in an id": (body(id=f"{SECRET}\x00"), "nul_character"),
    "U+0000 in data": (data(team=f"{SECRET}\x00"), "nul_character"),
    "U+0000 in an unknown member": (data(**{f"{SECRET}\x00": 1}), "nul_character"),
    "raw U+0000": (raw(b'"Xq7\x00"'), "json_invalid"),
    "a lone surrogate": (raw(rb'"Xq7\ud800"'), "json_invalid"),
    "a lone surrogate in an unknown member": (
        data().replace(b'"data": {', rb'"data": {"Xq7\ud800": 1, '),
        "json_invalid",
    ),
    "a surrogate in UTF-8": (raw(b'"Xq7\xed\xa0\x80"'), "json_invalid"),
    "overlong UTF-8": (raw(b'"Xq7\xc0\xa2"'), "json_invalid"),
    "an instant before all years": (data(occurred_at="0001-01-01T00:00:00+14:00"), "value_error"),
    "an instant after all years": (data(occurred_at="9999-12-31T23:59:59-14:00"), "value_error"),
    "a time after all years": (body(time="9999-12-31T23:59:59-14:00"), "datetime_range"),
    "a time without a zone": (body(time="2026-01-15T10:00:00"), "datetime_parsing"),
    "a leap second": (body(time="2026-06-30T23:59:60Z"), "datetime_parsing"),
    "a day that is none": (body(time="2026-02-29T10:00:00Z"), "datetime_parsing"),
    "an hour that is none": (body(time="2026-01-15T24:00:00Z"), "datetime_parsing"),
    "a zone that is none": (body(time="2026-01-15T10:00:00+24:00"), "datetime_parsing"),
    "an instant without a zone": (data(occurred_at="2026-01-15T10:00:00"), "value_error"),
    "an instant as seconds": (data(occurred_at=1768435200), "value_error"),
    "an instant as digits": (data(occurred_at="1768435200"), "value_error"),
    "a date as digits": (data(occurred_on="1768435200"), "value_error"),
    "a date in other digits": (data(occurred_on="\uff12\uff10\uff12\uff16-01-15"), "date_from_datetime_parsing"),
    "an instant as zero": (data(occurred_at=0), "value_error"),
    "a member of another authority": (body(authority_id=SECRET), "attribute_name"),
    "an unknown member": (data(authority=SECRET), "extra_forbidden"),
    "an unknown member of 100,000 letters": (data(**{SECRET * 8_000: 1}), "extra_forbidden"),
    "an attribute of 100,000 letters": (body(**{SECRET.lower() * 8_000: 1}), "attribute_name"),
    "a member twice": (body().replace(b'"id": "e1"', b'"id": "e1", "id": "Xq7"'), "duplicate_member"),
    "a member of the data twice": (
        data().replace(b'"occurred_on"', b'"occurred_on": "Xq7", "occurred_on"'),
        "duplicate_member",
    ),
    "a member of the data twice, spelt otherwise": (
        data().replace(b'"occurred_on"', rb'"occurred\u005fon": "2026-01-14", "occurred_on"'),
        "duplicate_member",
    ),
    "a member twice, with a decoy in a text": (
        body(ext='"id": ":":').replace(b'"id": "e1"', b'"id" : "e1", "id":"Xq7"'),
        "duplicate_member",
    ),
    "deep nesting": (raw(DEEP), "too_deep"),
    "very deep nesting": (b"[" * 100_000, "malformed-body"),
    "deep nesting in a text": (data(team="[{" * 50_000 + SECRET), "string_pattern_mismatch"),
    "an array of events": (b"[" + body(id=SECRET) + b"]", "not_an_object"),
    "an empty array": (b"[ ]", "not_an_object"),
    "two events": (body() + body(), "json_invalid"),
    "two events behind each other": (body() + b"\r" + body(), "json_invalid"),
    "a comma at the end": (body()[:-1] + b",}", "json_invalid"),
    "a byte order mark": (b"\xef\xbb\xbf" + body(), "json_invalid"),
    "UTF-16": (body().decode().encode("utf-16"), "json_invalid"),
    "UTF-16 without a mark": (body().decode().encode("utf-16-le"), "json_invalid"),
    "UTF-32": (body().decode().encode("utf-32"), "json_invalid"),
    "Latin-1": (data(team="café" + SECRET).replace(rb"\u00e9", b"\xe9"), "json_invalid"),
    "an id of a megabyte": (body(id=SECRET * 80_000), "body-too-large"),
    "a source that does not fit an index": (body(source=SECRET * 1_000), "identity"),
    "a stream that is none": (body(subject=SECRET), "stream"),
    "a stream with more behind it": (body(subject="child-a1\nXq7"), "stream"),
    "a CHI number": (body(subject="child-0101991234"), "stream"),
    "a schema of another type": (body(dataschema=f"/v1/event-types/{SECRET}/1"), "unknown_schema"),
    "a list as an id": (body(id=[SECRET]), "identity"),
    "an object as a type": (body(type={SECRET: 1}), "unknown_type"),
    "an empty body": (b"", "json_invalid"),
    "a text": (json.dumps(SECRET).encode(), "not_an_object"),
    "text that is no JSON": (SECRET.encode(), "json_invalid"),
    "many unknown attributes": (
        body(**{f"{SECRET}{number}".lower(): 1 for number in range(2_000)}),
        "too_many_extensions",
    ),
    "nothing but commas": (b"," * 10_000, "json_invalid"),
}


@pytest.mark.parametrize(("posted", "code"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_bodies_are_refused_without_a_word_of_them(
    client: httpx.AsyncClient, posted: bytes, code: str
) -> None:
    """In every mode the body is refused as what it is, nothing is stored, and nothing of it is repeated."""
    for media_type in (STRUCTURED, BATCH, NDJSON[0]):
        sent = b"[" + posted + b"]" if media_type == BATCH else posted

        answer = await post_raw(client, media_type, sent)

        if sent in {b"", b"[]"} and media_type != STRUCTURED:
            assert answer.json()["items"] == []
        else:
            assert 400 <= answer.status_code < 500
            assert code in codes(answer)
        assert MARK not in answer.content
        assert MARK.lower() not in answer.content.lower()
        assert len(answer.content) < 20_000
    assert await feed(client) == []


def codes(answer: httpx.Response) -> set[str]:
    """Return the codes of all faults that are told, and the last part of each problem's type."""
    told = answer.json()
    problems = [item["problem"] for item in told["items"]] if "items" in told else [told]
    return {
        name
        for problem in problems
        for name in (problem["type"].rpartition("/")[2], *(fault["code"] for fault in problem["errors"]))
    }


#: What is sent as `ce-id`, and as data, with the code by which it is refused.
BINARY_MESSAGES: list[tuple[bytes, bytes, str]] = [
    *((header, b'{"occurred_on": "2026-01-15"}', "header") for header in (b"Xq7%", b"Xq7%2", b"Xq7%zz", b"Xq7%u0065")),
    *((header, b'{"occurred_on": "2026-01-15"}', "header") for header in (b"Xq7%C0%A0", b"Xq7%ED%A0%80", b"Xq7%FF")),
    *((header, b'{"occurred_on": "2026-01-15"}', "header") for header in (b"Xq7\xc3\xa9", b'"Xq7', b'"Xq7\\')),
    *(
        (header, b'{"occurred_on": "2026-01-15"}', "identity")
        for header in (b"Xq7%00", b"", b" ", b'""', b"Xq7%E2%80%8E")
    ),
    (b"e1", DEEP, "too_deep"),
    (b"e1", b"NaN", "json_invalid"),
    (b"e1", b"", "json_invalid"),
    (b"e1", b'{"occurred_on": "2026-01-15"}, "ext": "Xq7"', "json_invalid"),
    (b"e1", b'"Xq7"', "model_type"),
    (b"e1", b'{"occurred_on": "Xq7"}', "value_error"),
    (b"e1", b'{"Xq7\\u0000": 1}', "nul_character"),
    (b"e1", b'{"occurred_on": "2026-01-15", "occurred_\\u006fn": "Xq7"}', "duplicate_member"),
]


@pytest.mark.parametrize(("header", "posted", "code"), BINARY_MESSAGES)
async def test_hostile_binary_messages_are_refused(
    client: httpx.AsyncClient, header: bytes, posted: bytes, code: str
) -> None:
    """In binary mode headers and body are refused alike."""
    attributes = {f"ce-{name}": str(value) for name, value in registered().items() if name not in {"data", "id"}}
    sent = [(b"content-type", BINARY.encode()), (b"ce-id", header)]
    sent += [(name.encode(), value.encode()) for name, value in attributes.items()]

    answer = await client.post("/v1/events", content=posted, headers=sent)

    assert 400 <= answer.status_code < 500
    assert code in codes(answer)
    assert MARK not in answer.content
    assert await feed(client) == []


@pytest.mark.parametrize("query", [b"atomic=%", b"atomic=%2", b"%zz=1", b"dry_run=%FF", b"dry_run=%ED%A0%80", b"x=%00"])
async def test_a_query_that_is_not_percent_encoded_is_refused(settings: Settings, key: ApiKey, query: bytes) -> None:
    """A client would repair such a URL before it sends it, so it is put in behind the client's back."""
    app = create_app(settings)

    async def tampered(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "query_string": query}, receive, send)

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(tampered), base_url=BASE_URL, headers=headers(key)) as client,
    ):
        answer = await post_raw(client, STRUCTURED, body())

    assert answer.status_code == 400
    assert codes(answer) == {"unreadable-url", "url_unreadable"}


@pytest.mark.parametrize(("length", "status"), [("0" * 5_000 + "1", 400), ("0" * 5_000 + "9" * 18, 413)])
async def test_a_length_of_thousands_of_digits_is_read(client: httpx.AsyncClient, length: str, status: int) -> None:
    """Zeros in front of a length mean nothing, however many there are: servers let them pass."""
    answer = await post_raw(client, STRUCTURED, b"{", **{"content-length": length})

    assert answer.status_code == status


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
