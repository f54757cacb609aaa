"""Following the feed live, over a real server and with an EventSource that keeps to the standard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from services.events.api import live, live_answer
from services.events.store import read
from services.events.store.read import Page
from shared.identity import store
from shared.identity.keys import ApiKey, Scope
from shared.wire import limits
from shared.wire.content_modes import STRUCTURED
from tests.services.events.posting import feed, post, post_batch, post_lines, post_raw, registered
from tests.services.events.sse import EventSource, Message, event_source, up_to_head
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.serving import http_client, serving
from tests.support.waiting import eventually


@pytest.fixture
async def client(app: FastAPI, key: ApiKey) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(app) as base_url, http_client(base_url, key) as opened:
        yield opened


def ids(messages: list[Message]) -> list[str]:
    return [message.last_event_id for message in messages]


async def test_a_reader_behind_the_end_is_told_where_that_is(client: httpx.AsyncClient) -> None:
    """Whoever has read what the log has lost sees an end before its own position."""
    await post_batch(client, [registered(), registered()])
    async with event_source(client, last_event_id="7") as source:
        message = await anext(source.messages())

    assert (message.event, message.last_event_id, message.json) == ("head", "7", {"position": 2})


async def test_it_catches_up_says_so_and_goes_on(client: httpx.AsyncClient) -> None:
    """First comes what is there, then a message that says so, then each event as it is appended."""
    await post_batch(client, [registered(), registered()])
    async with event_source(client) as source:
        messages = source.messages()
        caught_up = [await anext(messages) for _ in range(3)]
        await post(client, registered())
        next_one = await anext(messages)

    assert source.answer.headers["content-type"].startswith("text/event-stream")
    assert source.answer.headers["x-accel-buffering"] == "no"
    assert [(each.event, each.last_event_id) for each in (*caught_up, next_one)] == [
        ("recorded", "1"), ("recorded", "2"), ("head", "2"), ("recorded", "3")
    ]  # fmt: skip
    assert caught_up[2].json == {"position": 2}
    assert [each.json for each in (*caught_up[:2], next_one)] == await feed(client)


async def test_it_goes_on_behind_the_last_event_id(client: httpx.AsyncClient) -> None:
    """`Last-Event-ID` goes before `after`: the address of an EventSource stays as it was."""
    await post_batch(client, [registered() for _ in range(5)])

    async with event_source(client, "?after=1", last_event_id="3") as again:
        assert ids(await up_to_head(again)) == ["4", "5"]
    async with event_source(client, "?after=1") as first:
        assert ids(await up_to_head(first)) == ["2", "3", "4", "5"]


@pytest.mark.parametrize("sent", ["", "x", "-1", "1_0", "+1", "1.0", "٣", str(2**63)])
async def test_a_last_event_id_that_is_no_position_is_refused(client: httpx.AsyncClient, sent: str) -> None:
    """It is never guessed at: a reader that went on from elsewhere would miss events."""
    answer = await client.get("/v1/events/live", headers=[(b"last-event-id", sent.encode())])

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["pointer"] == ":last-event-id"


async def test_white_space_of_a_posted_body_changes_nothing(client: httpx.AsyncClient) -> None:
    """A body with line feeds, carriage returns and both arrives as the same JSON; its bytes are at its position."""
    plain = orjson.dumps(registered())
    bodies = [
        plain.replace(b",", b"," + end).replace(b":{", b":" + end + b" {") for end in (b"\n", b"\r", b"\r\n", b"\t")
    ]
    for number, body in enumerate(bodies):
        unlike = body.replace(b"registered-", b"registered-%d-" % number)
        assert (await post_raw(client, STRUCTURED, unlike)).status_code == 200

    async with event_source(client) as source:
        messages = await up_to_head(source)

    assert [each.json for each in messages] == await feed(client)
    assert len(messages) == len(bodies)


async def test_filters_are_those_of_the_feed(client: httpx.AsyncClient) -> None:
    """Only what is asked for comes, and the last id moves on over the rest."""
    await post_batch(client, [registered("a1"), registered("b2"), registered("a1"), registered("b2")])

    async with event_source(client, "?child=a1") as source:
        assert ids(await up_to_head(source)) == ["1", "3"]
        assert source.last_event_id == "4"
    for query in ("?type=child.registred", "?since=1", "?child=a1&child=b2", "?wait=1"):
        assert (await client.get(f"/v1/events/live{query}")).status_code == 422


async def test_what_was_known_at_an_instant_ends(client: httpx.AsyncClient, clock: SettableClock) -> None:
    """With known_at the answer ends there, and who comes back is told that there is no more."""
    await post_batch(client, [registered(), registered()])
    known_at = clock.now().isoformat().replace("+", "%2B")
    clock.set(clock.now() + timedelta(hours=1))
    await post(client, registered())

    async with event_source(client, f"?known_at={known_at}") as source:
        got = [message.last_event_id async for message in source.messages()]
    again = await client.get(f"/v1/events/live?known_at={known_at}", headers={"last-event-id": got[-1]})

    assert got == ["1", "2", "2"]
    assert again.status_code == 204


async def test_a_long_log_comes_page_by_page(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages join without gap or repetition, and the end is told once."""
    monkeypatch.setattr(live, "_PAGE_EVENTS", 2)
    await post_batch(client, [registered() for _ in range(7)])

    async with event_source(client) as source:
        assert ids(await up_to_head(source)) == [str(n) for n in range(1, 8)]


async def test_silence_is_broken_by_signs_of_life(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment comes where there is nothing to tell, so that neither side nor a proxy takes the line for dead."""
    monkeypatch.setattr(live_answer, "KEY_SECONDS", 0.02)
    monkeypatch.setattr(live_answer, "HEARTBEAT_SECONDS", 0.05)
    async with event_source(client) as source:
        messages = source.messages()
        assert (await anext(messages)).event == "head"
        waiting = asyncio.ensure_future(anext(messages))
        await eventually(lambda: source.comments >= 2)
        waiting.cancel()


async def test_a_revoked_key_ends_it(
    client: httpx.AsyncClient, app: FastAPI, key: ApiKey, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within seconds of the revocation the answer ends, and coming back is refused."""
    monkeypatch.setattr(live_answer, "KEY_SECONDS", 0.02)
    monkeypatch.setattr("shared.runtime.auth.CACHE_SECONDS", 0.05)
    app.state.authenticator._cache.clear()
    async with event_source(client) as source:
        messages = source.messages()
        assert (await anext(messages)).event == "head"
        async with app.state.resources.engine.begin() as connection:
            await connection.exec_driver_sql("SET LOCAL ROLE NONE")
            await store.revoke_key(connection, key.authority_id, key.key_id, now=clock.now())
        assert [message async for message in messages] == []

    assert (await client.get("/v1/events/live")).status_code == 401


async def test_a_key_without_the_scope_is_refused(client: httpx.AsyncClient, database_url: str, key: ApiKey) -> None:
    """Following needs the scope of the log."""
    other = await new_authority(database_url, key.authority_id, [Scope.FACTS_READ])

    answer = await client.get("/v1/events/live", headers={"authorization": f"Bearer {other}"})

    assert answer.status_code == 403


async def test_a_reader_that_leaves_frees_its_place_at_once(client: httpx.AsyncClient, app: FastAPI) -> None:
    """Places are bounded, so none may be kept by somebody who has gone."""
    async with event_source(client) as source:
        assert (await anext(source.messages())).event == "head"
        assert app.state.wake._count == 1
    await eventually(lambda: app.state.wake._count == 0, within=2)


async def test_a_reader_that_takes_nothing_holds_up_nobody(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is not read ahead for it, no database connection waits for it, and others read on."""
    looked: list[int] = []

    async def read_log(*arguments: Any, after: int, **more: Any) -> Page:
        looked.append(after)
        return await read.read_log(*arguments, after=after, **more)

    monkeypatch.setattr(live, "read_log", read_log)
    large = {f"e{number}": "x" * limits.EXTENSION_VALUE_CHARACTERS for number in range(limits.EXTENSIONS)}
    for _ in range(8):
        await post_lines(client, [{**registered(), **large} for _ in range(200)])
    async with event_source(client):
        await eventually(lambda: len(looked) > 3)
        async with event_source(client, "?after=1590") as quick:
            assert len(await up_to_head(quick)) == 10
        # What it has not taken of 35 MB lies in the buffers of the two ends, and in the log.
        assert max(each for each in looked if each not in {1590, 1600}) < 1500
    await eventually(lambda: app.state.wake._count == 0, within=5)


async def test_stopping_ends_it(app: FastAPI, key: ApiKey) -> None:
    """A server that stops ends every live feed and long poll at once, in good order."""
    async with serving(app) as base_url, http_client(base_url, key) as client:
        async with event_source(client) as source:
            messages = source.messages()
            assert (await anext(messages)).event == "head"
            polling = asyncio.create_task(client.get("/v1/events?wait=30"))
            await eventually(lambda: app.state.wake._count == 2)
            began = asyncio.get_running_loop().time()
            app.state.before_stop()
            assert [message async for message in messages] == []
            assert (await polling).json()["at_head"]
            assert asyncio.get_running_loop().time() - began < 5
        assert (await client.get("/v1/events?wait=1")).status_code == 503


def test_an_event_source_of_the_tests_reads_as_the_standard_says() -> None:
    """The reader above is itself held to the standard's example."""
    text = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\r\n\r\n"

    async def parts() -> AsyncIterator[bytes]:
        for byte in text:
            yield bytes([byte])

    class Answer(httpx.Response):
        def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
            del chunk_size
            return parts()

    async def read() -> list[tuple[str, str]]:
        return [(each.data, each.last_event_id) async for each in EventSource(Answer(200)).messages()]

    assert asyncio.run(read()) == [("first event", "1"), ("second event", ""), (" third event", "")]
