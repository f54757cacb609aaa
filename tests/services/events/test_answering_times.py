"""The figures of how long an answer takes, where a reader asked to wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from shared.identity.keys import ApiKey
from shared.runtime.guard import waiting
from tests.services.events.posting import post, registered
from tests.services.events.sse import event_source
from tests.support.serving import http_client, serving
from tests.support.waiting import eventually

FEED = "/v1/events"
LIVE = "/v1/events/live"
WAITS = 0.6


@pytest.fixture
async def client(app: FastAPI, key: ApiKey) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(app) as base_url, http_client(base_url, key) as opened:
        yield opened


class Figures:
    """How much figures of one operation have grown since this was made."""

    def __init__(self, operation: str) -> None:
        labels = {"service": "events", "operation": operation}
        answered = labels | {"method": "GET", "status": "200"}
        self._of = {
            "answers": ("homeward_http_request_seconds_count", answered),
            "taken": ("homeward_http_request_seconds_sum", answered),
            "waited": ("homeward_http_waiting_seconds_sum", labels),
        }
        self._before = {name: self._now(name) for name in self._of}

    def _now(self, name: str) -> float:
        return REGISTRY.get_sample_value(*self._of[name]) or 0.0

    def grown(self, name: str) -> float:
        return self._now(name) - self._before[name]


async def test_a_long_poll_that_finds_nothing_was_answered_quickly(client: httpx.AsyncClient) -> None:
    """The time for which it waited is no part of the time to answer, and has a figure of its own."""
    figures = Figures(FEED)
    assert (await client.get(FEED, params={"wait": WAITS})).json()["at_head"]

    await eventually(lambda: figures.grown("answers") == 1)
    assert figures.grown("waited") >= WAITS * 0.95
    assert figures.grown("taken") < WAITS / 2


async def test_a_long_poll_that_is_woken_takes_what_comes_after(app: FastAPI, client: httpx.AsyncClient) -> None:
    """From the append on it is our time again."""
    figures = Figures(FEED)
    polling = asyncio.create_task(client.get(FEED, params={"wait": 30}))
    await eventually(lambda: app.state.wake._count == 1)
    await asyncio.sleep(WAITS)
    await post(client, registered())
    assert (await polling).json()["events"]

    await eventually(lambda: figures.grown("answers") == 1)
    assert figures.grown("waited") >= WAITS * 0.95
    assert 0 < figures.grown("taken") < WAITS / 2


async def test_a_request_that_waits_for_nothing_has_no_time_of_waiting(client: httpx.AsyncClient) -> None:
    """A page that is there is answered, and nothing else is counted."""
    figures = Figures(FEED)
    await client.get(FEED)

    await eventually(lambda: figures.grown("answers") == 1)
    assert figures.grown("waited") == 0
    assert figures.grown("taken") > 0


async def test_a_live_feed_was_answered_when_it_began(client: httpx.AsyncClient) -> None:
    """However long a reader stays, the time to answer is that until the first page was there."""
    figures = Figures(LIVE)
    async with event_source(client) as source:
        messages = source.messages()
        assert (await anext(messages)).event == "head"
        await asyncio.sleep(WAITS)
        await post(client, registered())
        assert (await anext(messages)).event == "recorded"

    await eventually(lambda: figures.grown("answers") == 1)
    assert figures.grown("waited") >= WAITS * 0.95
    assert 0 < figures.grown("taken") < WAITS / 2


def test_outside_of_a_request_nothing_is_measured() -> None:
    """Whoever waits without being asked over HTTP waits all the same."""
    with waiting():
        pass
