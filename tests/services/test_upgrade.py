"""A database of the release before is brought up to date with everything in it."""

from __future__ import annotations

import asyncpg
import pytest
from alembic import command
from asyncpg import CheckViolationError

from services.reporting.store.log import log_copy as of_reporting
from services.scheduler.store.events import log_copy as of_scheduler
from shared.domain.catalogue.child import ChildRegistered
from shared.runtime.database import create_engine
from shared.runtime.log_copy import LogCopy, Standing
from shared.runtime.migrations import configuration, upgrade
from tests.support.databases import off_loop

READERS = [("scheduler", of_scheduler), ("reporting", of_reporting)]

_BEFORE = """
INSERT INTO {service}.checkpoint (authority_id, position) VALUES ('northshire', 1);
INSERT INTO {service}.event VALUES (
    'northshire', 1, 'child-ada', 1, '/case-system', 'e1', 'child.registered', '2026-01-15T09:00:00Z',
    '{{"occurred_on": "2026-01-15", "team": "north"}}'
)
"""


@pytest.mark.parametrize(("service", "log_copy"), READERS)
async def test_what_was_read_before_is_read_the_same(empty_database_url: str, service: str, log_copy: LogCopy) -> None:
    """A copied event becomes one of version 1, recorded by nobody known, and its reader goes on where it was."""
    off_loop(command.upgrade, configuration(empty_database_url), f"{service}_0001")
    await execute(empty_database_url, _BEFORE.format(service=service))
    off_loop(upgrade, empty_database_url)
    engine = create_engine(empty_database_url, service=service)
    try:
        async with engine.connect() as connection:
            assert await log_copy.standing(connection, "northshire") == Standing(position=1)
            (event,) = (await log_copy.child_events(connection, "northshire", ["ada"]))["ada"]
    finally:
        await engine.dispose()
    assert event.data == ChildRegistered.model_validate({"occurred_on": "2026-01-15", "team": "north"}, strict=False)
    assert (event.recorded_by, event.position) == ("unknown", 1)


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE {service}.checkpoint SET state = 'stopped'",
        "UPDATE {service}.checkpoint SET state = 'idle', stopped_position = 1, stopped_reason = '', stopped_at = now()",
        "UPDATE {service}.checkpoint SET stopped_reason = 'none'",
    ],
)
@pytest.mark.parametrize("service", ["scheduler", "reporting"])
async def test_a_checkpoint_says_why_whenever_it_is_stopped(fresh_database_url: str, service: str, wrong: str) -> None:
    """There is no state without where, why and since when, and none of these while it runs."""
    await execute(fresh_database_url, f"INSERT INTO {service}.checkpoint (authority_id, position) VALUES ('x', 0)")
    with pytest.raises(CheckViolationError):
        await execute(fresh_database_url, wrong.format(service=service))


async def execute(database_url: str, statements: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()
