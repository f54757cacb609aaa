"""The log as reporting sees it in these tests: pages of the feed, from logs written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.reporting.app import create_app
from shared.domain.clock import Clock
from shared.domain.envelope import RecordedEvent
from shared.identity.keys import ApiKey
from shared.runtime.settings import Settings
from shared.wire.feed import AUTHORITY_HEADER, FeedPage, RecordedEventView
from tests.support.clients import client_of
from tests.support.events import Log


class Feed(httpx.AsyncBaseTransport):
    """Stands in for the network to the events service: serves each authority's log, and checks the asker."""

    def __init__(self, service_token: str) -> None:
        self._service_token = service_token
        self.logs: dict[str, Log] = {}

    def log(self, authority_id: str) -> Log:
        """Return the authority's log, to be written to."""
        return self.logs.setdefault(authority_id, Log(authority_id))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == f"Bearer {self._service_token}"
        after, limit = (int(request.url.params[name]) for name in ("after", "limit"))
        log = self.logs.get(request.headers[AUTHORITY_HEADER], Log())
        rest = log.events[after:]
        page = FeedPage(
            events=[_view(each) for each in rest[:limit]],
            next_after=after + len(rest[:limit]),
            at_head=len(rest) <= limit,
        )
        return httpx.Response(200, content=page.model_dump_json())


def _view(event: RecordedEvent) -> RecordedEventView:
    data = event.data.model_dump(mode="json", exclude_unset=True)
    return RecordedEventView(
        position=event.position,
        stream=event.stream,
        stream_position=event.stream_position,
        recorded_at=event.recorded_at,
        digest="sha256:" + "0" * 64,
        event={**event.attributes, "data": data},
    )


class Reporting:
    """Reporting in this process, with the feed it reads."""

    def __init__(self, app: FastAPI, feed: Feed) -> None:
        self._app = app
        self.feed = feed

    async def catch_up(self, key: ApiKey) -> None:
        """Return when everything in the authority's log is projected."""
        while await self._app.state.subscription.step(key.authority_id):
            pass

    async def follower_attempt(self, key: ApiKey) -> None:
        """Take one step with this authority, as the loop in the background does."""
        await self._app.state.subscription.attempt(key.authority_id)

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
