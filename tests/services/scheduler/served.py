"""The scheduler's app as it runs, over a council whose log is written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from services.scheduler.app import create_app
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from tests.support.clients import client_of
from tests.support.clock import SettableClock
from tests.support.council import new_authority
from tests.support.events import Log
from tests.support.feed import Feed
from tests.support.waiting import eventually


@dataclass
class Served:
    """A running scheduler, the council that asks, and another one."""

    app: FastAPI
    client: httpx.AsyncClient
    key: ApiKey
    log: Log
    feed: Feed
    clock: SettableClock
    database_url: str

    async def catch_up(self) -> None:
        """Wait until everything in the log is projected."""

        async def reached() -> bool:
            answer = await self.client.get("/v1/reviews", params={"limit": 1})
            return bool(answer.json()["projection_position"] == len(self.log.events))

        await eventually(reached, about="the projection")

    async def get(self, path: str, **params: Any) -> Any:
        """Return the JSON of an answer that must be 200."""
        answer = await self.client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def another_council(self) -> tuple[httpx.AsyncClient, Log]:
        """Add a council and return a client with its key, and its log."""
        key = await new_authority(self.database_url)
        return client_of(self.app, key), self.feed.log(key.authority_id)


@asynccontextmanager
async def served(settings: Settings, clock: SettableClock) -> AsyncIterator[Served]:
    """Run the scheduler over a council with an empty log."""
    assert settings.database_url is not None
    key = await new_authority(settings.database_url)
    assert settings.service_token is not None
    feed = Feed(settings.service_token.get_secret_value())
    app = create_app(settings, clock=clock, events_transport=feed)
    async with app.router.lifespan_context(app), client_of(app, key) as client:
        yield Served(app, client, key, feed.log(key.authority_id), feed, clock, settings.database_url)
