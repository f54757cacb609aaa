"""Following the log: each event is copied, its child projected anew, and what changed is told.

All of a step happens in the subscription's one transaction, so a process killed at any
point has either done a step or not begun it.  A step ends with its page or when its time is
spent, between two events: each is folded by itself, so where a step ends changes no answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from time import monotonic
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scheduler import projection
from services.scheduler.model import Notice
from services.scheduler.projection import ChildFold
from services.scheduler.representations import new_notice
from services.scheduler.store import events, notices, reviews, revisits
from services.scheduler.store.events import log_copy
from shared.domain.clock import Clock, civil_date, next_civil_day
from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from shared.domain.ids import AUTHORITY_STREAM, child_of_stream
from shared.domain.timetable.engine import Timetable
from shared.policies.timetables import council_timetable
from shared.runtime.alarm import Alarm, ring_nobody
from shared.runtime.rounds import for_every_authority

log = logging.getLogger(__name__)

Item = TypeVar("Item")

#: Children projected together, which bounds memory when a whole authority is projected anew.
BATCH = 100

#: Events folded together: what they concern is read and written once for all of them.
SLICE = 100

#: How long one step goes on folding.  Its transaction is idle meanwhile, and PostgreSQL ends one that is idle
#: for a minute; and a thread that folds cannot be interrupted, so this is how long a stop has to wait.
BUDGET_SECONDS = 3.0

#: A refresher looks by itself so often whether there are authorities that it has not looked after today.
LONGEST_SECONDS = 60.0

#: What to tell, with the position of the event that caused it.
Told = list[tuple[int, Notice]]


class ReviewProjector:
    """What the scheduler does with events."""

    subscription = "scheduler"

    def __init__(self, clock: Clock, *, seconds: Callable[[], float] = monotonic, tells: bool = True) -> None:
        """Take the present day from ``clock``, and how long a step has taken from ``seconds``.

        The two are apart because no civil clock measures a duration: it can be set, and tests let it stand.
        One that does not tell writes no notices.
        """
        self._clock = clock
        self._seconds = seconds
        self._tells = tells

    async def checkpoint(self, connection: AsyncConnection, authority_id: str) -> int:
        """Return the position finished so far and lock it until the transaction ends."""
        return await log_copy.lock_checkpoint(connection, authority_id)

    async def advance(self, connection: AsyncConnection, authority_id: str, position: int) -> None:
        """Move the locked checkpoint to ``position``."""
        await log_copy.advance(connection, authority_id, position)

    async def project(self, connection: AsyncConnection, authority_id: str, page: Sequence[RecordedEvent]) -> int:
        """Copy and fold the events of ``page`` behind the checkpoint, slice by slice until the budget is spent.

        Returns the position of the last event done: at least the first is, however long it takes.
        """
        until = self._seconds() + BUDGET_SECONDS
        finished = await log_copy.position(connection, authority_id)
        new = [event for event in page if event.position > finished]
        if not new:
            return page[-1].position
        step = _Step(connection, authority_id, self._clock.now(), lambda: self._seconds() >= until, self._tells)
        await step.read_timetable()
        done = finished
        for piece in _slices(new):
            done = await step.fold(piece)
            if done < piece[-1].position or step.spent():
                break
        return done


class _Step:
    """One authority's share of work within one transaction, and the timetable that holds meanwhile."""

    def __init__(
        self, connection: AsyncConnection, authority_id: str, now: datetime, spent: Callable[[], bool], tells: bool
    ) -> None:
        self._connection = connection
        self._authority_id = authority_id
        self._now = now
        self._today = civil_date(now)
        self._timetable: Timetable
        self._tells = tells
        self.spent = spent

    async def read_timetable(self, *, changed: bool = False) -> None:
        """Read the timetable that the events copied so far make; it is noted if ``changed``, or if none is yet."""
        council = await log_copy.authority_events(self._connection, self._authority_id)
        self._timetable = _timetable(council, self._today)
        if changed or await events.timetable_digest(self._connection, self._authority_id) is None:
            digest = projection.timetable_digest(self._timetable)
            await events.set_timetable_digest(self._connection, self._authority_id, digest)

    async def fold(self, piece: Sequence[RecordedEvent]) -> int:
        """Copy and fold events of children, or one of the authority; return the position of the last one done."""
        return await self._fold_council(piece) if _of_council(piece[0]) else await self._fold_children(piece)

    async def _fold_council(self, piece: Sequence[RecordedEvent]) -> int:
        """Project every child anew, because the council's own facts changed."""
        await log_copy.add_events(self._connection, self._authority_id, piece)
        await self.read_timetable(changed=True)
        told: Told = []
        for batch in _batches(await events.all_children(self._connection, self._authority_id), BATCH):
            told += (await self._fold_batch(batch, piece))[1]
        await self._tell(told)
        return piece[-1].position

    async def _fold_children(self, piece: Sequence[RecordedEvent]) -> int:
        concerned = sorted({child for child in (child_of_stream(event.stream) for event in piece) if child is not None})
        done, told = await self._fold_batch(concerned, piece)
        # Only what is done is copied: the rest comes again, behind the checkpoint.
        finished = [event for event in piece if event.position <= done]
        await log_copy.add_events(self._connection, self._authority_id, finished)
        await self._tell(told)
        return done

    async def _fold_batch(self, children: Sequence[str], piece: Sequence[RecordedEvent]) -> tuple[int, Told]:
        """Project some children and write what changed; return how far it got, and what to tell."""
        folds = await _folds(self._connection, self._authority_id, children)
        arguments = (folds, piece, self._timetable, self._today, self.spent)
        done = await asyncio.to_thread(projection.fold_events, *arguments)
        return done, await _save(self._connection, self._authority_id, folds, self._today)

    async def _tell(self, told: Told) -> None:
        if self._tells:
            await _tell(self._connection, self._authority_id, told, self._now)


async def _folds(connection: AsyncConnection, authority_id: str, children: Sequence[str]) -> dict[str, ChildFold]:
    """Read what is known of some children; their reviews are locked until the transaction ends."""
    histories = await log_copy.child_events(connection, authority_id, children)
    stored = await reviews.of_children(connection, authority_id, children, lock=True)
    return {
        child: ChildFold(child, {each.review.review_id: each for each in stored[child]}, histories[child])
        for child in children
    }


async def _save(connection: AsyncConnection, authority_id: str, folds: Mapping[str, ChildFold], today: date) -> Told:
    """Write what changed; return what to tell."""
    await reviews.save(connection, authority_id, [each for fold in folds.values() for each in fold.to_write()])
    await reviews.delete(connection, authority_id, [each for fold in folds.values() for each in fold.to_delete()])
    days = {child: projection.revisit_on(fold.known, today) for child, fold in folds.items()}
    await revisits.plan(connection, authority_id, days)
    return [each for fold in folds.values() for each in fold.notices]


async def _tell(connection: AsyncConnection, authority_id: str, told: Told, now: datetime) -> None:
    """Write notices, in the order of what caused them."""
    fresh = [new_notice(authority_id, notice, now) for _, notice in sorted(told, key=lambda each: each[0])]
    await notices.append(connection, authority_id, fresh, now)


class Refresher:
    """Projects anew without a new event: when a recorded fact's day comes, or the installed packs changed.

    It looks once for each authority and civil day, and when the process starts.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        *,
        pause_seconds: float,
        tells: bool = True,
        refreshed: Callable[[], None] = ring_nobody,
    ) -> None:
        """Write over ``engine``; what day it is says ``clock``, which is looked at every ``pause_seconds``.

        One that does not tell writes no notices.  ``refreshed`` is called when what was
        projected anew has been committed.
        """
        self._engine = engine
        self._clock = clock
        self._tells = tells
        self._refreshed = refreshed
        self._alarm = Alarm(clock, look_seconds=pause_seconds, longest_seconds=LONGEST_SECONDS)
        self._looked: dict[str, date] = {}
        self.error: str | None = None
        self.troubles: dict[str, str] = {}

    async def run(self) -> None:
        """Refresh until cancelled; trouble is logged, shown in ``error`` and tried again."""
        while True:
            ends = next_civil_day(self._clock.now())
            await self.round()
            await self._alarm.wait(ends, sooner=self._failed)

    def _failed(self) -> bool:
        return self.error is not None or bool(self.troubles)

    async def round(self) -> None:
        """Look after every authority that was not looked at today."""
        work = self._refresh_once_a_day
        _, self.error, self.troubles = await for_every_authority(self._engine, work, doing="refreshing")

    async def _refresh_once_a_day(self, authority_id: str) -> None:
        today = civil_date(self._clock.now())
        if self._looked.get(authority_id) != today:
            await self.refresh(authority_id)
            self._looked[authority_id] = today
            self._refreshed()

    async def refresh(self, authority_id: str) -> None:
        """Project the children of one authority for whom today's answer may differ from yesterday's."""
        now = self._clock.now()
        today = civil_date(now)
        async with self._engine.begin() as connection:
            if await log_copy.lock_checkpoint(connection, authority_id) == 0:
                return
            council = await log_copy.authority_events(connection, authority_id)
            timetable = _timetable(council, today)
            digest = projection.timetable_digest(timetable)
            changed = digest != await events.timetable_digest(connection, authority_id)
            children = await (
                events.all_children(connection, authority_id)
                if changed
                else revisits.due_children(connection, authority_id, today)
            )
            told: Told = []
            for batch in _batches(children, BATCH):
                told += await _refresh_batch(connection, authority_id, batch, timetable, now)
            await events.set_timetable_digest(connection, authority_id, digest)
            if self._tells:
                await _tell(connection, authority_id, told, now)


async def _refresh_batch(
    connection: AsyncConnection, authority_id: str, children: Sequence[str], timetable: Timetable, now: datetime
) -> Told:
    today = civil_date(now)
    folds = await _folds(connection, authority_id, children)

    def reproject_all() -> None:
        for fold in folds.values():
            projection.reproject(fold, timetable, today, now)

    await asyncio.to_thread(reproject_all)
    return await _save(connection, authority_id, folds, today)


def _timetable(council_events: Iterable[RecordedEvent], today: date) -> Timetable:
    timetable = council_timetable(facts(council_events, as_of=today))
    if timetable.unknown:
        log.warning("%d adopted timetable packs are not installed: their rules are not applied", len(timetable.unknown))
    return timetable


def _of_council(event: RecordedEvent) -> bool:
    return event.stream == AUTHORITY_STREAM


def _slices(new: Sequence[RecordedEvent]) -> Iterator[Sequence[RecordedEvent]]:
    """Cut consecutive events so that one of the authority stands alone: it concerns every child."""
    for of_council, consecutive in groupby(new, key=_of_council):
        yield from _batches(tuple(consecutive), 1 if of_council else SLICE)


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
