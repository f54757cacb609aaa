"""The composition root of the scheduler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
from fastapi import FastAPI

from services.scheduler.api import ROUTERS, webhooks
from services.scheduler.api.calendars import MAX_WRITING
from services.scheduler.delivery import Dispatcher
from services.scheduler.refresh import Refresher
from services.scheduler.sender import Sender
from services.scheduler.store.events import leases, log_copy
from services.scheduler.targets import parse_allowances
from services.scheduler.tick import Tick
from services.scheduler.what_if import Room
from services.scheduler.worker import ReviewProjector
from shared.client.event_log import EventLog
from shared.domain.clock import Clock, SystemClock
from shared.runtime.app import build_app
from shared.runtime.background import Loop
from shared.runtime.consuming import consuming, readiness_of
from shared.runtime.resources import Resources, open_event_log, open_resources
from shared.runtime.settings import Settings
from shared.runtime.subscription import Consumer, Subscription

SERVICE = "scheduler"


class _Loops:
    """The loops of one scheduler.  Whichever has made work for another rings it, after the commit."""

    def __init__(self, settings: Settings, opened: Resources, reader: EventLog, sender: Sender) -> None:
        engine, clock = opened.engine, opened.clock
        self.delivery = Dispatcher(
            engine,
            clock,
            sender,
            timeout_seconds=settings.delivery_timeout_seconds,
            concurrency=settings.delivery_concurrency,
            pause_seconds=settings.delivery_seconds,
        )
        consumer = Consumer(engine, reader, ReviewProjector(clock), log_copy, leases, clock, self._stepped)
        self.subscription = Subscription(consumer, lease_seconds=settings.lease_seconds)
        pause, caught_up = settings.tick_seconds, self.subscription.caught_up
        self.tick = Tick(engine, clock, caught_up, pause_seconds=pause, told=self.delivery.ring)
        self.refresh = Refresher(engine, clock, caught_up, pause_seconds=pause, refreshed=self._refreshed)

    def others(self) -> dict[str, Loop]:
        """Return those beside the subscription, as readiness names them."""
        return {"refresh": self.refresh, "tick": self.tick, "delivery": self.delivery}

    def _stepped(self, authority_id: str) -> None:
        self.delivery.ring()
        if self.subscription.caught_up(authority_id) is not None:
            self.tick.ring()

    def _refreshed(self) -> None:
        self.delivery.ring()
        self.tick.ring()


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    events_transport: httpx.AsyncBaseTransport | None = None,
) -> FastAPI:
    """Return the scheduler's app; ``events_transport`` stands in for the network in one process.

    Raises UnusableSettings for one that cannot be read.
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
            loops = _Loops(settings, opened, reader, sender)
            app.state.owed = loops.delivery.ring
            await stack.enter_async_context(consuming(app, SERVICE, loops.subscription, loops.others()))
            yield

    app = build_app(
        service=SERVICE,
        summary="What is due, and telling people about it.",
        routers=ROUTERS,
        lifespan=lifespan,
        readiness=lambda: readiness_of(app, SERVICE),
    )
    app.webhooks.include_router(webhooks)
    app.state.allowances = allowances
    app.state.calendars_written = asyncio.Semaphore(MAX_WRITING)
    app.state.what_if_room = Room()
    return app
