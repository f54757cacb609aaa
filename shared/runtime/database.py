"""PostgreSQL: one engine for each service, in that service's own role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

DRIVER = "postgresql+asyncpg"
#: What a statement of a store runs on: operations pass it on, and speak no SQL over it themselves.
Connection = AsyncConnection


def driver_url(database_url: str) -> URL:
    """Return the URL for the asyncpg driver; raises ValueError if it is no PostgreSQL URL."""
    try:
        url = make_url(database_url)
    except Exception as error:  # SQLAlchemy's message would repeat the URL, and with it the password.
        raise ValueError("HOMEWARD_DATABASE_URL is not a URL") from error
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise ValueError("HOMEWARD_DATABASE_URL must begin with postgresql://")
    return url.set(drivername=DRIVER)


def server_settings(service: str) -> dict[str, str]:
    """Return PostgreSQL's settings for every connection of a service, among them its role."""
    return {
        "role": f"homeward_{service}",
        "application_name": f"homeward-{service}",
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "60000",
    }


def create_engine(database_url: str, *, service: str, pool_size: int = 5) -> AsyncEngine:
    """Return an engine whose connections act as the role ``homeward_<service>``.

    The role holds only what the service needs: the events service, for instance, can
    insert into the log and read it, and cannot update or delete.
    """
    return create_async_engine(
        driver_url(database_url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={
            "server_settings": server_settings(service),
            "timeout": 10,
            "command_timeout": 60,
        },
    )


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[Connection]:
    """Yield a connection on which all reads of one answer see one moment, so that a figure and its position agree."""
    async with engine.connect() as connection:
        yield await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
