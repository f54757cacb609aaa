"""The operator sees how far each consumer of the log has come, and can let one try again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from services.cli.command import Status
from services.cli.consumers import GOING_ON, STANDING_STILL
from services.events.app import create_app
from services.reporting.store.log import leases, log_copy
from services.reporting.worker import JourneyProjector
from services.scheduler.store.events import leases as leases_of_scheduler
from shared.domain.clock import SystemClock
from shared.runtime.database import driver_url
from shared.runtime.log_copy import State, Stop
from shared.runtime.projecting import project_page
from shared.runtime.settings import Settings
from shared.wire.content_modes import STRUCTURED
from tests.services.cli.operating import operate
from tests.support.clients import asgi_client
from tests.support.council import new_authority
from tests.support.events import Log, cloud_event

COUNCIL = "northshire"
EVENTS = 3


def listed(capsys: pytest.CaptureFixture[str], service: str = "reporting") -> dict[str, Any]:
    """Return what is told of a service for our council."""
    lines = [json.loads(line) for line in operate(capsys, "consumers", "--json")[1].splitlines()]
    return next(each for each in lines if (each["service"], each["authority"]) == (service, COUNCIL))


@pytest.fixture
async def database(operated: str, settings: Settings) -> str:
    """A database with a log of three events."""
    key = await new_authority(operated, COUNCIL)
    posted = [
        cloud_event("child.registered", f"child-{number}", {"occurred_on": "2026-01-15"}) for number in range(EVENTS)
    ]
    async with asgi_client(create_app(settings.model_copy(update={"database_url": operated})), key) as client:
        for each in posted:
            answer = await client.post("/v1/events", json=each, headers={"content-type": STRUCTURED})
            assert answer.is_success, answer.text
    return operated


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(driver_url(database_url), poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()


async def follow(database_url: str, *, events: int) -> None:
    """Project so many events, and hold the lease."""
    log = Log(COUNCIL)
    for number in range(events):
        log.add("child.registered", f"child-{number}", "2026-01-15")
    engine = create_async_engine(driver_url(database_url), poolclass=NullPool)
    try:
        if events:
            await project_page(engine, JourneyProjector(), COUNCIL, log.events, after=0)
    finally:
        await engine.dispose()
    async with connected(database_url) as connection:
        await leases.take(connection, COUNCIL, "a-process", timedelta(hours=1))


async def stop(database_url: str) -> None:
    async with connected(database_url) as connection:
        assert await log_copy.lock_checkpoint(connection, COUNCIL) == 1
        poison = Stop(state=State.STOPPED, position=2, type="child.registered", reason="KeyError at this event")
        await log_copy.stop(connection, COUNCIL, poison, SystemClock().now())


async def test_a_log_that_nobody_follows_is_told(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any service running, the lag is that of the whole log, and the exit status is not that of good news."""
    status, out, _ = operate(capsys, "consumers")
    assert status == STANDING_STILL
    assert [line.split()[:4] for line in out.splitlines()] == [
        ["SERVICE", "AUTHORITY", "POSITION", "HEAD"],
        ["scheduler", COUNCIL, "0", "3"],
        ["reporting", COUNCIL, "0", "3"],
    ]
    told = listed(capsys, "scheduler")
    assert (told["lag_events"], told["state"], told["holder"]) == (3, "running", None)
    assert told["lag_seconds"] > 0


async def test_a_consumer_that_is_behind_says_by_how_much(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Lag is in events, and in seconds since the first of them was recorded; at the head both are 0."""
    await follow(database, events=1)
    told = listed(capsys)
    assert (told["position"], told["head"], told["lag_events"], told["holder"]) == (1, 3, 2, "a-process")
    assert told["lag_seconds"] > 0


async def test_all_is_well_at_the_head(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With both at the head and followed there is no lag, and the exit status says that all is well."""
    await follow(database, events=EVENTS)
    async with connected(database) as connection:
        await leases_of_scheduler.take(connection, COUNCIL, "a-process", timedelta(hours=1))
    assert operate(capsys, "consumers")[0] == GOING_ON
    told = listed(capsys)
    assert (told["lag_events"], told["lag_seconds"], told["state"]) == (0, 0.0, "running")


async def test_one_that_stands_still_says_where_and_why(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Position, type, reason and since when are told, and it can be asked to try again."""
    await follow(database, events=1)
    await stop(database)
    status, out, _ = operate(capsys, "consumers")
    assert status == STANDING_STILL
    assert "stopped at position 2 (child.registered): KeyError at this event" in out
    assert "since 20" in out
    status, out, _ = operate(capsys, "consumers", "resume", "reporting", COUNCIL)
    assert (status, out.startswith("reporting tries again now")) == (0, True)
    async with connected(database) as connection:
        assert await log_copy.asked_to_resume(connection, [COUNCIL]) == {COUNCIL}


async def test_a_log_shorter_than_what_was_read_is_told(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A checkpoint behind the head of the log shows as ahead, although no service has looked yet."""
    await follow(database, events=EVENTS + 2)
    told = listed(capsys)
    assert (told["state"], told["lag_events"]) == ("ahead", 0)


@pytest.mark.parametrize(
    ("authority", "message"), [("nowhere", "there is no authority nowhere"), (COUNCIL, "does not stand still")]
)
async def test_what_cannot_resume_is_refused_in_words(
    database: str, capsys: pytest.CaptureFixture[str], authority: str, message: str
) -> None:
    """A refusal is a sentence on standard error, and an exit status of its own."""
    status, out, err = operate(capsys, "consumers", "resume", "reporting", authority)
    assert (status, out) == (Status.NOT_DONE, "")
    assert message in err
