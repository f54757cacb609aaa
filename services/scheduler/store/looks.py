"""At which reviews the tick has to look, and when: read, planned and put forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Uuid, any_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.model import DueLook, HoldState, NoticeKind
from services.scheduler.store.unnested import unnested
from services.scheduler.tables import held_back
from services.scheduler.tables import review as table
from shared.domain.timetable.reviews import Outcome

#: Reviews looked at in one transaction, so that it stays short.
ROWS = 2_000

#: The members of :class:`DueLook`, in their order, and the day.
_LOOKED_AT = (
    table.c.review_id,
    table.c.told_as,
    table.c.child_id,
    table.c.what,
    table.c.kind,
    table.c.title,
    table.c.due_on,
    table.c.certainty,
    (table.c.outcome == Outcome.OPEN.value).label("runs"),
    table.c.booked_on,
    table.c.known_on,
    table.c.explanation["pack"].astext.label("pack"),
    table.c.explanation["verified_by"].astext.is_not(None).label("verified"),
    table.c.next_notice_on,
)


async def due(connection: AsyncConnection, authority_id: str, today: date) -> tuple[date | None, list[DueLook]]:
    """Return the earliest day by ``today`` for which a look is due, and lock some reviews of that day, by id.

    The day is None when nothing is due.  One day is finished before the next begins, so that what
    is told stands in the order of days however many of them went by.  Reviews that
    another replica holds are passed over.
    """
    first = select(func.min(table.c.next_notice_on)).where(
        table.c.authority_id == authority_id, table.c.next_notice_on <= today
    )
    statement = (
        select(*_LOOKED_AT)
        .where(table.c.authority_id == authority_id, table.c.next_notice_on == first.scalar_subquery())
        .order_by(table.c.review_id)
        .limit(ROWS)
        .with_for_update(skip_locked=True, of=table)
    )
    found = (await connection.execute(statement)).all()
    return (found[0].next_notice_on if found else None), [DueLook(*row[:-1]) for row in found]


async def plan(connection: AsyncConnection, authority_id: str, days: Mapping[UUID, date | None]) -> None:
    """Set when the tick looks at these reviews again; None is never."""
    planned = unnested("planned", review_id=(list(days), Uuid()), next_notice_on=(list(days.values()), Date()))
    await connection.execute(
        update(table)
        .where(table.c.authority_id == authority_id, table.c.review_id == planned.c.review_id)
        .values(next_notice_on=planned.c.next_notice_on)
    )


async def bring_forward(
    connection: AsyncConnection, authority_id: str, day: date, review_ids: Sequence[UUID] | None = None
) -> None:
    """Have the tick look on ``day``, if it would only later, at open reviews with a clock (None: at all there are)."""
    conditions: list[ColumnElement[bool]] = [
        table.c.authority_id == authority_id,
        table.c.outcome == Outcome.OPEN.value,
        table.c.due_on.is_not(None),
        table.c.vanished_at.is_(None),
        table.c.explanation["anchor"]["position"].astext.is_not(None),
        or_(table.c.next_notice_on.is_(None), table.c.next_notice_on > day),
    ]
    if review_ids is not None:
        conditions.append(table.c.review_id == any_(literal(list(review_ids), ARRAY(Uuid()))))
    await connection.execute(update(table).where(*conditions).values(next_notice_on=day))


async def released(
    connection: AsyncConnection, authority_id: str, review_ids: Sequence[UUID]
) -> set[tuple[UUID, date]]:
    """Return those of the reviews, each with its due date, that were overdue long ago and that a person let speak."""
    statement = select(held_back.c.review_id, held_back.c.due_on).where(
        held_back.c.authority_id == authority_id,
        held_back.c.review_id == any_(literal(list(review_ids), ARRAY(Uuid()))),
        held_back.c.kind.in_([kind.value for kind in NoticeKind.MISSED.both]),
        held_back.c.state == HoldState.RELEASED.value,
    )
    return {(row.review_id, row.due_on) for row in await connection.execute(statement)}
