"""Projecting children anew because a day has come, or the rules are other ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scheduler import projection
from services.scheduler.children import Caused, batches, read_folds, save_folds, tell, timetable_of
from services.scheduler.store import events, revisits
from services.scheduler.store.events import log_copy
from shared.domain.clock import Clock, civil_date, next_civil_day
from shared.domain.timetable.engine import Timetable
from shared.runtime.alarm import Alarm, ring_nobody
from shared.runtime.rounds import for_every_authority

#: A refresher looks by itself so often whether there are authorities that it has not looked after today.
LONGEST_SECONDS = 60.0


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
            # Locking makes the checkpoint; of a log of which nothing was read yet there is none.
            if await log_copy.position(connection, authority_id) == 0:
                return
            await log_copy.lock_checkpoint(connection, authority_id)
            council = await log_copy.authority_events(connection, authority_id)
            timetable = timetable_of(council, today)
            digest = projection.timetable_digest(timetable)
            changed = digest != await events.timetable_digest(connection, authority_id)
            children = await (
                events.all_children(connection, authority_id)
                if changed
                else revisits.due_children(connection, authority_id, today)
            )
            caused: Caused = []
            for batch in batches(children):
                caused += await _refresh_batch(connection, authority_id, batch, timetable, now)
            await events.set_timetable_digest(connection, authority_id, digest)
            if self._tells:
                await tell(connection, authority_id, caused, now)


async def _refresh_batch(
    connection: AsyncConnection, authority_id: str, children: Sequence[str], timetable: Timetable, now: datetime
) -> Caused:
    today = civil_date(now)
    folds = await read_folds(connection, authority_id, children)

    def reproject_all() -> None:
        for fold in folds.values():
            projection.reproject(fold, timetable, today, now)

    await asyncio.to_thread(reproject_all)
    return await save_folds(connection, authority_id, folds, today)
