"""Following the log: each event is copied, its child projected anew, and what changed is told.

All of a step happens in the subscription's one transaction, so a process killed at any
point has either done a step or not begun it.  A step ends with its page or when its time is
spent, between two events: each is folded by itself, so where a step ends changes no answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from time import monotonic

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler import projection
from services.scheduler.children import Caused, batches, read_folds, save_folds, tell, timetable_of
from services.scheduler.store import events
from services.scheduler.store.events import log_copy
from shared.domain.clock import Clock, civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import AUTHORITY_STREAM, child_of_stream
from shared.domain.timetable.engine import Timetable

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
        self._timetable = timetable_of(council, self._today)
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
        caused: Caused = []
        for batch in batches(await events.all_children(self._connection, self._authority_id)):
            caused += (await self._fold_batch(batch, piece))[1]
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
        folds = await read_folds(self._connection, self._authority_id, children)
        arguments = (folds, piece, self._timetable, self._today, self.spent)
        done = await asyncio.to_thread(projection.fold_events, *arguments)
        return done, await save_folds(self._connection, self._authority_id, folds, self._today)

    async def _tell(self, caused: Caused) -> None:
        if self._tells:
            await tell(self._connection, self._authority_id, caused, self._now)


def _of_council(event: RecordedEvent) -> bool:
    return event.stream == AUTHORITY_STREAM


def _slices(new: Sequence[RecordedEvent]) -> Iterator[Sequence[RecordedEvent]]:
    """Cut consecutive events so that one of the authority stands alone: it concerns every child."""
    for of_council, consecutive in groupby(new, key=_of_council):
        yield from batches(tuple(consecutive), 1 if of_council else SLICE)
