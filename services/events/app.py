"""The events service, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from services.events.api import append, read, reference
from services.events.appender import Appender
from services.events.store.connection import open_pool
from shared.domain.clock import Clock, SystemClock
from shared.policies.loader import known_packs
from shared.runtime.app import build_app
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings


def create_app(
    settings: Settings, *, clock: Clock | None = None, events_transport: httpx.AsyncBaseTransport | None = None
) -> FastAPI:
    """Return the app; ``events_transport`` is taken for the sake of one shape, this service reads no other."""
    del events_transport
    chosen_clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_resources(app, settings, "events", chosen_clock) as opened,
            open_pool(str(settings.database_url), size=settings.pool_size) as pool,
        ):
            app.state.pool = pool
            app.state.editions = frozenset((pack.pack, pack.edition) for pack in known_packs())
            app.state.appender = Appender(pool, opened.clock)
            try:
                yield
            finally:
                await app.state.appender.close()

    async def readiness() -> Mapping[str, str]:
        return {"database": await app.state.resources.database_check(), "appender": app.state.appender.check()}

    app = build_app(
        service="events",
        summary="The append-only log: append CloudEvents, read the feed.",
        routers=(append.router, read.router, reference.router),
        lifespan=lifespan,
        readiness=readiness,
    )
    return app
