"""Projecting children anew because a day has come, or the rules are other ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scheduler import projection
from services.scheduler.children import Caused, batches, begin_days, read_council, read_folds, save_folds, tell
from services.scheduler.projection import ChildFold
from services.scheduler.projection.council import Council
from services.scheduler.projection.thresholds import NoticePolicy, notice_policy
from services.scheduler.projection.whole import fold_history
from services.scheduler.store import events, revisits
from services.scheduler.store.events import log_copy
from shared.domain.clock import Clock, civil_date, next_civil_day
from shared.runtime.alarm import Alarm, ring_nobody
from shared.runtime.rounds import for_every_authority

#: A refresher looks by itself so often whether there are authorities that it has not looked after today.
LONGEST_SECONDS = 60.0

#: So begins the digest that a migration leaves where every child's whole history has to be folded anew.
FOLD_ANEW = "scheduler_"


class Refresher:
    """Projects anew without a new event: when a recorded fact's day comes, or the installed packs changed.

    It looks once for each authority and civil day, when the process starts, and when something told
    ahead was read after its day had begun.  What counts on a day follows all that was recorded before
    it, so an authority whose reader is behind is left alone until it has come to the head of its log.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Clock,
        caught_up: Callable[[str], int | None] = lambda _: 0,
        *,
        pause_seconds: float,
        tells: bool = True,
        refreshed: Callable[[], None] = ring_nobody,
    ) -> None:
        """Write over ``engine``; what day it is says ``clock``, which is looked at every ``pause_seconds``.

        ``caught_up`` returns None of an authority whose reader is behind.  One that does not tell writes
        no notices.  ``refreshed`` is called when what was
        projected anew has been committed.
        """
        self._engine = engine
        self._clock = clock
        self._caught_up = caught_up
        #: Authorities whose readers were behind when it looked.
        self._behind: set[str] = set()
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
            await self._alarm.wait(ends, sooner=self._may_go_on)

    def _may_go_on(self) -> bool:
        """Whether there was trouble, or somebody who was behind is not any more."""
        failed = self.error is not None or bool(self.troubles)
        return failed or any(self._caught_up(each) is not None for each in self._behind)

    async def round(self) -> None:
        """Look after every authority that was not looked at today, or for which something is awaited."""
        self._behind.clear()
        work = self._refresh_if_due
        _, self.error, self.troubles = await for_every_authority(self._engine, work, doing="refreshing")

    async def _refresh_if_due(self, authority_id: str) -> None:
        if self._caught_up(authority_id) is None:
            self._behind.add(authority_id)
            return
        today = civil_date(self._clock.now())
        if self._looked.get(authority_id) == today:
            async with self._engine.connect() as connection:
                if not await revisits.due_children(connection, authority_id, today):
                    return
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
            position = await log_copy.lock_checkpoint(connection, authority_id)
            council = await read_council(connection, authority_id, today)
            policy = notice_policy(council.events)
            anew = _Anew(connection, authority_id, council, policy, self._clock, position, self._tells)
            digest = projection.timetable_digest(council.present(today))
            noted = await events.timetable_digest(connection, authority_id)
            whole = noted is not None and noted.startswith(FOLD_ANEW)
            caused = [] if whole else await anew.begin_days()
            if digest != noted:
                caused += await anew.judge_all(whole=whole)
            await events.set_timetable_digest(connection, authority_id, digest)
            if self._tells:
                await tell(connection, authority_id, caused, policy, now)


@dataclass(frozen=True, slots=True)
class _Anew:
    """One authority's children while they are projected anew, in one transaction, at ``position``."""

    connection: AsyncConnection
    authority_id: str
    council: Council
    policy: NoticePolicy
    clock: Clock
    position: int
    tells: bool

    async def begin_days(self) -> Caused:
        """Let the facts count that were told ahead for a day up to today."""
        today = civil_date(self.clock.now())
        arguments = (self.connection, self.authority_id, today, self.council, self.policy)
        return await begin_days(*arguments, position=self.position, tells=self.tells)

    async def judge_all(self, *, whole: bool) -> Caused:
        """Judge every child by the rules at hand; with ``whole`` its history is folded from the beginning."""
        caused: Caused = []
        for batch in batches(await events.all_children(self.connection, self.authority_id)):
            read = (self.connection, self.authority_id, batch, self.policy)
            folds = await read_folds(*read, position=self.position)
            await asyncio.to_thread(self._fold_anew if whole else self._judge, list(folds.values()))
            caused += await save_folds(self.connection, self.authority_id, folds, tells=self.tells)
        return caused

    def _judge(self, folds: Sequence[ChildFold]) -> None:
        for fold in folds:
            fold.judge_anew(self.council, self.clock.now())

    def _fold_anew(self, folds: Sequence[ChildFold]) -> None:
        now = self.clock.now()
        for fold in folds:
            fold.take_over(fold_history(fold.child_id, fold.known, self.council, civil_date(now)), now)
