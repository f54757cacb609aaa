"""The clock-driven part: notices that become due because a day begins.

It costs what is due: each review carries the day on which it is to be looked at next.  So there
is something to do when a day begins, when reviews have changed, and when a reader that was
behind has come to the head of its log: the rest of the time the tick sleeps.

Several replicas may tick at once: rows that one holds the others pass over, and each
notice has a key of which the log takes one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scheduler.model import DueLook, HeldBack, NewNotice
from services.scheduler.notice_text import held_back, notice_of_crossing
from services.scheduler.projection.thresholds import Countdown, Crossing, NoticePolicy, look, notice_policy
from services.scheduler.store import held_back as waiting
from services.scheduler.store import looks, notices
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
        _, self.error, self.troubles = await for_every_authority(self._engine, self._finish, doing="the tick")

    async def _finish(self, authority_id: str) -> None:
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
            day, due = await looks.due(connection, authority_id, today)
            told = 0 if day is None else await _work_through(connection, authority_id, due, day, now)
        if told:
            self._told()
        return bool(due)


async def _work_through(
    connection: AsyncConnection, authority_id: str, due: Sequence[DueLook], day: date, now: datetime
) -> int:
    """Tell what reviews cross on a day, or hold it back, and plan the next look at each; return how many are told."""
    policy = notice_policy(await log_copy.authority_events(connection, authority_id))
    seen = _Seen(day, policy, await _released(connection, authority_id, due, policy))
    days: dict[UUID, date | None] = {}
    fresh: list[NewNotice] = []
    past: list[HeldBack] = []
    for each in due:
        crossing, is_past, days[each.review_id] = seen.look(each)
        if crossing is None:
            continue
        new = notice_of_crossing(authority_id, each, crossing, now)
        if is_past:
            on = crossing.crossed_on
            past.append(held_back(new, review_kind=each.kind, due_on=each.due_on, about_on=on, held_back_at=now))
        else:
            fresh.append(new)
    await looks.plan(connection, authority_id, days)
    await waiting.hold(connection, authority_id, past)
    return await notices.append(connection, authority_id, fresh, now)


class _Seen:
    """What is seen of reviews on one day: worked out once for all that are of one kind, due and known alike."""

    def __init__(self, day: date, policy: NoticePolicy, released: frozenset[UUID]) -> None:
        self._day = day
        self._policy = policy
        self._released = released
        self._found: dict[tuple[object, ...], tuple[Crossing | None, bool, date | None]] = {}

    def look(self, each: DueLook) -> tuple[Crossing | None, bool, date | None]:
        released = each.review_id in self._released
        alike = (each.due_on, each.known_on, each.runs, each.pack, each.kind, released)
        found = self._found.get(alike)
        if found is None:
            countdown = Countdown(each.due_on, each.known_on, each.runs)
            spans = self._policy.spans(each.pack, each.kind)
            found = self._found[alike] = look(countdown, spans, self._day, self._policy, released=released)
        return found


async def _released(
    connection: AsyncConnection, authority_id: str, due: Sequence[DueLook], policy: NoticePolicy
) -> frozenset[UUID]:
    """Return those that were overdue long ago when they became known, and that a person let speak."""
    long_ago = {
        each.review_id: each.due_on
        for each in due
        if each.known_on is not None and policy.about_the_past(each.due_on, each.known_on)
    }
    if not long_ago:
        return frozenset()
    found = await looks.released(connection, authority_id, list(long_ago))
    return frozenset(review_id for review_id, due_on in found if long_ago[review_id] == due_on)
