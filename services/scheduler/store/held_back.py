"""Notices about the past that wait until a person releases or dismisses them, and who did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.model import HeldBack, HeldBackFilter, HoldState, Listed, NoticeKind
from services.scheduler.store.unnested import unnested
from services.scheduler.tables import held_back as table
from services.scheduler.tables import notice, review
from shared.domain.timetable.reviews import Outcome

#: What is true only as long as the review is as it was.
_OF_THE_CALENDAR = (
    *NoticeKind.APPROACHING.both,
    *NoticeKind.DUE.both,
    *NoticeKind.MISSED.both,
    *NoticeKind.OVERDUE.both,
)


@dataclass(frozen=True, slots=True)
class Count:
    """How many notices of one kind about one month wait; ``month_on`` is its first day."""

    kind: NoticeKind
    month_on: date
    number: int


async def hold(connection: AsyncConnection, authority_id: str, held: Sequence[HeldBack]) -> None:
    """Hold these notices back, except those that are told or held back already."""
    if not held:
        return
    rows = unnested(
        "held",
        notice_id=([each.notice_id for each in held], table.c.notice_id.type),
        dedupe_key=([each.dedupe_key for each in held], table.c.dedupe_key.type),
        kind=([each.kind.value for each in held], table.c.kind.type),
        review_id=([each.review_id for each in held], table.c.review_id.type),
        review_kind=([each.review_kind for each in held], table.c.review_kind.type),
        child_id=([each.child_id for each in held], table.c.child_id.type),
        due_on=([each.due_on for each in held], table.c.due_on.type),
        about_on=([each.about_on for each in held], table.c.about_on.type),
        data=([each.data for each in held], table.c.data.type),
        held_back_at=([each.held_back_at for each in held], table.c.held_back_at.type),
    )
    told = exists().where(notice.c.authority_id == authority_id, notice.c.notice_id == rows.c.notice_id)
    fresh = select(literal(authority_id), *rows.c, literal(HoldState.WAITING.value)).where(~told)
    columns = ["authority_id", *rows.c.keys(), "state"]
    await connection.execute(insert(table).from_select(columns, fresh).on_conflict_do_nothing())


def _asked(authority_id: str, asked: HeldBackFilter, state: HoldState) -> list[ColumnElement[bool]]:
    """Return the conditions under which a notice is meant; one that waits has to be true still."""
    conditions = [table.c.authority_id == authority_id, table.c.state == state.value]
    if state is HoldState.WAITING:
        conditions.append(or_(table.c.kind.not_in([each.value for each in _OF_THE_CALENDAR]), _still_open()))
    for column, values in (
        (table.c.child_id, asked.children),
        (table.c.kind, asked.kinds),
        (table.c.review_kind, asked.review_kinds),
    ):
        if values:
            conditions.append(column.in_(values))
    if asked.teams:
        conditions.append(exists().where(_its_review(), review.c.team.in_(asked.teams)))
    return conditions


def _its_review() -> ColumnElement[bool]:
    return and_(review.c.authority_id == table.c.authority_id, review.c.review_id == table.c.review_id)


def _still_open() -> ColumnElement[bool]:
    not_held = review.c.outcome.in_([Outcome.OPEN.value, Outcome.MISSED.value])
    return exists().where(_its_review(), review.c.vanished_at.is_(None), review.c.due_on == table.c.due_on, not_held)


async def page(
    connection: AsyncConnection,
    authority_id: str,
    asked: HeldBackFilter,
    state: HoldState,
    *,
    after: int,
    limit: int,
) -> list[Listed]:
    """Return up to ``limit`` notices behind number ``after``, in the order in which they were held back."""
    statement = select(table).where(*_asked(authority_id, asked, state), table.c.number > after)
    rows = await connection.execute(statement.order_by(table.c.number).limit(limit))
    return [
        Listed(
            number=row.number,
            held=_held(row),
            state=HoldState(row.state),
            decided_at=row.decided_at,
            decided_by=row.decided_by,
        )
        for row in rows
    ]


async def counts(connection: AsyncConnection, authority_id: str, asked: HeldBackFilter) -> list[Count]:
    """Count what waits by kind and by the month that it is about."""
    month_on = func.date_trunc("month", table.c.about_on).cast(table.c.about_on.type).label("month_on")
    statement = select(table.c.kind, month_on, func.count()).where(*_asked(authority_id, asked, HoldState.WAITING))
    rows = await connection.execute(statement.group_by(table.c.kind, month_on).order_by(table.c.kind, month_on))
    return [Count(NoticeKind(kind), month, number) for kind, month, number in rows]


async def decide(
    connection: AsyncConnection,
    authority_id: str,
    asked: HeldBackFilter,
    state: HoldState,
    *,
    key_id: str,
    now: datetime,
) -> list[HeldBack]:
    """Note that the holder of a key released or dismissed what waits, and return it in the order of its days.

    What somebody else decides at the same moment is not among it.
    """
    statement = (
        update(table)
        .where(*_asked(authority_id, asked, HoldState.WAITING))
        .values(state=state.value, decided_at=now, decided_by=key_id)
        .returning(*table.c)
    )
    found = [_held(row) for row in await connection.execute(statement)]
    return sorted(found, key=lambda each: (each.about_on, each.held_back_at, each.notice_id))


def _held(row: Row[Any]) -> HeldBack:
    return HeldBack(
        notice_id=row.notice_id,
        kind=NoticeKind(row.kind),
        dedupe_key=row.dedupe_key,
        review_id=row.review_id,
        review_kind=row.review_kind,
        child_id=row.child_id,
        due_on=row.due_on,
        about_on=row.about_on,
        data=row.data,
        held_back_at=row.held_back_at,
    )


def overdue(held: Sequence[HeldBack]) -> list[UUID]:
    """Return the reviews that were held back as overdue."""
    return [each.review_id for each in held if each.kind in NoticeKind.MISSED.both]
