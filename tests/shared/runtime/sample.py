"""A service for tests, with one operation of each kind that matters to the runtime."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError

from shared.domain.clock import Clock
from shared.domain.errors import HomewardError, NotFound
from shared.identity.keys import Scope
from shared.runtime.app import build_app
from shared.runtime.auth import Principal, require
from shared.runtime.readiness import Readiness
from shared.runtime.resources import open_resources
from shared.runtime.settings import Settings
from shared.runtime.times import Times, times

SECRET = "a child's own words"


class Body(BaseModel):
    """A body that admits no unknown member."""

    model_config = ConfigDict(extra="forbid")

    number: int


class DriverError(Exception):
    """An error as asyncpg raises it, with its code."""

    def __init__(self, sqlstate: str) -> None:
        """Keep the code."""
        super().__init__(SECRET)
        self.sqlstate = sqlstate


router = APIRouter(prefix="/v1/events")


@router.get("/me")
async def me(principal: Annotated[Principal, Depends(require(Scope.EVENTS_READ))]) -> dict[str, str]:
    """Say who asks."""
    return {"authority": principal.authority_id, "key": principal.key_id}


@router.get("/times")
async def both_times(asked: Annotated[Times, Depends(times)]) -> dict[str, str | None]:
    """Say which times were asked for."""
    known_at = asked.known_at.isoformat() if asked.known_at else None
    return {"as_of": asked.as_of.isoformat(), "known_at": known_at, "today": asked.today.isoformat()}


@router.post("/body")
async def body(read: Body) -> int:
    """Give back the number."""
    return read.number


@router.get("/both")
@router.post("/both")
async def both() -> None:
    """Take two methods on one path."""


@router.post("/raw")
async def raw(request: Request) -> int:
    """Give back the length of the body, read as our services read theirs."""
    return len(await request.body())


@router.get("/many")
async def many(team: Annotated[list[str] | None, Query()] = None, one: str = "") -> list[str]:
    """Take one parameter many times and another once."""
    return [*(team or ()), one]


@router.get("/fail/{how}")
async def fail(how: str) -> None:
    """Fail in the named way."""
    if how == "not-found":
        raise NotFound
    if how == "own":
        raise HomewardError("Told to the caller.")
    if how.startswith("database-"):
        raise DBAPIError("SELECT", {}, DriverError(how.removeprefix("database-")))
    if how == "network":
        raise OSError(SECRET)
    raise RuntimeError(SECRET)


def create_app(settings: Settings, clock: Clock, found: Readiness | None = None) -> FastAPI:
    """Return the app of the sample service, in the role of the events service."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_resources(app, settings, "events", clock):
            yield

    async def readiness() -> Readiness:
        return found or Readiness({"database": await app.state.resources.database_check()})

    app = build_app(service="events", summary="Sample", routers=[router], lifespan=lifespan, readiness=readiness)
    return app
