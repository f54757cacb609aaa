"""PostgreSQL: one engine for each service, in that service's own role."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from math import inf
from time import monotonic
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

DRIVER = "postgresql+asyncpg"
#: What a statement of a store runs on: operations pass it on, and speak no SQL over it themselves.
Connection = AsyncConnection

#: In a URL, `?pooler=transaction` says that it leads to a pooler which lends connections for one transaction at a time.
_POOLER = "pooler"
#: Whether and how the connection is encrypted and the server known, as libpq and asyncpg understand it.
_TLS = "sslmode"
#: What both ways to connect, through SQLAlchemy and without it, take after the `?`.
_QUERY = frozenset({_POOLER, _TLS, "host", "port", "passfile", "target_session_attrs"})


class UnusableUrl(ValueError):
    """The URL of the database is none; the message says why, and never repeats it."""


def driver_url(database_url: str) -> URL:
    """Return the URL for SQLAlchemy over asyncpg; raises UnusableUrl if it is no PostgreSQL URL."""
    url = _checked(database_url)
    if _TLS in url.query:
        # SQLAlchemy hands it on by the name that asyncpg's argument has.
        url = url.difference_update_query([_TLS]).update_query_dict({"ssl": url.query[_TLS]})
    return url.set(drivername=DRIVER)


def plain_url(database_url: str) -> str:
    """Return the URL for asyncpg itself, password included; raises UnusableUrl as :func:`driver_url` does."""
    return _checked(database_url).set(drivername="postgresql").render_as_string(hide_password=False)


def _checked(database_url: str) -> URL:
    """Return the URL of the server, without what is said of a pooler."""
    url = _parsed(database_url)
    if url.get_backend_name() not in {"postgresql", "postgres"}:
        raise UnusableUrl("HOMEWARD_DATABASE_URL must begin with postgresql://")
    if not url.query.keys() <= _QUERY:
        raise UnusableUrl(f"HOMEWARD_DATABASE_URL may say after `?` no other than {', '.join(sorted(_QUERY))}")
    if url.query.get(_POOLER, "transaction") != "transaction":
        raise UnusableUrl("HOMEWARD_DATABASE_URL may say ?pooler=transaction, and of no other pooler")
    return url.difference_update_query([_POOLER])


def _parsed(database_url: str) -> URL:
    try:
        return make_url(database_url)
    except Exception:  # SQLAlchemy's message would repeat the URL, and with it the password.
        raise UnusableUrl("HOMEWARD_DATABASE_URL is not a URL") from None


def behind_pooler(database_url: str) -> bool:
    """Tell whether the URL says that it leads to a pooler in transaction mode, such as pgbouncer.

    Through such a pooler each transaction may be on another connection to the server: so
    every setting is made anew in each, the role above all, and no statement is kept prepared.
    """
    return _POOLER in _parsed(database_url).query


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


#: A connection that has rested for longer is asked for a sign of life before it is lent.
RESTED_SECONDS = 20.0

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
        connect_args={"timeout": 10, "command_timeout": 60, **how},
    )
    _look_before_lending(engine)
    if pooled:
        statement = local_settings(settings)
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(statement))
    return engine


def _look_before_lending(engine: AsyncEngine) -> None:
    """Lend no connection that was lost while it rested.

    The driver knows of one that the server has closed, without asking.  One that broke without
    a word, as behind a firewall that forgets, is found out by asking; SQLAlchemy's own
    `pool_pre_ping` asks each time, which takes three round trips, more than most requests need.
    """
    pool = engine.sync_engine.pool

    @event.listens_for(pool, "checkin")
    def rests(_: Any, record: Any) -> None:
        record.info["rests_since"] = monotonic()

    @event.listens_for(pool, "checkout")
    def look(connection: Any, record: Any, _: Any) -> None:
        if connection.driver_connection.is_closed():
            raise DisconnectionError
        if monotonic() - record.info.get("rests_since", inf) > RESTED_SECONDS:
            try:
                connection.ping()
            except Exception as error:  # Whatever it is, there will be a new connection.
                raise DisconnectionError from error


def create_owner_engine(database_url: str, settings: Mapping[str, str] | None = None) -> AsyncEngine:
    """Return an engine whose connections act as the role of the URL, and are closed after each use.

    ``settings`` are PostgreSQL's; a pooler takes none.
    """
    how: dict[str, Any] = _UNPREPARED if behind_pooler(database_url) else {"server_settings": dict(settings or {})}
    return create_async_engine(driver_url(database_url), poolclass=NullPool, connect_args={"timeout": 10, **how})


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[Connection]:
    """Yield a connection on which all reads of one answer see one moment, so that a figure and its position agree."""
    async with engine.connect() as connection:
        yield await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
