"""The composition root of the scheduler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI

from services.scheduler.api import ROUTERS, webhooks
from services.scheduler.delivery import Dispatcher
from services.scheduler.sender import Sender
from services.scheduler.store.events import leases, log_copy
from services.scheduler.targets import parse_allowances
from services.scheduler.tick import Tick
from services.scheduler.worker import Refresher, ReviewProjector
from shared.domain.clock import Clock, SystemClock
from shared.runtime.app import build_app
from shared.runtime.background import Background, Loop
from shared.runtime.resources import Resources, open_event_log, open_resources
from shared.runtime.settings import Settings
from shared.runtime.subscription import Consumer, Subscription

SERVICE = "scheduler"


def _loops(settings: Settings, opened: Resources, subscription: Subscription, sender: Sender) -> dict[str, Loop]:
    engine, clock = opened.engine, opened.clock
    return {
        "subscription": subscription,
        "refresh": Refresher(engine, clock, pause_seconds=settings.tick_seconds),
        "tick": Tick(engine, clock, subscription.caught_up, pause_seconds=settings.tick_seconds),
        "delivery": Dispatcher(
            engine,
            clock,
            sender,
            timeout_seconds=settings.delivery_timeout_seconds,
            concurrency=settings.delivery_concurrency,
            pause_seconds=settings.delivery_seconds,
        ),
    }


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    events_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Return the scheduler's app; ``events_transport`` stands in for the network in one process.

    Raises ValueError for an unreadable setting.
    """
    allowances = parse_allowances(settings.webhook_allow)
    used_clock = clock or SystemClock()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(open_resources(app, settings, SERVICE, used_clock))
            reader = await stack.enter_async_context(open_event_log(settings, SERVICE, events_transport))
            sender = await stack.enter_async_context(
                Sender(timeout_seconds=settings.delivery_timeout_seconds, allowances=allowances)
            )
            consumer = Consumer(opened.engine, reader, ReviewProjector(used_clock), log_copy, leases, used_clock)
            subscription = Subscription(consumer, lease_seconds=settings.lease_seconds)
            app.state.subscription = subscription
            app.state.background = Background(SERVICE, _loops(settings, opened, subscription, sender))
            app.state.background.start()
            stack.push_async_callback(app.state.background.stop)
            yield

    async def readiness() -> Mapping[str, str]:
        opened: Resources = app.state.resources
        background: Background = app.state.background
        return {"database": await opened.database_check(), **background.checks()}

    async def figures() -> Mapping[str, Any]:
        subscription: Subscription = app.state.subscription
        return {"consumers": {SERVICE: subscription.figures()}}

    app = build_app(
        service=SERVICE,
        summary="What is due, and telling people about it.",
        routers=ROUTERS,
        lifespan=lifespan,
        readiness=readiness,
        figures=figures,
    )
    app.webhooks.include_router(webhooks)
    app.state.allowances = allowances
    return app
