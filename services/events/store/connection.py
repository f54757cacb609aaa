"""Connections for the log: planned by index, and with errors that tell a caller whether to try again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Any

import asyncpg

from shared.domain.errors import NotReady
from shared.runtime.database import behind_pooler, local_settings, plain_url, server_settings

#: A connection of asyncpg's.
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
#: How long an append waits for another one to the same log, as PostgreSQL writes it.
LOCK_TIMEOUT = "5s"
#: An expression in every statement that appends: its transaction is answered when it is on disk, whatever the server,
#: the database or the role is set to.  It is a part of the statement because nothing else holds for every connection:
#: a pooler lends others, and a configuration that is loaded again reaches those that are open.  What waits for a
#: standby (`on`, `remote_write`, `remote_apply`) stays as it was chosen.
DURABLE = """
CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
     THEN set_config('synchronous_commit', 'on', true) END
"""
#: An expression that takes the lock of the log of authority $1, which is held until the transaction has become visible.
#: It locks a name and no row: to lock a row is to write it, which took a twentieth of the time of a lone append.  The
#: function that appends several events takes the same lock (events_0005).
LOCK_LOG = "pg_advisory_xact_lock(hashtextextended('homeward log ' || $1, 0))"
#: A transaction in which every statement sees what the first one did.
_SNAPSHOT = {"isolation": "repeatable_read", "readonly": True}
_ACQUIRE_SECONDS = 10.0
_CLOSE_SECONDS = 2.0
_STATEMENT_SECONDS = 60.0
#: How often, while a loan may last, those that have lasted longer are looked for.
_LOOKS = 10
#: A lost connection, a server without resources, one that stops or starts, a transaction that was taken back in favour
#: of another, a lock or a statement that took too long.
_AWAY = ("08", "53", "40", "57P", "55P03", "57014")


class Pool:
    """The connections of this process to the log, at most ``size`` at a time.

    asyncpg's own pool takes longer to lend a connection and take it back than PostgreSQL
    takes to insert an event.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], size: int, loan_seconds: float | None) -> None:
        """Lend what ``connect`` opens, when it is first needed and again after that, for ``loan_seconds`` at most."""
        self._connect = connect
        self._free = asyncio.Semaphore(size)
        self._resting: list[Connection] = []
        self._all: set[Connection] = set()
        self._loan_seconds = loan_seconds
        self._lent_at: dict[Connection, float] = {}
        self._watch: asyncio.TimerHandle | None = None

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection on which each statement is a transaction of its own; raises NotReady."""
        return _Loan(self)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction, which is committed at the end.

        Raises NotReady; when the connection is lost during the commit nobody knows whether
        it took place, and the caller finds out by trying again.
        """
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Lend a connection on which everything is seen as of one instant, and nothing is written; raises NotReady."""
        async with self.connection() as connection, connection.transaction(**_SNAPSHOT):
            yield connection

    def terminate(self) -> None:
        """Close every connection without waiting for what it is busy with."""
        if self._watch is not None:
            self._watch.cancel()
        for connection in self._all:
            connection.terminate()

    async def take(self) -> Connection:
        """Return a connection, which has to be given back or discarded."""
        if self._free.locked():
            async with asyncio.timeout(_ACQUIRE_SECONDS):
                await self._free.acquire()
        else:
            await self._free.acquire()
        connection = self._rested() or await self._connected()
        if self._loan_seconds is not None:
            self._lent_at[connection] = monotonic()
            if self._watch is None:
                self._end_late_loans()
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep the connection for the next borrower: it is busy with nothing."""
        self._lent_at.pop(connection, None)
        self._resting.append(connection)
        self._free.release()

    async def discard(self, connection: Connection) -> None:
        """Close the connection, whatever it is busy with; the server is asked to give that up."""
        self._lent_at.pop(connection, None)
        try:
            await connection.close(timeout=_CLOSE_SECONDS)
        finally:
            self._all.discard(connection)
            connection.terminate()
            self._free.release()

    def _end_late_loans(self) -> None:
        """Close what has been lent for too long, now and again for as long as anything is lent.

        The borrower finds that its connection was closed in the middle of a statement.
        """
        assert self._loan_seconds is not None
        again = asyncio.get_running_loop().call_later
        self._watch = again(self._loan_seconds / _LOOKS, self._end_late_loans) if self._lent_at else None
        for connection, lent_at in self._lent_at.items():
            if monotonic() - lent_at > self._loan_seconds:
                connection.terminate()

    def _rested(self) -> Connection:
        """Return an open connection that was given back, or None."""
        while self._resting:
            connection = self._resting.pop()
            if not connection.is_closed():
                return connection
            self._all.discard(connection)
        return None

    async def _connected(self) -> Connection:
        try:
            connection = await self._connect()
        except BaseException:
            self._free.release()
            raise
        self._all.add(connection)
        return connection


class TransactionPool(Pool):
    """The same through a pooler that lends a connection to the server for one transaction at a time.

    Nothing that is set outlasts a transaction, so there is none without the settings, the
    role above all.  It costs three round trips more for what is a single statement otherwise.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Connection]], size: int, loan_seconds: float | None, settings: str
    ) -> None:
        """Begin each transaction with the statement ``settings``."""
        super().__init__(connect, size, loan_seconds)
        self._settings = settings

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction, in which several statements do not see the same snapshot."""
        async with super().connection() as connection, connection.transaction():
            await connection.execute(self._settings)
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction, which is committed at the end; raises NotReady."""
        async with self.connection() as connection:
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """Lend a connection on which everything is seen as of one instant, and nothing is written; raises NotReady."""
        async with super().connection() as connection, connection.transaction(**_SNAPSHOT):
            await connection.execute(self._settings)
            yield connection


@asynccontextmanager
async def open_pool(database_url: str, *, size: int, loan_seconds: float | None = None) -> AsyncIterator[Pool]:
    """Yield a pool of at most ``size`` connections, which it opens when they are asked for.

    Each statement is given up after a minute.  With ``loan_seconds`` each loan is instead,
    soon after so long: a timer for each statement costs a lone append a twentieth of its rate.
    """
    settings = {**server_settings("events"), **_PLANNING, "lock_timeout": LOCK_TIMEOUT}
    if loan_seconds is not None:
        # A connection that is closed here may go on in the server, with its locks.
        settings["statement_timeout"] = str(int(loan_seconds * 1000))
    pooled = behind_pooler(database_url)
    how: dict[str, Any] = {"statement_cache_size": 0} if pooled else {"server_settings": settings}
    connect = partial(
        asyncpg.connect,
        plain_url(database_url),
        timeout=10,
        command_timeout=_STATEMENT_SECONDS if loan_seconds is None else None,
        **how,
    )
    if pooled:
        pool: Pool = TransactionPool(connect, size, loan_seconds, local_settings(settings))
    else:
        pool = Pool(connect, size, loan_seconds)
    try:
        yield pool
    finally:
        pool.terminate()


class _Loan:
    """Lends a connection of the pool for a block, and turns trouble that will pass into NotReady."""

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._connection: Connection = None

    async def __aenter__(self) -> Connection:
        try:
            self._connection = await self._pool.take()
        except Exception as error:
            _raise_not_ready(error)
            raise
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, asyncpg.PostgresError):
            self._pool.give_back(self._connection)
        else:
            # Nobody knows what it is still busy with: the borrower may have been cancelled during a statement.
            with suppress(Exception):
                await self._pool.discard(self._connection)
        if error is not None:
            _raise_not_ready(error)


def _raise_not_ready(error: BaseException) -> None:
    """Raise NotReady for trouble that passes when the caller tries again; leave other errors what they are."""
    if isinstance(error, asyncpg.PostgresError):
        if str(error.sqlstate or "").startswith(_AWAY):
            raise NotReady(_message(error)) from error
    # asyncpg calls it an internal error when the server ended the connection between two statements.
    elif isinstance(error, (asyncpg.InterfaceError, asyncpg.InternalClientError, TimeoutError, OSError)):
        raise NotReady(_message(error)) from error


def _message(error: Exception) -> str:
    if isinstance(error, asyncpg.LockNotAvailableError):
        return "Another append to this log is taking too long; nothing of this request was stored, send it again."
    return "The database went away; send the request again: an event that was stored is not stored twice."
