"""Building the scheduler's projection anew beside the live one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scheduler import projection
from services.scheduler.model import NewNotice, Notice
from services.scheduler.projection import Cause
from services.scheduler.projection.whole import fold_history, rules
from services.scheduler.refresh import Refresher
from services.scheduler.representations import new_notice
from services.scheduler.store import events, notices, rebuilt, reviews
from services.scheduler.store.events import log_copy
from services.scheduler.worker import ReviewProjector
from shared.domain.clock import Clock, civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import child_of_stream
from shared.policies.timetables import council_timetable
from shared.runtime.log_copy import NOTHING_READ, PROGRESS
from shared.runtime.rebuild_compare import Apart
from shared.runtime.rebuild_schema import Busy, Schemas
from shared.runtime.rebuild_work import Histories, Rows

#: Which reviews were withdrawn, and when, also depends on the day on which the live side read an event,
#: and on the rules of that day; a difference in what neither side owes is counted apart.
_NOT_OWED = (
    "(live.review_id IS NULL OR live.vanished_at IS NOT NULL)"
    " AND (rebuilt.review_id IS NULL OR rebuilt.vanished_at IS NOT NULL)"
)


@dataclass(frozen=True, slots=True)
class Told:
    """A notice that the exchange is worth to an authority."""

    authority_id: str
    notice: Notice


@dataclass(frozen=True, slots=True)
class ReviewRebuild:
    """The scheduler's projection as a rebuild needs it."""

    @property
    def schemas(self) -> Schemas:
        """Where the projection lives."""
        return rebuilt.SCHEMAS

    @property
    def apart(self) -> Apart:
        """What does not follow from the log: what was told already, and how reading it went."""
        return Apart(
            columns={"review": frozenset({"next_notice_on"}), "checkpoint": PROGRESS},
            rows={"review": _NOT_OWED},
            none={"checkpoint": NOTHING_READ},
        )

    def projector(self, clock: Clock) -> ReviewProjector:
        """Return a projector that tells nobody anything."""
        return ReviewProjector(clock, tells=False)

    def rows(self, authority_id: str, council: Sequence[RecordedEvent], children: Histories, today: date) -> list[Rows]:
        """Return the reviews of these children, and the days on which to look at them again."""
        by = rules(council, today)
        found: list[tuple[object, ...]] = []
        revisits: list[tuple[object, ...]] = []
        for child, known in _by_child(children):
            owed = fold_history(child, known, by, today)
            found += [reviews.copied(authority_id, each) for each in owed]
            day = projection.revisit_on(known, today)
            if day is not None:
                revisits.append((authority_id, child, day))
        return [
            Rows("review", reviews.COPIED, found),
            Rows("revisit", ("authority_id", "child_id", "revisit_on"), revisits),
        ]

    async def folded(self, engine: AsyncEngine, authority_id: str, today: date) -> None:
        """Note by which timetable the reviews were folded."""
        async with engine.begin() as connection:
            council = await log_copy.authority_events(connection, authority_id)
            digest = projection.timetable_digest(council_timetable(council, as_of=today))
            await events.set_timetable_digest(connection, authority_id, digest)

    async def settle(self, engine: AsyncEngine, authority_id: str, clock: Clock) -> None:
        """Project anew the children for whom today's answer may differ from that of the day of folding."""
        await Refresher(engine, clock, pause_seconds=0, tells=False).refresh(authority_id)

    async def carry_over(self, owner: AsyncEngine, clock: Clock) -> CarriedReviews:
        """Keep what the live side withdrew, withdraw what only it owes, and see what changes by the exchange.

        When the tick looks at a review again is not carried over: it looks at all that are
        due by then, and tells nothing that was told already, since each notice has its key.
        """
        now = clock.now()
        async with owner.begin() as connection:
            as_of = await rebuilt.reached(connection, civil_date(now))
            return CarriedReviews(as_of, await _carry(connection, now, None))


@dataclass(frozen=True, slots=True)
class CarriedReviews:
    """Reviews carried over when both sides had come as far as ``as_of``, and what to tell of them."""

    as_of: rebuilt.Reached
    told: Sequence[Told]

    async def complete(self, owner: AsyncEngine, clock: Clock) -> Callable[[AsyncConnection], Awaitable[int]]:
        """Look again at the children of whom something was read since.  Raises Busy if that may be any child."""
        now = clock.now()
        async with owner.begin() as connection:
            since = await rebuilt.concerned(connection, self.as_of, civil_date(now))
            if since is None:
                raise Busy
            again = await _carry(connection, now, since) if since else []
        told = [*(each for each in self.told if (each.authority_id, each.notice.review.child_id) not in since), *again]

        async def tell(connection: AsyncConnection) -> int:
            return await _tell(connection, told, now)

        return tell


async def _carry(connection: AsyncConnection, now: datetime, children: rebuilt.Children | None) -> list[Told]:
    """Carry over the reviews of these children (None: of all); return what is worth telling."""
    await rebuilt.keep_withdrawn(connection, children)
    await rebuilt.withdraw(
        connection,
        [
            (authority_id, projection.vanished(stored.review, Cause(position, now)))
            for authority_id, position, stored in await rebuilt.lost(connection, children)
            if not stored.review.forecast
        ],
    )
    return [
        Told(each.authority_id, notice)
        for each in await rebuilt.changed(connection, children)
        for notice in projection.notices_of(each.after.review, each.before, Cause(each.position, now))
    ]


def _by_child(children: Histories) -> Iterable[tuple[str, Sequence[RecordedEvent]]]:
    for stream, known in children.items():
        child = child_of_stream(stream)
        if child is not None:
            yield child, known


async def _tell(connection: AsyncConnection, told: Iterable[Told], now: datetime) -> int:
    of_authority: dict[str, list[NewNotice]] = defaultdict(list)
    for each in told:
        of_authority[each.authority_id].append(new_notice(each.authority_id, each.notice, now))
    number = 0
    for authority_id, found in sorted(of_authority.items()):
        number += await notices.append(connection, authority_id, found, now)
    return number
