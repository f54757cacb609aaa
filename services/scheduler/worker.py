"""Following the log: each event is copied, its child projected anew, and what changed is told.

All of it happens in the subscription's one transaction, so a process killed at any point
has either done a page or not begun it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scheduler import projection
from services.scheduler.model import Notice
from services.scheduler.projection import ChildFold
from services.scheduler.representations import new_notice
from services.scheduler.store import events, notices, reviews, revisits
from services.scheduler.store.events import log_copy
from shared.domain.clock import Clock, civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts
from shared.domain.ids import AUTHORITY_STREAM, child_of_stream, child_stream
from shared.domain.timetable.engine import Timetable
from shared.policies.timetables import council_timetable
from shared.runtime.rounds import for_every_authority

log = logging.getLogger(__name__)

#: Children projected together, which bounds memory when a whole authority is projected anew.
BATCH = 100


class ReviewProjector:
    """What the scheduler does with events."""

    subscription = "scheduler"

    def __init__(self, clock: Clock) -> None:
        """Take the present day from ``clock``."""
        self._clock = clock

    async def checkpoint(self, connection: AsyncConnection, authority_id: str) -> int:
        """Return the position finished so far and lock it until the transaction ends."""
        return await log_copy.lock_checkpoint(connection, authority_id)

    async def advance(self, connection: AsyncConnection, authority_id: str, position: int) -> None:
        """Move the locked checkpoint to ``position``."""
        await log_copy.advance(connection, authority_id, position)

    async def project(self, connection: AsyncConnection, authority_id: str, page: Sequence[RecordedEvent]) -> None:
        """Copy the events and fold each new one; an event that was there already changes nothing."""
        now = self._clock.now()
        today = civil_date(now)
        fresh = await log_copy.add_events(connection, authority_id, page)
        new = [event for event in page if event.position in fresh]
        if not new:
            return
        council = await self._council(connection, authority_id, new, today)
        children = await self._touched(connection, authority_id, new)
        told: list[tuple[int, Notice]] = []
        for batch in _batches(children):
            told += await _fold_batch(connection, authority_id, batch, council, today)
        told.sort(key=lambda each: each[0])
        fresh_notices = [new_notice(authority_id, notice, now) for _, notice in told]
        await notices.append(connection, authority_id, fresh_notices, now)

    async def _council(
        self, connection: AsyncConnection, authority_id: str, new: Sequence[RecordedEvent], today: date
    ) -> _Council:
        """Return the timetables that hold during this page, and the new events."""
        council_events = await log_copy.authority_events(connection, authority_id)
        turns = [event.position for event in new if event.stream == AUTHORITY_STREAM]
        before = [event for event in council_events if event.position not in turns]
        timetables = {0: _timetable(before, today)}
        for turn in turns:
            timetables[turn] = _timetable([each for each in council_events if each.position <= turn], today)
        if turns or await events.timetable_digest(connection, authority_id) is None:
            digest = projection.timetable_digest(timetables[max(timetables)])
            await events.set_timetable_digest(connection, authority_id, digest)
        return _Council(timetables, new)

    async def _touched(
        self, connection: AsyncConnection, authority_id: str, new: Sequence[RecordedEvent]
    ) -> Sequence[str]:
        """Return the children to project: those with new events, or all when the council's own facts changed."""
        if any(event.stream == AUTHORITY_STREAM for event in new):
            return await events.all_children(connection, authority_id)
        return sorted({child for child in (child_of_stream(event.stream) for event in new) if child is not None})


@dataclass(frozen=True, slots=True)
class _Council:
    """The timetables of a page by the position from which they hold, and the page's new events."""

    timetables: dict[int, Timetable]
    new: Sequence[RecordedEvent]

    def events_for(self, stream: str) -> list[RecordedEvent]:
        """Return the new events that concern one child: its own, and those of the council."""
        return [event for event in self.new if event.stream in {stream, AUTHORITY_STREAM}]


async def _fold_batch(
    connection: AsyncConnection, authority_id: str, children: Sequence[str], council: _Council, today: date
) -> list[tuple[int, Notice]]:
    """Project some children and write what changed; return what to tell, by causing position."""
    histories = await log_copy.child_events(connection, authority_id, children)
    stored = await reviews.of_children(connection, authority_id, children, lock=True)
    new_positions = {event.position for event in council.new}

    def fold_all() -> list[ChildFold]:
        return [
            projection.fold_child(
                child,
                stored=stored[child],
                before=[each for each in histories[child] if each.position not in new_positions],
                new=council.events_for(child_stream(child)),
                timetables=council.timetables,
                today=today,
            )
            for child in children
        ]

    folds = await asyncio.to_thread(fold_all)
    await reviews.save(connection, authority_id, [each for fold in folds for each in fold.to_write()])
    days = {child: projection.revisit_on(histories[child], today) for child in children}
    await revisits.plan(connection, authority_id, days)
    return [each for fold in folds for each in fold.notices]


class Refresher:
    """Projects anew without a new event: when a recorded fact's day comes, or the installed packs changed.

    It looks once for each authority and civil day, and when the process starts.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock, *, pause_seconds: float) -> None:
        """Write over ``engine``; what day it is says ``clock``."""
        self._engine = engine
        self._clock = clock
        self._pause_seconds = pause_seconds
        self._looked: dict[str, date] = {}
        self.error: str | None = None

    async def run(self) -> None:
        """Refresh until cancelled; trouble is logged, shown in ``error`` and tried again."""
        while True:
            await self.round()
            await asyncio.sleep(self._pause_seconds)

    async def round(self) -> None:
        """Look after every authority that was not looked at today."""
        _, self.error = await for_every_authority(self._engine, self._refresh_once_a_day, doing="refreshing")

    async def _refresh_once_a_day(self, authority_id: str) -> None:
        today = civil_date(self._clock.now())
        if self._looked.get(authority_id) != today:
            await self.refresh(authority_id)
            self._looked[authority_id] = today

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
            told: list[tuple[int, Notice]] = []
            for batch in _batches(children):
                told += await self._refresh_batch(connection, authority_id, batch, timetable)
            await events.set_timetable_digest(connection, authority_id, digest)
            fresh = [new_notice(authority_id, notice, now) for _, notice in sorted(told, key=lambda each: each[0])]
            await notices.append(connection, authority_id, fresh, now)

    async def _refresh_batch(
        self, connection: AsyncConnection, authority_id: str, children: Sequence[str], timetable: Timetable
    ) -> list[tuple[int, Notice]]:
        now = self._clock.now()
        today = civil_date(now)
        histories = await log_copy.child_events(connection, authority_id, children)
        stored = await reviews.of_children(connection, authority_id, children, lock=True)
        folds = [ChildFold(child, {each.review.review_id: each for each in stored[child]}) for child in children]

        def reproject_all() -> None:
            for fold in folds:
                projection.reproject(fold, histories[fold.child_id], timetable, today, now)

        await asyncio.to_thread(reproject_all)
        await reviews.save(connection, authority_id, [each for fold in folds for each in fold.to_write()])
        days = {child: projection.revisit_on(histories[child], today) for child in children}
        await revisits.plan(connection, authority_id, days)
        return [each for fold in folds for each in fold.notices]


def _timetable(council_events: Iterable[RecordedEvent], today: date) -> Timetable:
    timetable = council_timetable(facts(council_events, as_of=today))
    if timetable.unknown:
        log.warning("%d adopted timetable packs are not installed: their rules are not applied", len(timetable.unknown))
    return timetable


def _batches(children: Sequence[str]) -> Iterable[Sequence[str]]:
    remaining = iter(children)
    while batch := list(islice(remaining, BATCH)):
        yield batch
