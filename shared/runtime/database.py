"""PostgreSQL: one engine for each service, in that service's own role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

DRIVER = "postgresql+asyncpg"
#: What a statement of a store runs on: operations pass it on, and speak no SQL over it themselves.
Connection = AsyncConnection

#: In a URL, `?pooler=transaction` says that it leads to a pooler which lends connections for one transaction at a time.
_POOLER = "pooler"


def driver_url(database_url: str) -> URL:
    """Return the URL for the asyncpg driver; raises ValueError if it is no PostgreSQL URL."""
    try:
        url = make_url(database_url)
    except Exception as error:  # SQLAlchemy's message would repeat the URL, and with it the password.
        raise ValueError("HOMEWARD_DATABASE_URL is not a URL") from error
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise ValueError("HOMEWARD_DATABASE_URL must begin with postgresql://")
    if url.query.get(_POOLER, "transaction") != "transaction":
        raise ValueError("HOMEWARD_DATABASE_URL may say ?pooler=transaction, and of no other pooler")
    return url.difference_update_query([_POOLER]).set(drivername=DRIVER)


def plain_url(database_url: str) -> str:
    """Return the URL for asyncpg itself, password included; raises ValueError as :func:`driver_url` does."""
    return driver_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def behind_pooler(database_url: str) -> bool:
    """Tell whether the URL says that it leads to a pooler in transaction mode, such as pgbouncer.

    Through such a pooler each transaction may be on another connection to the server: so
    every setting is made anew in each, the role above all, and no statement is kept prepared.
    """
    return _POOLER in make_url(database_url).query


def local_settings(settings: Mapping[str, str]) -> str:
    """Return the statement that makes these settings of PostgreSQL until the transaction ends."""
    return "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())


def server_settings(service: str) -> dict[str, str]:
    """Return PostgreSQL's settings for every connection of a service, among them its role."""
    return {
        "role": f"homeward_{service}",
        "application_name": f"homeward-{service}",
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "60000",
    }


#: How asyncpg, and SQLAlchemy over it, are told to keep no statement prepared: one without a name ends with its use.
_UNPREPARED = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": lambda: "",
}


def create_engine(database_url: str, *, service: str, pool_size: int = 5) -> AsyncEngine:
    """Return an engine whose connections act as the role ``homeward_<service>``.

    The role holds only what the service needs: the events service, for instance, can
    insert into the log and read it, and cannot update or delete.
    """
    settings = server_settings(service)
    pooled = behind_pooler(database_url)
    how: dict[str, Any] = _UNPREPARED if pooled else {"server_settings": settings}
    engine = create_async_engine(
        driver_url(database_url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={"timeout": 10, "command_timeout": 60, **how},
    )
    if pooled:
        statement = local_settings(settings)
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(statement))
    return engine


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[Connection]:
    """Yield a connection on which all reads of one answer see one moment, so that a figure and its position agree."""
    async with engine.connect() as connection:
        yield await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
