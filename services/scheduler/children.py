"""What is done to children whenever they are projected: they are read, what changed is written, and told.

Whatever projects them (an event, a new day) does so in a transaction of its own, which ends
with everything written or nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler import projection
from services.scheduler.model import Notice
from services.scheduler.projection import ChildFold
from services.scheduler.representations import new_notice
from services.scheduler.store import notices, reviews, revisits
from services.scheduler.store.events import log_copy
from shared.domain.envelope import RecordedEvent
from shared.domain.timetable.engine import Timetable
from shared.policies.timetables import council_timetable

log = logging.getLogger(__name__)

Item = TypeVar("Item")

#: Children projected together, which bounds memory when a whole authority is projected anew.
BATCH = 100

#: Notices to write, each with the position of the event that caused it.
Caused = list[tuple[int, Notice]]


async def read_folds(connection: AsyncConnection, authority_id: str, children: Sequence[str]) -> dict[str, ChildFold]:
    """Read what is known of some children; their reviews are locked until the transaction ends."""
    histories = await log_copy.child_events(connection, authority_id, children)
    stored = await reviews.of_children(connection, authority_id, children, lock=True)
    return {
        child: ChildFold(child, {each.review.review_id: each for each in stored[child]}, histories[child])
        for child in children
    }


async def save_folds(
    connection: AsyncConnection, authority_id: str, folds: Mapping[str, ChildFold], today: date
) -> Caused:
    """Write what changed; return what to tell."""
    await reviews.save(connection, authority_id, [each for fold in folds.values() for each in fold.to_write()])
    await reviews.delete(connection, authority_id, [each for fold in folds.values() for each in fold.to_delete()])
    days = {child: projection.revisit_on(fold.known, today) for child, fold in folds.items()}
    await revisits.plan(connection, authority_id, days)
    return [each for fold in folds.values() for each in fold.notices]


async def tell(connection: AsyncConnection, authority_id: str, caused: Caused, now: datetime) -> None:
    """Write notices, in the order of what caused them."""
    fresh = [new_notice(authority_id, notice, now) for _, notice in sorted(caused, key=lambda each: each[0])]
    await notices.append(connection, authority_id, fresh, now)


def timetable_of(council_events: Iterable[RecordedEvent], today: date) -> Timetable:
    """Return the timetable that an authority's own events make, as it holds on one day."""
    timetable = council_timetable(council_events, as_of=today)
    if timetable.unknown:
        log.warning("%d adopted timetable packs are not installed: their rules are not applied", len(timetable.unknown))
    if timetable.unknown_calendars:
        named = ", ".join(sorted(timetable.unknown_calendars))
        log.warning("calendars that are not installed are named by decisions, which are not applied: %s", named)
    return timetable


def batches(items: Sequence[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """Cut into pieces of ``size``; the last may be shorter."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
