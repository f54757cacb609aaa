"""How long a connection to the log may be borrowed."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from services.events.store.connection import Connection, open_pool
from shared.domain.errors import NotReady
from tests.support.waiting import eventually

#: Short for a test, and long for what PostgreSQL does in it besides sleeping.
LOAN_SECONDS = 0.5


async def test_a_statement_that_does_not_end_is_given_up_with_its_loan(database_url: str) -> None:
    """Whoever waits for PostgreSQL longer than a loan lasts is told to try again, and the next one is served."""
    async with open_pool(database_url, size=1, loan_seconds=LOAN_SECONDS) as pool:
        with pytest.raises(NotReady):
            async with pool.connection() as connection:
                await connection.execute("SELECT pg_sleep(60)")
        async with pool.connection() as connection:
            left = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
            assert await eventually(partial(_none, connection, left))


async def _none(connection: Connection, count: str) -> bool:
    found: int = await connection.fetchval(count)
    return found == 0


async def test_loans_that_end_in_time_are_left_alone(database_url: str) -> None:
    """A connection is lent again and again for longer than one loan lasts, and stays the same."""
    async with open_pool(database_url, size=1, loan_seconds=LOAN_SECONDS) as pool:
        servers = set()
        for _ in range(8):
            async with pool.connection() as connection:
                servers.add(await connection.fetchval("SELECT pg_backend_pid()"))
                await asyncio.sleep(LOAN_SECONDS / 4)
        assert len(servers) == 1


async def test_nothing_is_looked_after_while_nothing_is_lent(database_url: str) -> None:
    """A pool at rest has no timer, and one that was used is at rest again soon."""
    async with open_pool(database_url, size=1, loan_seconds=LOAN_SECONDS) as pool:
        assert pool._watch is None
        async with pool.connection():
            assert pool._watch is not None
        await eventually(lambda: pool._watch is None)
