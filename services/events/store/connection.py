"""Connections for the log: planned by index, and with errors that tell a caller whether to try again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg

from shared.domain.errors import NotReady
from shared.runtime.database import driver_url, server_settings

#: A connection of asyncpg's pool.
Connection = Any

# The log grows faster than PostgreSQL learns of it: a plan made for ten rows, and kept, would
# read the whole of it.  Every statement on the log is made for one index, so plans are made
# once, and without what reads more than it was asked for.
_PLANNING = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "jit": "off",
}
_ACQUIRE_SECONDS = 10.0
#: A lost connection, a server without resources, a server that stops or starts, a lock waited for too long.
_AWAY = ("08", "53", "57P", "55P03")


class Pool:
    """The connections of this process to the log."""

    def __init__(self, pool: Any) -> None:
        """Hand out connections of this pool of asyncpg's."""
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection on which each statement is a transaction of its own; raises NotReady."""
        with _trouble_as_not_ready():
            async with self._pool.acquire(timeout=_ACQUIRE_SECONDS) as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction, which is committed at the end.

        Raises NotReady; when the connection is lost during the commit nobody knows whether
        it took place, and the caller finds out by trying again.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection


@asynccontextmanager
async def open_pool(database_url: str, *, size: int) -> AsyncIterator[Pool]:
    """Yield a pool of at most ``size`` connections, which it opens when they are asked for."""
    pool = await asyncpg.create_pool(
        driver_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False),
        min_size=0,
        max_size=size,
        timeout=10,
        command_timeout=60,
        server_settings={**server_settings("events"), **_PLANNING},
        reset=_leave_as_it_is,
    )
    try:
        yield Pool(pool)
    finally:
        pool.terminate()


async def _leave_as_it_is(_: Connection) -> None:
    """Save a round trip: no statement on the log changes a setting beyond its transaction."""


@contextmanager
def _trouble_as_not_ready() -> Iterator[None]:
    """Raise NotReady for trouble that passes when the caller tries again; other errors stay what they are."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if str(error.sqlstate or "").startswith(_AWAY):
            raise NotReady(_message(error)) from error
        raise
    except (asyncpg.InterfaceError, TimeoutError, OSError) as error:
        raise NotReady(_message(error)) from error


def _message(error: Exception) -> str:
    if isinstance(error, asyncpg.LockNotAvailableError):
        return "Another append to this log is taking too long; nothing of this request was stored, send it again."
    return "The database went away; send the request again: an event that was stored is not stored twice."
