"""The change log of reviews: append-only, in order of what caused the changes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy import Row, exists, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.model import ChangeFilter, ChangePlace
from services.scheduler.tables import review_change as table
from shared.domain.timetable.causes import Aspect, Cause, CauseKind, Change, Standing

_COLUMNS = tuple(column.name for column in table.columns)

_standing = TypeAdapter(Standing)
_PLACE = (table.c.changed_at, table.c.position, table.c.review_id)


async def append(connection: AsyncConnection, authority_id: str, changes: Iterable[Change]) -> None:
    """Append changes; one that is there already is passed over."""
    rows = [dict(zip(_COLUMNS, _values(authority_id, each), strict=True)) for each in changes]
    if rows:
        await connection.execute(insert(table).on_conflict_do_nothing(), rows)


async def page(
    connection: AsyncConnection, authority_id: str, asked: ChangeFilter, *, after: ChangePlace | None, limit: int
) -> list[Change]:
    """Return up to ``limit`` changes behind ``after``, in order of their causes."""
    statement = select(table).where(table.c.authority_id == authority_id)
    if asked.review_id is not None:
        statement = statement.where(table.c.review_id == asked.review_id)
    if asked.children:
        statement = statement.where(table.c.child_id.in_(asked.children))
    if asked.teams:
        statement = statement.where(table.c.team.in_(asked.teams))
    if after is not None:
        statement = statement.where(tuple_(*_PLACE) > (after.changed_at, after.position, after.review_id))
    rows = await connection.execute(statement.order_by(*_PLACE).limit(limit))
    return [_change(row) for row in rows]


async def summary(connection: AsyncConnection, authority_id: str, review_id: UUID) -> tuple[int, datetime | None]:
    """Return how many changes there are of a review, and the instant of the last; None if there is none."""
    statement = select(func.count(), func.max(table.c.changed_at)).where(
        table.c.authority_id == authority_id, table.c.review_id == review_id
    )
    number, last = (await connection.execute(statement)).one()
    return number, last


async def has(connection: AsyncConnection, authority_id: str, review_id: UUID) -> bool:
    """Tell whether anything ever changed of a review."""
    found = exists().where(table.c.authority_id == authority_id, table.c.review_id == review_id)
    return bool(await connection.scalar(select(found)))


def _values(authority_id: str, change: Change) -> tuple[Any, ...]:
    cause = change.cause
    return (
        authority_id,
        cause.at,
        cause.position or 0,
        change.review_id,
        cause.kind.value,
        cause.type,
        change.child_id,
        change.team,
        change.kind,
        change.title,
        change.ordinal,
        sorted(change.aspects),
        None if change.before is None else orjson.loads(orjson.dumps(change.before)),
        orjson.loads(orjson.dumps(change.after)),
        change.sentence,
    )


def _change(row: Row[Any]) -> Change:
    return Change(
        review_id=row.review_id,
        child_id=row.child_id,
        team=row.team,
        kind=row.kind,
        title=row.title,
        ordinal=row.ordinal,
        aspects=frozenset(map(Aspect, row.aspects)),
        before=None if row.before is None else _standing.validate_python(row.before),
        after=_standing.validate_python(row.after),
        cause=Cause(kind=CauseKind(row.cause), at=row.changed_at, position=row.position or None, type=row.type),
        sentence=row.sentence,
    )


def place_of(change: Change) -> ChangePlace:
    """Return where a change stands in the log."""
    return ChangePlace(change.cause.at, change.cause.position or 0, change.review_id)
