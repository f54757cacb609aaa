"""Nobody changes the log: not the service, and not its owner by accident."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from services.events.store.append import LogDisorder, append_many
from services.events.store.connection import Pool
from shared.identity.keys import ApiKey
from tests.services.events.posting import append_request, registered
from tests.support.clock import SettableClock

CHANGES = (
    "UPDATE events.event SET position = position + 1",
    "UPDATE events.event SET body = ''::bytea WHERE false",
    "DELETE FROM events.event",
    "DELETE FROM events.event WHERE false",
    "TRUNCATE events.event",
    "UPDATE events.log SET authority_id = authority_id",
    "DELETE FROM events.log",
    "TRUNCATE events.log",
    "UPDATE events.signed_head SET signed_at = now()",
    "DELETE FROM events.signed_head",
    "TRUNCATE events.signed_head",
    "UPDATE events.signing_key SET public_key = sha256('x')",
    "DELETE FROM events.signing_key",
    "TRUNCATE events.signing_key",
)


@pytest.fixture
async def owner(database_url: str, pool: Pool, clock: SettableClock, key: ApiKey) -> AsyncIterator[Any]:
    """Yield a connection of the owner to a log that holds an event."""
    async with pool.transaction() as connection:
        await append_many(connection, key.authority_id, [append_request(registered())], clock)
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.mark.parametrize("statement", CHANGES)
async def test_the_service_s_role_may_not_change_the_log(owner: Any, statement: str) -> None:
    """Its grants, or where a lock needs a grant the trigger, refuse every change."""
    await owner.execute("SET ROLE homeward_events")

    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.RestrictViolationError)):
        await owner.execute(statement)


@pytest.mark.parametrize("statement", [*CHANGES, "TRUNCATE identity.authority CASCADE"])
async def test_the_owner_does_not_change_the_log_by_accident(owner: Any, statement: str) -> None:
    """A trigger refuses what grants cannot, and says what to do instead."""
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await owner.execute(statement)


async def test_the_role_has_the_grants_it_needs_and_no_more(owner: Any) -> None:
    """It reads and inserts; it may touch one column, which is what locking a row takes."""
    tables = await owner.fetch(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
        "WHERE grantee = 'homeward_events' AND table_schema = 'events'"
    )
    columns = await owner.fetch(
        "SELECT table_name, column_name FROM information_schema.column_privileges "
        "WHERE grantee = 'homeward_events' AND table_schema = 'events' AND privilege_type = 'UPDATE'"
    )

    assert {tuple(each) for each in tables} == {
        (table, privilege)
        for table in ("log", "event", "signed_head", "signing_key")
        for privilege in ("SELECT", "INSERT")
    }
    assert [tuple(each) for each in columns] == [("log", "authority_id")]


@pytest.mark.parametrize(
    "change",
    ["position = 0", "stream_position = 0", "digest = '\\x00'", "recorded_at = 'infinity'", "authority_id = NULL"],
)
async def test_a_row_that_cannot_be_is_refused(owner: Any, key: ApiKey, change: str) -> None:
    """Positions begin at 1, a digest has 32 bytes, and an instant is finite."""
    column, value = change.split(" = ")
    names = ("position", "source", "event_id", "stream", "stream_position", "type", "recorded_at", "body", "digest")
    copied = {name: name for name in ("authority_id", *names)} | {"position": "99", "stream_position": "99"}
    copied |= {"event_id": "'other'", column: value}

    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await owner.execute(
            f"INSERT INTO events.event ({', '.join(copied)}) SELECT {', '.join(copied.values())} "
            "FROM events.event WHERE authority_id = $1",
            key.authority_id,
        )


async def test_a_log_belongs_to_an_authority(pool: Pool, clock: SettableClock) -> None:
    """For an authority that does not exist no log is opened."""
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with pool.transaction() as connection:
            await append_many(connection, "no-such-council", [append_request(registered())], clock)


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_an_append_sees_what_was_committed_before_its_lock(
    pool: Pool, clock: SettableClock, key: ApiKey, isolation: str
) -> None:
    """A transaction whose snapshot may be older than the lock is refused."""
    async with pool.connection() as connection:
        with pytest.raises(LogDisorder):
            async with connection.transaction(isolation=isolation):
                await append_many(connection, key.authority_id, [append_request(registered())], clock)
