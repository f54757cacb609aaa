"""Following the log: each event is copied, its child projected anew, and what changed is told.

All of a step happens in the subscription's one transaction, so a process killed at any
point has either done a step or not begun it.  A step ends with its page or when its time is
spent, between two events: each is folded by itself, so where a step ends changes no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler import projection
from services.scheduler.children import Caused, batches, begin_days, read_council, read_folds, save_folds, tell
from services.scheduler.projection.council import Council, days_ahead
from services.scheduler.projection.thresholds import NoticePolicy, notice_policy
from services.scheduler.store import events, looks, revisits
from services.scheduler.store.events import log_copy
from shared.domain.clock import Clock, civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import AUTHORITY_STREAM, child_of_stream

#: Events folded together: what they concern is read and written once for all of them.
SLICE = 100

#: How long one step goes on folding.  Its transaction is idle meanwhile, and PostgreSQL ends one that is idle
#: for a minute; and a thread that folds cannot be interrupted, so this is how long a stop has to wait.
BUDGET_SECONDS = 3.0


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
        step.position = finished
        await step.read_council()
        done = finished
        for piece in _slices(new, day_by_day=await step.awaits_any(new)):
            done = await step.fold(piece)
            if done < piece[-1].position or step.spent():
                break
        return done


class _Step:
    """One authority's share of work within one transaction, behind ``position``."""

    def __init__(
        self, connection: AsyncConnection, authority_id: str, now: datetime, spent: Callable[[], bool], tells: bool
    ) -> None:
        self._connection = connection
        self._authority_id = authority_id
        self._now = now
        self._today = civil_date(now)
        self._council: Council
        self._policy: NoticePolicy
        self._begun: date | None = None
        self._awaited = self._begins = True
        self._tells = tells
        self.position = 0
        self.spent = spent

    async def read_council(self, *, changed: bool = False) -> None:
        """Read the council's events copied so far; their timetable is noted if ``changed``, or if none is yet."""
        self._council = await read_council(self._connection, self._authority_id, self._today)
        self._policy = notice_policy(self._council.events)
        if changed or await events.timetable_digest(self._connection, self._authority_id) is None:
            digest = projection.timetable_digest(self._council.present(self._today))
            await events.set_timetable_digest(self._connection, self._authority_id, digest)

    async def fold(self, piece: Sequence[RecordedEvent]) -> int:
        """Copy and fold events of one day, of children or one of the council; return the position of the last done."""
        await self._begin_day(civil_date(piece[0].recorded_at))
        self.position = await (self._fold_council(piece) if _of_council(piece[0]) else self._fold_children(piece))
        return self.position

    async def awaits_any(self, new: Sequence[RecordedEvent]) -> bool:
        """Tell whether a day may begin, by the last of these events, on which something told ahead counts."""
        first = await revisits.first_day(self._connection, self._authority_id)
        ahead = any(map(_is_ahead, new))
        self._awaited = first is not None or ahead
        self._begins = ahead or (first is not None and first <= civil_date(new[-1].recorded_at))
        return self._begins

    async def _begin_day(self, day: date) -> None:
        """Let what was told ahead for this day count, for every child, before anything that is recorded on it."""
        if self._begins and (self._begun is None or day > self._begun):
            arguments = (self._connection, self._authority_id, day, self._council, self._policy)
            await self._tell(await begin_days(*arguments, position=self.position, tells=self._tells))
            self._begun = day

    async def _fold_council(self, piece: Sequence[RecordedEvent]) -> int:
        """Project every child anew, because the council's own facts changed."""
        former = self._policy
        await log_copy.add_events(self._connection, self._authority_id, piece)
        await self.read_council(changed=True)
        caused: Caused = []
        for batch in batches(await events.all_children(self._connection, self._authority_id)):
            caused += (await self._fold_batch(batch, piece))[1]
        if self._policy.states != former.states:
            # Other thresholds count from the day after their recording: then each open review is looked at.
            day = civil_date(piece[-1].recorded_at) + timedelta(days=1)
            await looks.bring_forward(self._connection, self._authority_id, day)
        await self._tell(caused)
        return piece[-1].position

    async def _fold_children(self, piece: Sequence[RecordedEvent]) -> int:
        concerned = sorted({child for child in (child_of_stream(event.stream) for event in piece) if child is not None})
        done, caused = await self._fold_batch(concerned, piece)
        # Only what is done is copied: the rest comes again, behind the checkpoint.
        finished = [event for event in piece if event.position <= done]
        await log_copy.add_events(self._connection, self._authority_id, finished)
        await self._tell(caused)
        return done

    async def _fold_batch(self, children: Sequence[str], piece: Sequence[RecordedEvent]) -> tuple[int, Caused]:
        """Project some children and write what changed; return how far it got, and what to tell."""
        read = (self._connection, self._authority_id, children, self._policy)
        folds = await read_folds(*read, position=self.position, awaited=self._awaited)
        done = await asyncio.to_thread(projection.fold_events, folds, piece, self._council, self.spent)
        return done, await save_folds(self._connection, self._authority_id, folds, tells=self._tells)

    async def _tell(self, caused: Caused) -> None:
        if self._tells:
            await tell(self._connection, self._authority_id, caused, self._policy, self._now)


def _of_council(event: RecordedEvent) -> bool:
    return event.stream == AUTHORITY_STREAM


def _is_ahead(event: RecordedEvent) -> bool:
    return any(days_ahead(event))


def _slices(new: Sequence[RecordedEvent], *, day_by_day: bool) -> Iterator[Sequence[RecordedEvent]]:
    """Cut consecutive events so that one of the authority stands alone; if asked, by the days of recording, too."""

    def kind(event: RecordedEvent) -> tuple[bool, date | None]:
        return _of_council(event), civil_date(event.recorded_at) if day_by_day else None

    for (of_council, _), consecutive in groupby(new, key=kind):
        yield from batches(tuple(consecutive), 1 if of_council else SLICE)
