"""Live feeds that are open while the log loses its end, as when an older backup is restored beneath a service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from services.events import wake
from shared.identity.keys import ApiKey
from tests.services.events.posting import post_batch, registered
from tests.services.events.sse import Message, event_source
from tests.services.events.tampering import superuser
from tests.support.serving import http_client, serving

#: Longer than the head of the log takes to be looked at.
SOON = 10.0


@pytest.fixture
async def client(app: FastAPI, key: ApiKey, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(wake, "LOOK_SECONDS", 0.05)
    async with serving(app) as base_url, http_client(base_url, key) as opened:
        yield opened


async def lose(database_url: str, key: ApiKey, *, behind: int) -> None:
    """Take the events behind a position out of the log, as a restore would."""
    async with superuser(database_url) as connection:
        await connection.execute(
            "DELETE FROM events.event WHERE authority_id = $1 AND position > $2", key.authority_id, behind
        )


async def append(client: httpx.AsyncClient, count: int) -> None:
    assert (await post_batch(client, [registered() for _ in range(count)])).status_code == 200


async def next_of(messages: AsyncIterator[Message]) -> tuple[str, str, int]:
    """Return event, id and position of the next message."""
    async with asyncio.timeout(SOON):
        message = await anext(messages)
    return message.event, message.last_event_id, message.json["position"]


@pytest.mark.parametrize("query", ["", "?type=child.registered"])
async def test_an_open_feed_tells_that_the_log_ends_before_what_it_has_sent(
    client: httpx.AsyncClient, database_url: str, key: ApiKey, query: str
) -> None:
    """It is told at once, as a new reader is, and again as the log grows; what lies behind its position comes then."""
    await append(client, 5)
    async with event_source(client, query) as source:
        messages = source.messages()
        assert [await next_of(messages) for _ in range(6)][-1] == ("head", "5", 5)
        await lose(database_url, key, behind=3)
        assert await next_of(messages) == ("head", "5", 3)
        await append(client, 1)
        assert await next_of(messages) == ("head", "5", 4)
        await append(client, 2)
        assert await next_of(messages) == ("recorded", "6", 6)
        await append(client, 1)
        assert await next_of(messages) == ("recorded", "7", 7)


async def test_it_is_told_of_an_end_that_it_was_told_of_before(
    client: httpx.AsyncClient, database_url: str, key: ApiKey
) -> None:
    """Where the log ended when it first caught up says nothing of what it was sent since."""
    await append(client, 2)
    async with event_source(client, "?after=1") as source:
        messages = source.messages()
        assert [await next_of(messages) for _ in range(2)] == [("recorded", "2", 2), ("head", "2", 2)]
        await append(client, 1)
        assert await next_of(messages) == ("recorded", "3", 3)
        await lose(database_url, key, behind=2)
        assert await next_of(messages) == ("head", "3", 2)
