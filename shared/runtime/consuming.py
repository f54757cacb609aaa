"""What the services that follow the log have in common as apps: their loops beside requests, and how they do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from shared.runtime.background import Background, Loop
from shared.runtime.readiness import Readiness
from shared.runtime.resources import Resources
from shared.runtime.subscription import Subscription


@asynccontextmanager
async def consuming(
    app: FastAPI, service: str, subscription: Subscription, others: Mapping[str, Loop] | None = None
) -> AsyncIterator[None]:
    """Follow the log, and run the other loops of the service by name, as long as the block lasts."""
    app.state.subscription = subscription
    app.state.background = Background(service, {"subscription": subscription, **(others or {})})
    app.state.background.start()
    try:
        yield
    finally:
        await app.state.background.stop()


async def readiness_of(app: FastAPI, service: str) -> Readiness:
    """Return how a service does that is :func:`consuming`, with how far it is with each log."""
    opened: Resources = app.state.resources
    background: Background = app.state.background
    subscription: Subscription = app.state.subscription
    return Readiness(
        checks={"database": await opened.database_check(), **background.checks()},
        degraded=background.degraded(),
        figures={"consumers": {service: subscription.figures()}},
    )
