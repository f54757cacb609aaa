"""The composition root of reporting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from fastapi import FastAPI

from services.reporting.api import ROUTERS
from services.reporting.store.log import leases, log_copy
from services.reporting.worker import JourneyProjector
from shared.domain.clock import Clock, SystemClock
from shared.runtime.app import build_app
from shared.runtime.consuming import consuming, readiness_of
from shared.runtime.resources import open_event_log, open_resources
from shared.runtime.settings import Settings
from shared.runtime.subscription import Consumer, Subscription

SERVICE = "reporting"


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
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(open_resources(app, settings, SERVICE, used_clock))
            reader = await stack.enter_async_context(open_event_log(settings, SERVICE, events_transport))
            consumer = Consumer(opened.engine, reader, JourneyProjector(), log_copy, leases, used_clock)
            subscription = Subscription(consumer, lease_seconds=settings.lease_seconds)
            await stack.enter_async_context(consuming(app, SERVICE, subscription))
            yield

    app = build_app(
        service=SERVICE,
        summary="Journeys and measures that stay honest while children are still waiting.",
        routers=ROUTERS,
        lifespan=lifespan,
        readiness=lambda: readiness_of(app, SERVICE),
    )
    return app
