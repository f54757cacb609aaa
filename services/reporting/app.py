"""The composition root of reporting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from fastapi import FastAPI

from services.reporting.api import ROUTERS
from services.reporting.worker import JourneyProjector
from shared.client.event_log import EventLog
from shared.domain.clock import Clock, SystemClock
from shared.runtime.app import build_app
from shared.runtime.resources import Resources, open_resources
from shared.runtime.settings import Settings
from shared.runtime.subscription import Subscription

SERVICE = "reporting"


class Follower:
    """The loop that follows the log, and how it does."""

    def __init__(self, subscription: Subscription) -> None:
        """Follow with ``subscription`` from :meth:`start` on."""
        self.subscription = subscription
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Set the loop going."""
        self._task = asyncio.create_task(self.subscription.run(), name=f"{SERVICE} subscription")

    async def stop(self) -> None:
        """Stop the loop and wait for it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def check(self) -> str:
        """Return "ok", or what stops the loop in words for an operator."""
        if self._task is None or self._task.done():
            return "has stopped"
        wrong = [f"{name}: {each.error}" for name, each in sorted(self.subscription.progress.items()) if each.error]
        return "; ".join(wrong) or "ok"


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    events_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Return the app of reporting; ``events_transport`` stands in for the network in one process."""
    used_clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if settings.service_token is None:
            raise ValueError("HOMEWARD_SERVICE_TOKEN is not set; reporting reads the log with it")
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(open_resources(app, settings, SERVICE, used_clock))
            client = await stack.enter_async_context(
                httpx.AsyncClient(transport=events_transport, base_url=settings.events_url, timeout=30)
            )
            reader = EventLog(client, settings.service_token.get_secret_value())
            follower = Follower(
                Subscription(opened.engine, reader, JourneyProjector(), pause_seconds=settings.follow_seconds)
            )
            app.state.follower = follower
            follower.start()
            stack.push_async_callback(follower.stop)
            yield

    async def readiness() -> Mapping[str, str]:
        opened: Resources = app.state.resources
        follower: Follower = app.state.follower
        return {"database": await opened.database_check(), "subscription": follower.check()}

    app = build_app(
        service=SERVICE,
        summary="Journeys and measures that stay honest while children are still waiting.",
        routers=ROUTERS,
        lifespan=lifespan,
        readiness=readiness,
    )
    return app
