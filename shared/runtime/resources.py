"""What services open when they start and close when they stop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI, Request
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.client.event_log import EventLog
from shared.domain.clock import Clock
from shared.runtime.auth import Authenticator
from shared.runtime.database import create_engine
from shared.runtime.environment import database_of, token_of
from shared.runtime.migrations import applied_revisions, newest_revisions
from shared.runtime.settings import Settings


@dataclass(frozen=True, slots=True)
class Resources:
    """The database in the service's own role, and the clock."""

    engine: AsyncEngine
    clock: Clock

    async def database_check(self) -> str:
        """Return "ok", or what is wrong with the database in words for an operator."""
        try:
            async with self.engine.connect() as connection:
                missing = newest_revisions() - await applied_revisions(connection)
        except (SQLAlchemyError, OSError) as error:
            return f"cannot be reached ({type(error).__name__})"
        return "ok" if not missing else f"not migrated ({', '.join(sorted(missing))}); run `make migrate`"


@asynccontextmanager
async def open_resources(app: FastAPI, settings: Settings, service: str, clock: Clock) -> AsyncIterator[Resources]:
    """Open the engine, put resources and authenticator on ``app.state``, and close the engine at the end.

    Raises UnusableSettings when no database is set.
    """
    engine = create_engine(database_of(settings), service=service, pool_size=settings.pool_size)
    token = settings.service_token.get_secret_value() if settings.service_token else None
    app.state.resources = Resources(engine, clock)
    app.state.authenticator = Authenticator(engine, clock, token)
    try:
        yield app.state.resources
    finally:
        await engine.dispose()


async def resources(request: Request) -> Resources:
    """Return the resources of the app that answers this request; a FastAPI dependency.

    It is a coroutine because FastAPI would run a plain function in a thread, for longer than all else takes.
    """
    opened: Resources = request.app.state.resources
    return opened


Opened = Annotated[Resources, Depends(resources)]


@asynccontextmanager
async def open_event_log(
    settings: Settings, service: str, transport: httpx.AsyncBaseTransport | None
) -> AsyncIterator[EventLog]:
    """Open the log for a service that follows it; ``transport`` stands in for the network in one process.

    Raises UnusableSettings when no service token is set.
    """
    token = token_of(settings, service)
    # One read waits at the head of each authority's log, and there is no bound on authorities.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(
        transport=transport, base_url=settings.events_url, timeout=30, limits=limits
    ) as client:
        yield EventLog(client, token)
