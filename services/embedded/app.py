"""The composition root: three services behind one door, meeting in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from secrets import token_urlsafe
from typing import Any

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from services.events.app import create_app as create_events
from services.reporting.app import create_app as create_reporting
from services.scheduler.app import create_app as create_scheduler
from shared.domain.clock import Clock, SystemClock
from shared.runtime.app import build_app
from shared.runtime.readiness import Readiness
from shared.runtime.serve import before_stop
from shared.runtime.settings import Settings
from shared.wire.paths import service_of

#: Answered for all services together.  The document of each service is its own.
_SHARED = ("/livez", "/readyz", "/metrics", "/docs")

#: The members of every answer of `/readyz`; what else there is are figures.
_OF_READINESS = frozenset(Readiness({}).shown())


class Homeward:
    """An ASGI app of all three services in one URL space.

    Paths reach the services whole, as a gateway passes them.  ``running`` must be entered
    before the first request: the app takes no part in the lifespan protocol.
    """

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        """Build the services over ``settings``, which must name a database; they share a token made here."""
        token = SecretStr(token_urlsafe(32))
        ours = settings.model_copy(update={"service_token": token})
        clock = clock or SystemClock()
        events = create_events(ours, clock=clock)
        transport = httpx.ASGITransport(app=events, raise_app_exceptions=False)
        # In the order in which they start: the readers find the log answering.
        self.services: Mapping[str, FastAPI] = {
            "events": events,
            "scheduler": create_scheduler(ours, clock=clock, events_transport=transport),
            "reporting": create_reporting(ours, clock=clock, events_transport=transport),
        }
        self._shared = build_app(
            service="embedded",
            summary="All services",
            routers=(),
            lifespan=_nothing,
            readiness=self.readiness,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the service that owns its path."""
        path: str = scope["path"]
        ours = any(path == prefix or path.startswith(prefix + "/") for prefix in _SHARED)
        app = self._shared if ours else self.services[service_of(path)]
        await app(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start the services in order, and stop them in reverse.

        A parent app would not run the lifespans of those it contains: hence here.
        """
        async with AsyncExitStack() as stack:
            for app in self.services.values():
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    def before_stop(self) -> None:
        """Tell every service that the server is about to stop."""
        for app in self.services.values():
            before_stop(app)

    async def readiness(self) -> Readiness:
        """Return how all services do, each part named ``<service>.<part>``, with the figures that any of them shows."""
        checks: dict[str, str] = {}
        degraded: dict[str, Mapping[str, str]] = {}
        warnings: list[str] = []
        figures: dict[str, Any] = {}
        for name, answer in (await self._answers()).items():
            states = answer.get("checks", {"readiness": "does not answer"})
            checks |= {f"{name}.{part}": state for part, state in states.items()}
            degraded |= {f"{name}.{part}": troubles for part, troubles in answer.get("degraded", {}).items()}
            warnings += answer.get("warnings", [])
            for figure in answer.keys() - _OF_READINESS:
                value = answer[figure]
                figures[figure] = {**figures.get(figure, {}), **value} if isinstance(value, dict) else value
        return Readiness(checks, degraded, warnings, figures)

    async def _answers(self) -> dict[str, dict[str, Any]]:
        answers: dict[str, dict[str, Any]] = {}
        for name, app in self.services.items():
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://homeward") as client:
                answers[name] = (await client.get("/readyz")).json()
        return answers


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield
