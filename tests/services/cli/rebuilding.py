"""A council whose log is rebuilt: appended over HTTP, followed by the live projectors, seen row by row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from services.cli.rebuild import PROJECTIONS, run
from services.events.app import create_app
from services.events.store.histories import open_histories
from services.reporting.worker import JourneyProjector
from services.scheduler.worker import ReviewProjector
from shared.identity.keys import ApiKey
from shared.runtime.database import create_engine
from shared.runtime.projecting import Projector, step
from shared.runtime.rebuild import Rebuilt
from shared.runtime.settings import Settings
from tests.support.clients import asgi_client
from tests.support.clock import SettableClock
from tests.support.council import new_authority

SERVICES = ("scheduler", "reporting")
#: The day for which the demonstration council is drawn.
LOADED = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@dataclass
class Heard:
    """Hears what a rebuild tells."""

    said: list[str] = field(default_factory=list)
    expected: int = 0
    done: int = 0

    def say(self, sentence: str) -> None:
        self.said.append(sentence)

    def expect(self, events: int) -> None:
        self.expected += events

    def did(self, events: int) -> None:
        self.done += events


@dataclass
class Site:
    """A database with one council, and the engines of the services that follow it."""

    url: str
    key: ApiKey
    clock: SettableClock
    client: httpx.AsyncClient
    engines: dict[str, AsyncEngine]

    async def append(self, events: Iterable[dict[str, Any]]) -> None:
        """Append events, as a case system posts them."""
        lines = [orjson.dumps(each) for each in events]
        for begin in range(0, len(lines), 1000):
            body = b"\n".join(lines[begin : begin + 1000])
            kind = {"content-type": "application/x-ndjson"}
            answer = await self.client.post("/v1/events", content=body, headers=kind)
            assert answer.status_code == 200, answer.text

    async def follow(self, *services: str, until: int | None = None) -> None:
        """Let the live projectors of these services, or of both, read to the head of the log or to ``until``."""
        projectors: dict[str, Projector] = {"scheduler": ReviewProjector(self.clock), "reporting": JourneyProjector()}
        async with open_histories(self.url) as log:
            for service in services or SERVICES:
                engine, after = self.engines[service], -1
                async with engine.begin() as connection:
                    reached = await projectors[service].checkpoint(connection, self.key.authority_id)
                while reached != after:
                    after = reached
                    authority = self.key.authority_id
                    reached = await step(engine, log, projectors[service], authority, after=after, until=until)

    async def rebuild(self, *services: str, check: bool = False, heard: Heard | None = None) -> list[Rebuilt]:
        """Rebuild these services, or both."""
        return await run(self.url, services or SERVICES, self.clock, heard or Heard(), check=check)

    async def rows(self, service: str, *, schema: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """Return every row of the projection of a service, by table."""
        connection = await asyncpg.connect(self.url)
        try:
            found = {}
            for table in PROJECTIONS[service].schemas.tables:
                rows = await connection.fetch(f"SELECT * FROM {schema or service}.{table} AS of ORDER BY of::text")
                found[table] = [dict(row) for row in rows]
            return found
        finally:
            await connection.close()

    async def execute(self, statement: str, *values: object) -> list[Any]:
        """Do something to the database as its superuser."""
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()


@asynccontextmanager
async def site(url: str, settings: Settings, clock: SettableClock) -> AsyncIterator[Site]:
    """Yield a council of its own on the database."""
    key = await new_authority(url)
    engines = {service: create_engine(url, service=service, pool_size=2) for service in SERVICES}
    app = create_app(settings.model_copy(update={"database_url": url}), clock=clock)
    try:
        async with asgi_client(app, key) as client:
            yield Site(url, key, clock, client, engines)
    finally:
        for engine in engines.values():
            await engine.dispose()
