"""The composition root of the scheduler."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from services.scheduler.api import ROUTERS, webhooks
from services.scheduler.delivery import Dispatcher
from services.scheduler.sender import Sender
from services.scheduler.targets import parse_allowances
from services.scheduler.tick import Tick
from services.scheduler.worker import Refresher, ReviewProjector
from shared.client.event_log import EventLog
from shared.domain.clock import Clock, SystemClock
from shared.runtime.app import build_app
from shared.runtime.resources import Resources, open_resources
from shared.runtime.settings import Settings
from shared.runtime.subscription import Subscription

SERVICE = "scheduler"


class Parts:
    """The loops of a running scheduler."""

    def __init__(
        self, opened: Resources, settings: Settings, log_client: httpx.AsyncClient, token: str, sender: Sender
    ) -> None:
        """Build the loops; :meth:`start` sets them going."""
        engine: AsyncEngine = opened.engine
        projector = ReviewProjector(opened.clock)
        self.subscription = Subscription(
            engine, EventLog(log_client, token), projector, pause_seconds=settings.follow_seconds
        )
        self.refresher = Refresher(engine, opened.clock, pause_seconds=settings.tick_seconds)
        self.tick = Tick(engine, opened.clock, self.caught_up, pause_seconds=settings.tick_seconds)
        self.dispatcher = Dispatcher(
            engine,
            opened.clock,
            sender,
            timeout_seconds=settings.delivery_timeout_seconds,
            concurrency=settings.delivery_concurrency,
            pause_seconds=settings.delivery_seconds,
        )
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def caught_up(self, authority_id: str) -> int | None:
        """Return the position at which this process saw the end of the authority's log, or None."""
        progress = self.subscription.progress.get(authority_id)
        if progress is None or progress.error is not None or not progress.at_head:
            return None
        return progress.position

    def start(self) -> None:
        """Set every loop going."""
        loops: Mapping[str, Coroutine[Any, Any, None]] = {
            "subscription": self.subscription.run(),
            "refresh": self.refresher.run(),
            "tick": self.tick.run(),
            "delivery": self.dispatcher.run(),
        }
        self._tasks = {name: asyncio.create_task(loop, name=f"{SERVICE} {name}") for name, loop in loops.items()}

    async def stop(self) -> None:
        """Stop every loop and wait for it."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def checks(self) -> dict[str, str]:
        """Return how each loop does, in words for an operator."""
        errors = {
            "subscription": self._subscription_error(),
            "refresh": self.refresher.error,
            "tick": self.tick.error,
            "delivery": self.dispatcher.error,
        }
        return {name: self._stopped(name) or error or "ok" for name, error in errors.items()}

    def _stopped(self, name: str) -> str | None:
        task = self._tasks.get(name)
        return "has stopped" if task is None or task.done() else None

    def _subscription_error(self) -> str | None:
        wrong = [f"{name}: {each.error}" for name, each in sorted(self.subscription.progress.items()) if each.error]
        return "; ".join(wrong) or None


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
        if settings.service_token is None:
            raise ValueError("HOMEWARD_SERVICE_TOKEN is not set; the scheduler reads the log with it")
        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(open_resources(app, settings, SERVICE, used_clock))
            log_client = await stack.enter_async_context(
                httpx.AsyncClient(transport=events_transport, base_url=settings.events_url, timeout=30)
            )
            sender = await stack.enter_async_context(
                Sender(timeout_seconds=settings.delivery_timeout_seconds, allowances=allowances)
            )
            parts = Parts(opened, settings, log_client, settings.service_token.get_secret_value(), sender)
            app.state.parts = parts
            parts.start()
            stack.push_async_callback(parts.stop)
            yield

    async def readiness() -> Mapping[str, str]:
        opened: Resources = app.state.resources
        parts: Parts = app.state.parts
        return {"database": await opened.database_check(), **parts.checks()}

    app = build_app(
        service=SERVICE,
        summary="What is due, and telling people about it.",
        routers=ROUTERS,
        lifespan=lifespan,
        readiness=readiness,
    )
    app.webhooks.include_router(webhooks)
    app.state.allowances = allowances
    return app
