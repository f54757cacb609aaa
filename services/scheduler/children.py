"""What is done to children whenever they are projected: they are read, what changed is written, and told.

Whatever projects them (an event, a new day) does so in a transaction of its own, which ends
with everything written or nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.model import HeldBack, NewNotice, Notice
from services.scheduler.notice_text import held_back, notice_of
from services.scheduler.projection import ChildFold
from services.scheduler.projection.council import Council
from services.scheduler.projection.thresholds import NoticePolicy
from services.scheduler.store import changes, notices, reviews, revisits
from services.scheduler.store import held_back as waiting
from services.scheduler.store.events import log_copy

log = logging.getLogger(__name__)

Item = TypeVar("Item")

#: Children projected together, which bounds memory when a whole authority is projected anew.
BATCH = 100

#: Notices to write, each with the position of the event that caused it.
Caused = list[tuple[int, Notice]]


async def read_folds(
    connection: AsyncConnection,
    authority_id: str,
    children: Sequence[str],
    policy: NoticePolicy,
    *,
    position: int,
    awaited: bool = True,
) -> dict[str, ChildFold]:
    """Read what is known of some children up to ``position``; their reviews are locked until the transaction ends.

    ``awaited`` is False where nothing is for any of them.
    """
    histories = await log_copy.child_events(connection, authority_id, children)
    stored = await reviews.of_children(connection, authority_id, children, lock=True)
    days = await revisits.of_children(connection, authority_id, children) if awaited else {}
    return {
        child: ChildFold(
            child,
            {each.review.review_id: each for each in stored[child]},
            histories[child],
            looks_ahead=policy.looks_ahead,
            position=position,
            awaits=days.get(child),
        )
        for child in children
    }


async def save_folds(
    connection: AsyncConnection, authority_id: str, folds: Mapping[str, ChildFold], *, tells: bool
) -> Caused:
    """Write what is on the record now, and with ``tells`` what changed; return what to tell."""
    await reviews.save(connection, authority_id, [each for fold in folds.values() for each in fold.to_write()])
    await reviews.delete(connection, authority_id, [each for fold in folds.values() for each in fold.to_delete()])
    if tells:
        await changes.append(connection, authority_id, [each for fold in folds.values() for each in fold.changes])
    planned = {child: fold.awaits for child, fold in folds.items() if fold.awaits != fold.awaited}
    await revisits.plan(connection, authority_id, planned)
    return [each for fold in folds.values() for each in fold.notices]


async def begin_days(
    connection: AsyncConnection,
    authority_id: str,
    until: date,
    council: Council,
    policy: NoticePolicy,
    *,
    position: int,
    tells: bool,
) -> Caused:
    """Let the facts count that were told ahead for a day up to ``until``, for all children; return what to tell."""
    caused: Caused = []
    for batch in batches(await revisits.due_children(connection, authority_id, until)):
        folds = await read_folds(connection, authority_id, batch, policy, position=position)

        def begin(begun: Iterable[ChildFold] = folds.values()) -> None:
            for fold in begun:
                fold.begin_days(until, council)

        await asyncio.to_thread(begin)
        caused += await save_folds(connection, authority_id, folds, tells=tells)
    return caused


async def tell(
    connection: AsyncConnection, authority_id: str, caused: Caused, policy: NoticePolicy, now: datetime
) -> int:
    """Write notices, in the order of what caused them, and hold back those about the past; return how many are told."""
    fresh: list[NewNotice] = []
    past: list[HeldBack] = []
    for _, notice in sorted(caused, key=lambda each: each[0]):
        new = notice_of(authority_id, notice, now)
        about_on, known_on, review = notice.about_on, notice.known_on, notice.review
        if about_on is None or known_on is None or not policy.about_the_past(about_on, known_on):
            fresh.append(new)
        else:
            past.append(
                held_back(new, review_kind=review.kind, due_on=review.due_on, about_on=about_on, held_back_at=now)
            )
    await waiting.hold(connection, authority_id, past)
    return await notices.append(connection, authority_id, fresh, now)


async def read_council(connection: AsyncConnection, authority_id: str, today: date) -> Council:
    """Read the authority's own events as far as they are copied; what they name and is not at hand is logged."""
    council = Council(await log_copy.authority_events(connection, authority_id))
    timetable = council.present(today)
    if timetable.unknown:
        log.warning("%d adopted timetable packs are not installed: their rules are not applied", len(timetable.unknown))
    if timetable.unknown_calendars:
        named = ", ".join(sorted(timetable.unknown_calendars))
        log.warning("calendars that are not installed are named by decisions, which are not applied: %s", named)
    return council


def batches(items: Sequence[Item], size: int = BATCH) -> Iterator[Sequence[Item]]:
    """Cut into pieces of ``size``; the last may be shorter."""
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
