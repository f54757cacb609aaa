"""Transactions that overlap in ways chosen beforehand, step by step, with a follower that looks in between.

A step that has to wait for a lock holds up the later steps of its own transaction only: so
one script runs over a log that makes writers wait for each other, and over one that does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from secrets import token_hex
from typing import Any

import asyncpg
from sqlalchemy import make_url

from services.events.store.connection import Connection, Pool
from shared.runtime.database import driver_url
from tests.services.events.stress import Follower, Subject, difference
from tests.support.waiting import eventually

#: Something to do on a stage, of which the docstring says what overlaps how.
Script = Callable[["Stage"], Awaitable[None]]

#: What makes a transaction one that writes, for every snapshot, without leaving anything behind.
_WRITE = "SELECT pg_current_xact_id()"
_ALL_BLOCKED = "SELECT bool_and(cardinality(pg_blocking_pids(pid)) > 0) FROM unnest($1::integer[]) AS pid"


class Transaction:
    """One transaction that is told what to do; each step begins when the one before it is done."""

    def __init__(self, subject: Subject, connection: Connection, settle: Callable[[], Awaitable[None]]) -> None:
        """``settle`` waits until every transaction is done with its steps, or waits for a lock."""
        self.pid: int = connection.get_server_pid()
        self.last: asyncio.Task[Any] | None = None
        self._subject = subject
        self._connection = connection
        self._transaction = connection.transaction()
        self._settle = settle

    async def begin(self) -> None:
        await self._do(self._transaction.start)

    async def take_id(self) -> None:
        """Take the transaction's id, as a first write anywhere would."""
        await self._do(lambda: self._connection.execute(_WRITE))

    async def append(self, *ids: str) -> None:
        await self._do(lambda: self._subject.append(self._connection, ids))

    async def commit(self) -> None:
        await self._do(self._transaction.commit)

    async def roll_back(self) -> None:
        await self._do(self._transaction.rollback)

    async def _do(self, step: Callable[[], Awaitable[Any]]) -> None:
        """Have a step done behind those before it; return when it is, or when a lock is waited for."""
        self.last = asyncio.create_task(self._in_turn(self.last, step))
        await self._settle()

    async def _in_turn(self, before: asyncio.Task[Any] | None, step: Callable[[], Awaitable[Any]]) -> None:
        if before is not None:
            await before
        await step()


class Stage:
    """Transactions on one log, and the follower that watches them."""

    def __init__(self, subject: Subject, pool: Pool, follower: Follower, url: str) -> None:
        """Play in the database of ``url``, to which ``pool`` is connected, too."""
        self.follower = follower
        self.stalled = False
        self._subject = subject
        self._pool = pool
        self._url = url
        self._open = AsyncExitStack()
        self._transactions: list[Transaction] = []

    async def begin(self) -> Transaction:
        """Begin a transaction on a connection of its own."""
        connection = await self._open.enter_async_context(self._pool.connection())
        transaction = Transaction(self._subject, connection, self._settle)
        self._transactions.append(transaction)
        await transaction.begin()
        return transaction

    async def read(self) -> None:
        """Let the follower read one page."""
        await self.follower.step()

    async def expect(self, *ids: str) -> None:
        """Let the follower read on: by now these must have come, whatever else is open on the server."""
        await self.follower.catch_up()
        self.stalled = self.stalled or not set(ids) <= {event_id for _, event_id in self.follower.seen}

    async def idle_writer_elsewhere(self) -> None:
        """Leave a transaction open that wrote in another database of the server."""
        elsewhere = make_url(self._url).set(database="postgres").render_as_string(hide_password=False)
        connection = await self._open.enter_async_context(connected(elsewhere))
        await self._open.enter_async_context(connection.transaction())
        await connection.execute(_WRITE)

    async def prepared_transaction(self) -> None:
        """Leave a transaction prepared for a commit in two phases that wrote in this database."""
        name = f"prepared-{token_hex(6)}"
        connection = await self._open.enter_async_context(connected(self._url))
        await connection.execute(f"BEGIN; {_WRITE}; PREPARE TRANSACTION '{name}'")
        self._open.push_async_callback(connection.execute, f"ROLLBACK PREPARED '{name}'")

    async def outcome(self) -> str:
        """Finish everything, let the follower catch up, and say in a word what was wrong with what it saw."""
        await asyncio.gather(*(each.last for each in self._transactions if each.last))
        await self.close()
        await self.follower.catch_up()
        if self.stalled:
            return "stalls"
        return str(difference(self.follower.seen, await self._subject.stored(self._pool)))

    async def close(self) -> None:
        """End what is still open."""
        await self._open.aclose()

    async def _settle(self) -> None:
        await eventually(self._settled, about="every step being done or waiting for a lock")

    async def _settled(self) -> bool:
        busy = [each.pid for each in self._transactions if each.last and not each.last.done()]
        if not busy:
            return True
        async with self._pool.connection() as watcher:
            return bool(await watcher.fetchval(_ALL_BLOCKED, busy))


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """Yield a connection as the owner of the database."""
    plain = driver_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    # Nothing is kept prepared: the connection may lead through a pooler.
    connection = await asyncpg.connect(plain, statement_cache_size=0)
    try:
        yield connection
    finally:
        await connection.close()


async def late_lower_position(stage: Stage) -> None:
    """What is appended first commits last; the follower looks between the two commits."""
    first, second = await stage.begin(), await stage.begin()
    await first.append("first")
    await second.append("second")
    await second.commit()
    await stage.read()
    await first.commit()


async def older_transaction_later_position(stage: Stage) -> None:
    """The transaction with the lower id appends second and commits first."""
    older, younger = await stage.begin(), await stage.begin()
    await older.take_id()
    await younger.append("younger")
    await older.append("older")
    await older.commit()
    await stage.read()
    await younger.commit()


async def older_transaction_continues_a_stream(stage: Stage) -> None:
    """The transaction with the lower id appends to a stream what another has committed meanwhile to continue."""
    older, younger = await stage.begin(), await stage.begin()
    await older.take_id()
    await younger.append("one")
    await younger.commit()
    await stage.read()
    await older.append("two")
    await older.commit()


async def after_a_rollback(stage: Stage) -> None:
    """Between two appends that commit, one is rolled back, and so is what had come before them all."""
    undone, early, undone_too, late = [await stage.begin() for _ in range(4)]
    await undone.append("undone")
    await early.append("early")
    await early.commit()
    await stage.read()
    await undone.roll_back()
    await stage.read()
    await undone_too.append("undone, too")
    await late.append("late")
    await stage.read()
    await undone_too.roll_back()
    await late.commit()
    await stage.expect("early", "late")


async def idle_writer_elsewhere(stage: Stage) -> None:
    """A transaction that wrote in another database of the server stays open."""
    await stage.idle_writer_elsewhere()
    writer = await stage.begin()
    await writer.append("here")
    await writer.commit()
    await stage.expect("here")


async def prepared_transaction(stage: Stage) -> None:
    """A transaction of this database stays prepared for a commit in two phases."""
    await stage.prepared_transaction()
    writer = await stage.begin()
    await writer.append("here")
    await writer.commit()
    await stage.expect("here")


SCRIPTS: Sequence[Script] = (
    late_lower_position,
    older_transaction_later_position,
    older_transaction_continues_a_stream,
    after_a_rollback,
    idle_writer_elsewhere,
    prepared_transaction,
)
