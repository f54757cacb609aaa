"""Building the scheduler's projection anew beside the live one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.scheduler import projection
from services.scheduler.children import Caused, tell
from services.scheduler.model import Notice
from services.scheduler.projection import planned_anew
from services.scheduler.projection.council import Council
from services.scheduler.projection.thresholds import notice_policy
from services.scheduler.projection.whole import fold_reviews
from services.scheduler.refresh import Refresher
from services.scheduler.store import changes, events, rebuilt, reviews
from services.scheduler.store.events import log_copy
from services.scheduler.worker import ReviewProjector
from shared.domain.clock import Clock, civil_date
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import child_of_stream
from shared.domain.timetable.causes import of_edition
from shared.domain.timetable.trace import let_go
from shared.runtime.log_copy import NOTHING_READ, PROGRESS
from shared.runtime.rebuild_compare import Apart
from shared.runtime.rebuild_schema import Busy, Schemas
from shared.runtime.rebuild_work import Histories, Rows

#: Which rules were at hand, and since when, does not follow from the log; a difference in what was withdrawn because
#: of them, or by an earlier release that did not say what changed, is counted apart.
_WITHDRAWN = "live.vanished_at IS NOT NULL AND (rebuilt.review_id IS NULL OR rebuilt.vanished_at IS NOT NULL)"
_CHANGES = (
    "SELECT FROM scheduler.review_change AS told"
    " WHERE told.authority_id = live.authority_id AND told.review_id = live.review_id"
)
_APART = f"{_WITHDRAWN} AND (NOT EXISTS ({_CHANGES}) OR EXISTS ({_CHANGES} AND told.cause = 'edition'))"


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
            columns={"review": frozenset({"next_notice_on", "known_on"}), "checkpoint": PROGRESS},
            rows={"review": _APART},
            none={"checkpoint": NOTHING_READ},
        )

    def projector(self, clock: Clock) -> ReviewProjector:
        """Return a projector that tells nobody anything."""
        return ReviewProjector(clock, tells=False)

    def rows(self, authority_id: str, council: Sequence[RecordedEvent], children: Histories, today: date) -> list[Rows]:
        """Return the reviews of these children, and the days on which to look at them again.

        What was told ahead counts up to the day of the last event: the rest comes with :meth:`settle`.  What
        changed, and when, was told as it happened, as notices were: the change log stays as it is.
        """
        del today
        read = Council(council)
        found = {child: fold_reviews(child, known, read) for child, known in _by_child(children)}
        stored = [planned_anew(each) for whole in found.values() for each in whole.reviews]
        days = [(authority_id, child, whole.awaits) for child, whole in found.items() if whole.awaits is not None]
        return [
            Rows("review", reviews.COPIED, [reviews.copied(authority_id, each) for each in stored]),
            Rows("revisit", ("authority_id", "child_id", "revisit_on"), days),
        ]

    async def folded(self, engine: AsyncEngine, authority_id: str, today: date) -> None:
        """Note by which timetable the reviews were folded."""
        async with engine.begin() as connection:
            council = Council(await log_copy.authority_events(connection, authority_id))
            digest = projection.timetable_digest(council.present(today))
            await events.set_timetable_digest(connection, authority_id, digest)

    async def settle(self, engine: AsyncEngine, authority_id: str, clock: Clock) -> None:
        """Project anew the children for whom today's answer may differ from that of the day of folding."""
        await Refresher(engine, clock, pause_seconds=0, tells=False).refresh(authority_id)

    async def carry_over(self, owner: AsyncEngine, clock: Clock) -> CarriedReviews:
        """Keep what the live side withdrew, withdraw what only it owes, and see what changes by the exchange.

        When the tick looks at a review again is carried over, too: all else it looks at anew, and tells nothing
        that was told already, since each notice has its key.
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
    await rebuilt.keep_looks(connection, children)
    for authority_id, position, stored in await rebuilt.lost(connection, children):
        gone = let_go(stored, of_edition(now, position))
        kept = [projection.stored_as(each) for each in gone.put.values()]
        await rebuilt.withdraw(connection, authority_id, kept)
        await changes.append(connection, authority_id, gone.changes)
    return [
        Told(each.authority_id, replace(notice, known_on=each.after.known_on))
        for each in await rebuilt.changed(connection, children)
        for notice in projection.notices_of(each.after.review, each.before, of_edition(now, each.position))
    ]


def _by_child(children: Histories) -> Iterable[tuple[str, Sequence[RecordedEvent]]]:
    for stream, known in children.items():
        child = child_of_stream(stream)
        if child is not None:
            yield child, known


async def _tell(connection: AsyncConnection, told: Iterable[Told], now: datetime) -> int:
    of_authority: dict[str, Caused] = defaultdict(list)
    for each in told:
        of_authority[each.authority_id].append((0, each.notice))
    number = 0
    for authority_id, found in sorted(of_authority.items()):
        policy = notice_policy(await log_copy.authority_events(connection, authority_id))
        number += await tell(connection, authority_id, found, policy, now)
    return number
