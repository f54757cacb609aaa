"""A consumer of the log for tests of the loop: a log in memory, and a read model of one table."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic

from sqlalchemy import BigInteger, Column, MetaData, Table, Text, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.client.event_log import Page, UnreadableEvent
from shared.domain.envelope import RecordedEvent
from shared.runtime.database import driver_url
from shared.runtime.leases import Leases, declare_lease
from shared.runtime.log_copy import LogCopy, Standing, declare_log_copy
from shared.runtime.subscription import WAIT_SECONDS, Consumer, Subscription
from tests.support.clock import SettableClock
from tests.support.events import EPOCH, recorded

metadata = MetaData(schema="sample")
checkpoint, event_table = declare_log_copy(metadata)
lease = declare_lease(metadata)
#: Every event that was projected, as often as it was.
seen_table = Table("seen", metadata, Column("authority_id", Text), Column("position", BigInteger))

log_copy = LogCopy(checkpoint, event_table)
leases = Leases(lease)
CHILDS_DATA = "a child's data"


def event(position: int, *, id: str | None = None) -> RecordedEvent:  # noqa: A002 - it is called so in CloudEvents
    return recorded("child.registered", "child-ada", {"occurred_on": "2026-01-15"}, position=position, id=id)


def events(first: int, last: int) -> list[RecordedEvent]:
    return [event(position) for position in range(first, last + 1)]


@dataclass
class Reader:
    """A log in memory, the same for every authority, whose pages a test may falsify."""

    log: list[RecordedEvent] = field(default_factory=list)
    trouble: Exception | None = None
    #: Types that this release knows nothing of, by position.
    unknown: dict[int, str] = field(default_factory=dict)
    reads: int = 0

    async def read(self, authority_id: str, *, after: int, limit: int, wait_seconds: float = 0.0) -> Page:  # noqa: ARG002 - one log for all
        self.reads += 1
        deadline = monotonic() + wait_seconds
        while not self._behind(after) and self.trouble is None and monotonic() < deadline:  # noqa: ASYNC110 - a plain list
            await asyncio.sleep(0.005)
        if self.trouble is not None:
            raise self.trouble
        page = self._behind(after)[:limit]
        readable = [each for each in page if each.position < min(self.unknown, default=each.position + 1)]
        if page and not readable:
            raise UnreadableEvent(page[0].position, self.unknown[page[0].position], "the type is unknown here")
        head = self.log[-1].position if self.log else 0
        return Page(readable, not readable or readable[-1].position == head, head)

    def _behind(self, after: int) -> list[RecordedEvent]:
        return [each for each in self.log if each.position > after]


class Projector:
    """Copies events and counts them, and fails or pauses where a test says."""

    subscription = "sample"

    def __init__(self) -> None:
        self.fail_at: int | None = None
        self.trouble: Exception = RuntimeError(CHILDS_DATA)
        self.at_most: int | None = None
        self.pages: list[int] = []
        self.pausing = asyncio.Event()
        self.going_on = asyncio.Event()
        self.going_on.set()

    def pause(self) -> None:
        """Let the next page stop in the middle, its rows written and its transaction open."""
        self.going_on.clear()

    async def checkpoint(self, connection: AsyncConnection, authority_id: str) -> int:
        return await log_copy.lock_checkpoint(connection, authority_id)

    async def project(self, connection: AsyncConnection, authority_id: str, page: Sequence[RecordedEvent]) -> int:
        done = page[: self.at_most]
        self.pages.append(len(done))
        await log_copy.add_events(connection, authority_id, done)
        rows = [{"authority_id": authority_id, "position": each.position} for each in done]
        await connection.execute(insert(seen_table), rows)
        if not self.going_on.is_set():
            self.pausing.set()
            await self.going_on.wait()
        if self.fail_at is not None and any(each.position == self.fail_at for each in done):
            raise self.trouble
        return done[-1].position

    async def advance(self, connection: AsyncConnection, authority_id: str, position: int) -> None:
        await log_copy.advance(connection, authority_id, position)


async def make_tables(database_url: str) -> AsyncEngine:
    """Create the consumer's tables in a database, and return an engine for them."""
    engine = create_async_engine(driver_url(database_url), pool_pre_ping=True)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE SCHEMA IF NOT EXISTS sample"))
        await connection.run_sync(metadata.create_all)
    return engine


def consumer(engine: AsyncEngine, reader: Reader, projector: Projector | None = None) -> Consumer:
    return Consumer(engine, reader, projector or Projector(), log_copy, leases, SettableClock(EPOCH))


def following(
    engine: AsyncEngine,
    reader: Reader,
    projector: Projector | None = None,
    *,
    lease_seconds: float = 1.0,
    wait_seconds: float = WAIT_SECONDS,
) -> Subscription:
    return Subscription(consumer(engine, reader, projector), lease_seconds=lease_seconds, wait_seconds=wait_seconds)


@asynccontextmanager
async def running(subscription: Subscription) -> AsyncIterator[asyncio.Task[None]]:
    """Let a subscription follow, and stop it gracefully at the end."""
    task = asyncio.create_task(subscription.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def seen(engine: AsyncEngine, authority_id: str) -> list[int]:
    """Return the positions that were projected, in order."""
    statement = select(seen_table.c.position).where(seen_table.c.authority_id == authority_id)
    async with engine.connect() as connection:
        return sorted(await connection.scalars(statement))


async def standing(engine: AsyncEngine, authority_id: str) -> Standing:
    """Return what the checkpoint says."""
    async with engine.connect() as connection:
        return await log_copy.standing(connection, authority_id)
