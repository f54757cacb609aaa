"""Run the migrations: four labelled branches, one for each schema, one transaction in all."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

#: One runner at a time; the number only has to be the same in every process.
LOCK = 7_426_511_009


def run(connection: Connection) -> None:
    """Migrate over this connection, waiting for any other runner first."""
    context.configure(connection=connection, target_metadata=None, version_table_schema="public")
    with context.begin_transaction():
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        connection.execute(text("SET LOCAL statement_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        context.run_migrations()


async def connect_and_run() -> None:
    """Open a connection as the migrating user and run."""
    engine = create_async_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("Homeward migrates over a connection only; set HOMEWARD_DATABASE_URL and run `homeward migrate`.")
asyncio.run(connect_and_run())
