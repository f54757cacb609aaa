"""The clock-driven part: notices that become due because a day begins.

It costs what is due: each review carries the day on which it is to be looked at next.  So there
is something to do when a day begins, when reviews have changed, and when a reader that was
behind has come to the head of its log: the rest of the time the tick sleeps.

Several replicas may tick at once: rows that one holds the others pass over, and each
notice has a key of which the log takes one.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from services.scheduler.model import Notice
from services.scheduler.projection import timed_notice
from services.scheduler.representations import new_notice
from services.scheduler.store import notices, reviews
from services.scheduler.store.events import log_copy
from shared.domain.clock import Clock, civil_date, next_civil_day
from shared.runtime.alarm import Alarm, ring_nobody
from shared.runtime.rounds import for_every_authority

#: Returns the log position at which this process saw the head of an authority's log; None while it is behind.
CaughtUp = Callable[[str], int | None]

#: The tick looks by itself so often, for reviews that another program has changed: a rebuild.
LONGEST_SECONDS = 5.0


class Tick:
    """Tells of reviews that come near or were missed, for every authority that is caught up."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        caught_up: CaughtUp,
        *,
        pause_seconds: float,
        told: Callable[[], None] = ring_nobody,
    ) -> None:
        """Write over ``engine``; what day it is says ``clock``, which is looked at every ``pause_seconds``.

        ``told`` is called when notices have been committed.
        """
        self._engine = engine
        self._clock = clock
        self._caught_up = caught_up
        self._told = told
        self._alarm = Alarm(clock, look_seconds=pause_seconds, longest_seconds=LONGEST_SECONDS)
        #: Authorities whose readers were behind when it looked.
        self._behind: set[str] = set()
        self.error: str | None = None
        self.troubles: dict[str, str] = {}

    def ring(self) -> None:
        """Say that reviews have changed, or that a reader has come to the head of its log."""
        self._alarm.ring()

    async def run(self) -> None:
        """Tick until cancelled; trouble is logged, shown in ``error`` and tried again."""
        while True:
            ends = next_civil_day(self._clock.now())
            await self.round()
            await self._alarm.wait(ends, sooner=self._may_go_on)

    def _may_go_on(self) -> bool:
        """Whether there was trouble, or somebody who was behind is not any more."""
        failed = self.error is not None or bool(self.troubles)
        return failed or any(self._caught_up(each) is not None for each in self._behind)

    async def round(self) -> None:
        """Work through what is due for every authority; one authority's trouble does not stop the others."""
        self._behind.clear()
        _, self.error, self.troubles = await for_every_authority(self._engine, self._work_through, doing="the tick")

    async def _work_through(self, authority_id: str) -> None:
        while await self.step(authority_id):
            pass

    async def step(self, authority_id: str) -> bool:
        """Work through some due reviews of one authority in one transaction; return whether there were any.

        An authority whose reader is behind is left alone: the log may hold the meeting
        whose absence would be reported.
        """
        seen_head_at = self._caught_up(authority_id)
        if seen_head_at is None:
            self._behind.add(authority_id)
            return False
        now = self._clock.now()
        today = civil_date(now)
        async with self._engine.begin() as connection:
            if await log_copy.position(connection, authority_id) != seen_head_at:
                self._behind.add(authority_id)
                return False
            due = [each.review for each in await reviews.due_for_notice(connection, authority_id, today)]
            found = {review.review_id: timed_notice(review, today) for review in due}
            await reviews.plan_notices(connection, authority_id, {key: day for key, (_, day) in found.items()})
            told: list[Notice] = [notice for notice, _ in found.values() if notice is not None]
            await notices.append(connection, authority_id, [new_notice(authority_id, each, now) for each in told], now)
        if told:
            self._told()
        return bool(due)
