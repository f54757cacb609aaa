"""The migrations bring any database to the present schema."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.runtime.database import driver_url
from shared.runtime.migrations import applied_revisions, newest_revisions, upgrade
from tests.support.databases import off_loop


async def revisions(database_url: str) -> frozenset[str]:
    engine = create_async_engine(driver_url(database_url), poolclass=NullPool)
    async with engine.connect() as connection:
        return await applied_revisions(connection)


async def test_an_empty_database_reaches_the_newest_revisions(empty_database_url: str) -> None:
    """Migrating an empty database applies the newest revision of every branch."""
    off_loop(upgrade, empty_database_url)

    assert await revisions(empty_database_url) == newest_revisions()


async def test_migrating_twice_changes_nothing(fresh_database_url: str) -> None:
    """A second run finds nothing to do and does no harm."""
    before = await revisions(fresh_database_url)

    off_loop(upgrade, fresh_database_url)

    assert await revisions(fresh_database_url) == before
