"""Reporting running in this process, over logs written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.reporting.app import create_app
from shared.domain.clock import Clock
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from shared.runtime.subscription import Subscription
from tests.support.clients import client_of
from tests.support.feed import Feed
from tests.support.waiting import eventually


class Reporting:
    """Reporting in this process, with the feed it reads."""

    def __init__(self, app: FastAPI, feed: Feed) -> None:
        self._app = app
        self.feed = feed

    @property
    def subscription(self) -> Subscription:
        """What follows the log in the background."""
        subscription: Subscription = self._app.state.subscription
        return subscription

    async def catch_up(self, key: ApiKey) -> None:
        """Return when everything in the authority's log is projected."""
        head = len(self.feed.log(key.authority_id).events)
        await eventually(lambda: self.subscription.caught_up(key.authority_id) == head, about="the projection")

    async def stop_following(self) -> None:
        """End the loop in the background, as an unforeseen error would."""
        await self._app.state.background.stop()

    def client(self, key: ApiKey | None = None) -> httpx.AsyncClient:
        """Return a client that presents the key."""
        return client_of(self._app, key)


@asynccontextmanager
async def running(settings: Settings, clock: Clock) -> AsyncIterator[Reporting]:
    """Yield reporting, running over the database of the settings."""
    assert settings.service_token is not None
    feed = Feed(settings.service_token.get_secret_value())
    app = create_app(settings, clock=clock, events_transport=feed)
    async with app.router.lifespan_context(app):
        yield Reporting(app, feed)
