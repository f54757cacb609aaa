"""Many who follow the log of one authority at once, and everybody else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from services.events.api import live, read, turns
from services.events.app import create_app
from services.events.store.read import Page, read_log
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from tests.services.events.posting import feed, post, post_batch, registered
from tests.services.events.sse import event_source, up_to_head
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.serving import http_client, serving
from tests.support.waiting import eventually

#: Many more than there are connections to the database.
CROWD = 30
#: More reads than the crowd will make.
MANY = 1_000


class Slow:
    """Reads of a log that take until they are let on, each with its connection; those of one authority only."""

    def __init__(self, authority_id: str) -> None:
        self._authority_id = authority_id
        self._let_on = asyncio.Semaphore(0)
        #: The authorities that are and were read, in the order in which the reads began.
        self.begun: list[str] = []
        self.under_way = 0

    async def read_log(self, connection: Any, authority_id: str, **more: Any) -> Page:
        self.begun.append(authority_id)
        if authority_id == self._authority_id:
            self.under_way += 1
            await self._let_on.acquire()
            self.under_way -= 1
        return await read_log(connection, authority_id, **more)

    def let_on(self, reads: int) -> None:
        for _ in range(reads):
            self._let_on.release()


@pytest.fixture
def app(settings: Settings, clock: SettableClock) -> FastAPI:
    """Return the app with as many connections as it has by default."""
    pool_size = Settings.model_fields["pool_size"].default
    return create_app(settings.model_copy(update={"pool_size": pool_size}), clock=clock)


@pytest.fixture
async def base_url(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as url:
        yield url


@pytest.fixture
async def client(base_url: str, key: ApiKey) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(base_url, key) as opened:
        yield opened


@pytest.fixture
async def elsewhere(base_url: str, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of another council."""
    async with http_client(base_url, await new_authority(database_url)) as opened:
        yield opened


async def test_a_crowd_that_catches_up_leaves_room_for_everybody_else(
    client: httpx.AsyncClient, elsewhere: httpx.AsyncClient, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While many of one council wait to read, others append, read pages, and are the next to have a turn."""
    await post_batch(client, [registered(), registered()])
    await post_batch(elsewhere, [registered()])
    slow = Slow(key.authority_id)
    monkeypatch.setattr(live, "read_log", slow.read_log)
    async with asyncio.TaskGroup() as readers:
        crowd = [readers.create_task(caught_up(client)) for _ in range(CROWD)]
        await eventually(lambda: slow.under_way == turns.AT_ONCE)
        assert (await post(elsewhere, registered())).status_code == 200
        assert len(await feed(elsewhere)) == len(await feed(client)) == 2

        other = readers.create_task(caught_up(elsewhere))
        await eventually(lambda: waiting(client, CROWD + 1))
        slow.let_on(1)
        assert await other == ["1", "2"]
        assert sum(each.done() for each in crowd) <= 1
        slow.let_on(MANY)
    assert [each.result() for each in crowd] == [["1", "2"]] * CROWD


async def test_a_crowd_that_is_woken_leaves_room_for_everybody_else(
    client: httpx.AsyncClient, elsewhere: httpx.AsyncClient, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One append wakes all who follow a log; a reader of another log gets its event while they still read."""
    async with AsyncExitStack() as opened:
        sources = [await opened.enter_async_context(event_source(client)) for _ in range(CROWD)]
        others = (await opened.enter_async_context(event_source(elsewhere))).messages()
        crowd = [source.messages() for source in sources]
        assert {(await anext(each)).event for each in (*crowd, others)} == {"head"}
        slow = Slow(key.authority_id)
        monkeypatch.setattr(live, "read_log", slow.read_log)
        await post(client, registered())
        await eventually(lambda: slow.under_way == turns.AT_ONCE)

        assert (await post(elsewhere, registered())).status_code == 200
        slow.let_on(1)
        assert (await anext(others)).last_event_id == "1"
        assert Counter(slow.begun)[key.authority_id] <= turns.AT_ONCE + 1
        slow.let_on(MANY)
        assert [(await anext(each)).last_event_id for each in crowd] == ["1"] * CROWD


async def test_a_crowd_that_polls_leaves_room_for_everybody_else(
    client: httpx.AsyncClient, elsewhere: httpx.AsyncClient, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long polls have the same turns: others append, read pages, and are the next to have one."""
    slow = Slow(key.authority_id)
    monkeypatch.setattr(read, "read_log", slow.read_log)
    async with asyncio.TaskGroup() as readers:
        crowd = [readers.create_task(client.get("/v1/events?wait=30")) for _ in range(CROWD)]
        await eventually(lambda: slow.under_way == turns.AT_ONCE)
        assert (await post(elsewhere, registered())).status_code == 200
        assert len(await feed(elsewhere)) == 1

        other = readers.create_task(elsewhere.get("/v1/events?wait=30"))
        await eventually(lambda: waiting(client, CROWD + 1))
        slow.let_on(1)
        assert (await other).json()["next_after"] == 1
        assert Counter(slow.begun)[key.authority_id] <= turns.AT_ONCE + 1
        slow.let_on(MANY)
        assert (await post(client, registered())).status_code == 200
    assert [each.result().json()["next_after"] for each in crowd] == [1] * CROWD


async def test_a_crowd_is_let_go_when_the_process_stops(
    app: FastAPI, client: httpx.AsyncClient, key: ApiKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who still waits for a turn is answered without having read, and told to come back."""
    slow = Slow(key.authority_id)
    monkeypatch.setattr(live, "read_log", slow.read_log)
    asking = [asyncio.create_task(client.get("/v1/events/live")) for _ in range(CROWD)]
    await eventually(lambda: waiting(client, CROWD))
    await eventually(lambda: slow.under_way == turns.AT_ONCE)
    app.state.before_stop()
    slow.let_on(turns.AT_ONCE)

    answers = [each.status_code for each in await asyncio.gather(*asking)]
    assert Counter(answers) == {200: turns.AT_ONCE, 503: CROWD - turns.AT_ONCE}
    assert len(slow.begun) == turns.AT_ONCE


async def caught_up(client: httpx.AsyncClient) -> list[str]:
    """Follow until the end is reached, and return the ids that came."""
    async with event_source(client) as source:
        return [message.last_event_id for message in await up_to_head(source)]


async def waiting(client: httpx.AsyncClient, count: int) -> bool:
    """Tell whether so many have a place on a live feed or at a long poll."""
    return f"homeward_feed_waiting {count}.0" in (await client.get("/metrics")).text
