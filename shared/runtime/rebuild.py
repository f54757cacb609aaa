"""Building a projection anew beside the live one, and putting it in its place, while the live one serves.

::

    rebuild(job, services, clock, tell)                     build, catch up, exchange
    rebuild(job, services, clock, tell, check=True)         build, catch up, compare, exchange nothing

The bulk is folded child by child (:mod:`shared.runtime.rebuild_work`) up to where the live side
was at the beginning; what it has read since is caught up page by page with the service's own
projector.  What only the live side can know is carried over.  Then the live checkpoint is held
for a moment, the two sides brought to the same position, and the tables exchanged in one
transaction: however many events and children there are, what is left for that moment is what
came in just before it.  The rebuilt side is never ahead of the live one, writes nothing outside
its own schema, and tells nobody anything.

Killed at any point it leaves the live side as it was; the next rebuild drops what was left.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.domain.clock import Clock, civil_date
from shared.identity.store import authorities
from shared.runtime import rebuild_schema, rebuild_work
from shared.runtime.database import create_engine, create_owner_engine
from shared.runtime.log_copy import COPIED
from shared.runtime.projecting import Projector, step
from shared.runtime.rebuild_compare import Apart, Difference, compare
from shared.runtime.rebuild_schema import Busy, CannotRebuild, Schemas
from shared.runtime.rebuild_work import Fold, Job, OpenLog

logger = logging.getLogger(__name__)

#: How often an exchange is tried before it is given up, and how long it rests in between.
TRIES = 120
REST_SECONDS = 0.5
#: Behind by no more than this, the live side is held and the rest is read.
NEARLY = 100

Positions = dict[str, int]
#: Tells others, within the exchange, what it changes for them; returns how many notices that are.
Tell = Callable[[AsyncConnection], Awaitable[int]]


class CarriedOver(Protocol):
    """What was carried over while the live side went on."""

    async def complete(self, owner: AsyncEngine, clock: Clock) -> Tell:
        """Carry over what has changed since, now that the live side is held; it is little.

        Return what is to be done, last of all, in the transaction of the exchange.  Raises Busy
        where it would not be little.
        """
        ...


class Rebuildable(Fold, Protocol):
    """A service whose projection can be built anew."""

    @property
    def apart(self) -> Apart:
        """What a comparison with the live side leaves out."""
        ...

    def projector(self, clock: Clock) -> Projector:
        """Return the live projector, but for telling anybody anything."""
        ...

    async def folded(self, engine: AsyncEngine, authority_id: str, today: date) -> None:
        """Note beside the checkpoint how the rows of an authority were folded."""
        ...

    async def settle(self, engine: AsyncEngine, authority_id: str, clock: Clock) -> None:
        """Bring the rebuilt rows to the present day, as the live side is brought without a new event."""
        ...

    async def carry_over(self, owner: AsyncEngine, clock: Clock) -> CarriedOver:
        """Take over into the rebuilt tables what only the live side can know, which goes on meanwhile."""
        ...


class Tells(Protocol):
    """Hears how a rebuild goes."""

    def say(self, sentence: str) -> None:
        """Hear what an operator should know."""
        ...

    def expect(self, events: int) -> None:
        """Hear how many more events there are to do."""
        ...

    def did(self, events: int) -> None:
        """Hear how many more events are done."""
        ...


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of one service: where it stood at the end, and what was compared or told."""

    service: str
    events: int
    differences: Sequence[Difference] = ()
    told: int = 0


async def rebuild(
    job: Job, services: Sequence[Rebuildable], clock: Clock, tell: Tells, *, check: bool = False
) -> list[Rebuilt]:
    """Build the projections of ``services`` anew and exchange them, or with ``check`` only compare them.

    ``job`` names the same services as its folds.  Raises CannotRebuild when another rebuild
    of one of them runs, a pooler stands before the database, or the exchange never finds a
    quiet moment; whatever is raised, the live side is as it was, but for services that were
    exchanged before.
    """
    await rebuild_schema.refuse_poolers(job.database_url)
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(job.opens_log(job.database_url))
        sites = [await stack.enter_async_context(_site(job, each, log, clock)) for each in services]
        for site in sites:
            await site.clear(tell)
        try:
            await _bulk(job, sites, log, tell)
            return [await site.conclude(tell, check=check) for site in sites]
        finally:
            for site in sites:
                await site.leave()


async def _bulk(job: Job, sites: Sequence[_Site], log: OpenLog, tell: Tells) -> None:
    """Fold the logs, up to where every one of these services has read them."""
    marks = [await site.live_positions() for site in sites]
    until = {name: min(mark.get(name, 0) for mark in marks) for name in marks[0]}
    todo = await rebuild_work.batches(log, until)
    tell.expect(sum(batch.events for batch in todo))
    await rebuild_work.work(job, todo, tell.did)
    await asyncio.gather(*(site.after_bulk(until, job.folds[0].schemas) for site in sites))


@asynccontextmanager
async def _site(job: Job, service: Rebuildable, log: OpenLog, clock: Clock) -> AsyncIterator[_Site]:
    """Yield what is needed to rebuild one service; while it is open no other rebuild of it begins."""
    # Each statement is made once: translating it to machine code takes longer than the statement itself.
    owner = create_owner_engine(job.database_url, {"jit": "off"})
    ours = create_engine(job.database_url, service=service.schemas.live, pool_size=1)
    rebuilt = ours.execution_options(schema_translate_map=service.schemas.translation)
    try:
        async with owner.connect() as claim:
            session = await claim.execution_options(isolation_level="AUTOCOMMIT")
            await rebuild_schema.claim(session, service.schemas)
            yield _Site(service=service, owner=owner, rebuilt=rebuilt, log=log, clock=clock, today=job.today)
    finally:
        await ours.dispose()
        await owner.dispose()


class _Site:
    """One service while it is rebuilt."""

    def __init__(
        self,
        *,
        service: Rebuildable,
        owner: AsyncEngine,
        rebuilt: AsyncEngine,
        log: OpenLog,
        clock: Clock,
        today: date,
    ) -> None:
        self._service = service
        self._schemas = service.schemas
        self._owner = owner
        self._rebuilt = rebuilt
        self._log = log
        self._clock = clock
        self._today = today
        self._projector = service.projector(clock)

    async def clear(self, tell: Tells) -> None:
        """Create the empty tables, and say so if an earlier rebuild had left some."""
        note = f"homeward rebuild, begun {self._clock.now():%Y-%m-%d %H:%M} UTC"
        async with self._owner.begin() as connection:
            left = await rebuild_schema.create(connection, self._schemas, note=note)
        if left is not None:
            tell.say(
                f"{self._schemas.live}: dropped what an earlier rebuild left unfinished ({left or 'without a note'})."
            )

    async def leave(self) -> None:
        """Drop the rebuilt tables, unless they have become the live ones."""
        try:
            async with self._owner.begin() as connection:
                await rebuild_schema.drop(connection, self._schemas)
        except (SQLAlchemyError, OSError):
            # What ended the rebuild is worth more than this; the next one drops what is left.
            logger.warning("what was rebuilt of %s could not be dropped", self._schemas.live)

    async def live_positions(self, connection: AsyncConnection | None = None) -> Positions:
        """Return for every authority how far the live side has come: never beyond the head of the log."""
        if connection is None:
            async with self._owner.connect() as own:
                return await self.live_positions(own)
        rows = await connection.execute(text(f"SELECT authority_id, position FROM {self._schemas.live}.checkpoint"))  # noqa: S608 - a schema's name
        reached = {row.authority_id: row.position for row in rows}
        names = sorted({*await authorities(connection), *reached})
        # A log that was restored from an older backup ends before the checkpoint; the log is right.
        return {name: min(reached.get(name, 0), await self._log.head(name)) for name in names}

    async def after_bulk(self, until: Mapping[str, int], copied_for: Schemas) -> None:
        """Take over the copy of the log from where it was made, make keys and indexes, note how far the rows go."""
        if copied_for != self._schemas:
            async with self._owner.begin() as connection:
                await rebuild_schema.take_log(connection, self._schemas, copied_for, COPIED)
        await rebuild_schema.finish(self._owner, self._schemas)
        for authority_id, position in until.items():
            if position:
                async with self._rebuilt.begin() as connection:
                    await self._projector.checkpoint(connection, authority_id)
                    await self._projector.advance(connection, authority_id, position)
                await self._service.folded(self._rebuilt, authority_id, self._today)

    async def conclude(self, tell: Tells, *, check: bool) -> Rebuilt:
        """Catch up with the live side, and compare or exchange."""
        for _ in range(TRIES):
            await self._come_near(tell)
            try:
                return await (self._compare(tell) if check else self._exchange(tell))
            except Busy:
                await asyncio.sleep(REST_SECONDS)
        raise CannotRebuild(f"{self._schemas.live} was never quiet enough for an exchange; try again at a quieter time")

    async def _come_near(self, tell: Tells) -> None:
        """Catch up while the live side goes on, until little is left or it goes on as fast as this."""
        before = math.inf
        while (done := await self._catch_up(await self.live_positions(), tell)) > NEARLY and done * 2 <= before:
            before = done
        await self._settle(await self.live_positions())

    async def _exchange(self, tell: Tells) -> Rebuilt:
        carried_over = await self._service.carry_over(self._owner, self._clock)
        await self._come_near(tell)
        async with self._owner.begin() as holder:
            positions = await self._meet(holder, tell)
            tell_others = await carried_over.complete(self._owner, self._clock)
            await rebuild_schema.exchange(holder, self._schemas)
            told = await tell_others(holder)
        return Rebuilt(self._schemas.live, sum(positions.values()), told=told)

    async def _compare(self, tell: Tells) -> Rebuilt:
        async with self._owner.connect() as snapshot:
            await snapshot.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with self._owner.begin() as holder:
                positions = await self._meet(holder, tell)
                await snapshot.execute(text("SELECT 1"))
            # The live side goes on; this connection sees both sides as they were.
            found = await compare(snapshot, self._schemas, self._service.apart)
        return Rebuilt(self._schemas.live, sum(positions.values()), found)

    async def _meet(self, holder: AsyncConnection, tell: Tells) -> Positions:
        """Hold the live side where it is, and bring the rebuilt one to the same positions and day."""
        await rebuild_schema.hold(holder, self._schemas)
        positions = await self.live_positions(holder)
        await self._catch_up(positions, tell)
        await self._settle(positions)
        return positions

    async def _settle(self, positions: Positions) -> None:
        for authority_id, position in positions.items():
            if position:
                await self._service.settle(self._rebuilt, authority_id, self._clock)

    async def _catch_up(self, positions: Positions, tell: Tells) -> int:
        """Project what lies behind the rebuilt checkpoints up to ``positions``; return how many events it was."""
        done = 0
        for authority_id, until in positions.items():
            async with self._rebuilt.begin() as connection:
                after = await self._projector.checkpoint(connection, authority_id) if until else 0
            if after < until:
                tell.expect(until - after)
            while after < until:
                reached = await step(self._rebuilt, self._log, self._projector, authority_id, after=after, until=until)
                if reached == after:
                    raise CannotRebuild(f"the log of {authority_id} ends at position {after}, before {until}")
                tell.did(reached - after)
                done, after = done + reached - after, reached
        return done


def job_of(database_url: str, opens_log: rebuild_work.OpensLog, services: Sequence[Rebuildable], clock: Clock) -> Job:
    """Return the job of rebuilding these services today."""
    return Job(database_url, opens_log, services, civil_date(clock.now()))
