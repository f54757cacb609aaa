"""Owed reviews: written by the projection, listed by the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from datetime import date, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

import orjson
from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Row, and_, any_, case, func, literal, or_, select, tuple_
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.model import Place, ReviewFilter, StoredReview
from services.scheduler.tables import review as table
from shared.domain.catalogue.roles import Role
from shared.domain.timetable.reviews import (
    APPROACHING_DAYS,
    EARLY_DAYS,
    Certainty,
    Explanation,
    Outcome,
    Review,
    Status,
    What,
)
from shared.domain.timetable.trace import Kept

_explanation = TypeAdapter(Explanation)
_once = TypeAdapter(Kept)
_OWN = frozenset({"explanation", "certainty", "outcome", "what", "roles"})
_PLAIN = tuple(each.name for each in fields(Review) if each.name not in _OWN)
_plain = attrgetter(*_PLAIN)
KEY = ("authority_id", "review_id")
_CODES = ("certainty", "outcome", "what", "roles")
#: How the record keeps a review.
_KEPT = ("clock", "vanished_at", "replaces", "replaced_by", "told_as")
_kept = attrgetter(*_KEPT)
#: What PostgreSQL does not make itself; and of that, without the key, what an update writes.
COPIED = (
    "authority_id",
    *_PLAIN,
    *_CODES,
    "explanation",
    *_KEPT,
    *("once_owed", "stood_overdue_from", "stood_overdue_until"),
    *("next_notice_on", "known_on"),
)
WRITTEN = tuple(name for name in COPIED if name not in KEY)


def predicates(as_of: date) -> dict[Status, ColumnElement[bool]]:
    """Return for each status the condition under which a row has it on ``as_of``.

    The same as :func:`shared.domain.timetable.reviews.status`; a property test holds the
    two together.  Exactly one is true of any row.
    """
    return {
        Status.MISSED: table.c.outcome == Outcome.MISSED.value,
        Status.WITHDRAWN: table.c.outcome == Outcome.WITHDRAWN.value,
        **_held(),
        **_open(as_of),
    }


def _held() -> dict[Status, ColumnElement[bool]]:
    held = table.c.outcome == Outcome.HELD.value
    late = func.coalesce(table.c.held_on > table.c.due_on, False)
    early = func.coalesce(table.c.held_on + EARLY_DAYS < table.c.due_on, False)
    return {
        Status.HELD_LATE: and_(held, late),
        Status.HELD_EARLY: and_(held, early),
        Status.HELD_ON_TIME: and_(held, ~late, ~early),
    }


def _open(as_of: date) -> dict[Status, ColumnElement[bool]]:
    is_open = table.c.outcome == Outcome.OPEN.value
    near = as_of + timedelta(days=APPROACHING_DAYS)
    projected = table.c.explanation["anchor"]["position"].astext.is_(None)
    dated = and_(is_open, ~projected)
    # A booking that is in time, and for a day that has not gone by.
    booked = func.coalesce(table.c.booked_on.between(as_of, table.c.due_on), False)
    return {
        Status.FREQUENCY_NOT_AGREED: and_(is_open, table.c.due_on.is_(None)),
        Status.PROVISIONAL: and_(is_open, projected, table.c.due_on.is_not(None)),
        Status.OVERDUE: and_(dated, table.c.due_on < as_of),
        Status.DUE: and_(dated, table.c.due_on == as_of),
        Status.SCHEDULED: and_(dated, table.c.due_on > as_of, booked),
        Status.APPROACHING: and_(dated, ~booked, table.c.due_on > as_of, table.c.due_on <= near),
        Status.UPCOMING: and_(dated, ~booked, table.c.due_on > near),
    }


def _status(as_of: date) -> ColumnElement[str]:
    return case(*[(condition, status.value) for status, condition in predicates(as_of).items()])


def _concerned(authority_id: str, asked: ReviewFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on whose reviews, and of which kinds, are asked for."""
    conditions: list[ColumnElement[bool]] = [table.c.authority_id == authority_id]
    for column, values in (
        (table.c.child_id, asked.children),
        (table.c.team, asked.teams),
        (table.c.kind, asked.kinds),
    ):
        if values:
            conditions.append(column.in_(values))
    if asked.whats:
        conditions.append(table.c.what.in_([what.value for what in asked.whats]))
    if asked.roles:
        roles = literal([role.value for role in asked.roles], ARRAY(table.c.what.type))
        conditions.append(or_(func.cardinality(table.c.roles) == 0, table.c.roles.overlap(roles)))
    return conditions


def _conditions(authority_id: str, asked: ReviewFilter, as_of: date) -> list[ColumnElement[bool]]:
    conditions = _concerned(authority_id, asked)
    if asked.statuses:
        of_status = predicates(as_of)
        conditions.append(or_(*[of_status[status] for status in asked.statuses]))
    # A condition on due dates leaves out reviews that have none.
    if asked.due_from is not None:
        conditions += [table.c.sort_on >= asked.due_from, table.c.due_on.is_not(None)]
    if asked.due_to is not None:
        conditions += [table.c.sort_on <= asked.due_to, table.c.due_on.is_not(None)]
    return conditions


async def page(
    connection: AsyncConnection, authority_id: str, asked: ReviewFilter, *, as_of: date, after: Place | None, limit: int
) -> list[StoredReview]:
    """Return up to ``limit`` reviews behind ``after``, in order of due date and id."""
    statement = select(table).where(*_conditions(authority_id, asked, as_of))
    if after is not None:
        statement = statement.where(tuple_(table.c.sort_on, table.c.review_id) > (after.sort_on, after.review_id))
    statement = statement.order_by(table.c.sort_on, table.c.review_id).limit(limit)
    return [stored_review(row) for row in await connection.execute(statement)]


async def counts(
    connection: AsyncConnection, authority_id: str, asked: ReviewFilter, *, as_of: date
) -> dict[Status, int]:
    """Count by status the reviews of the children, teams and kinds that are asked for.

    Which statuses and due dates are asked for is of no consequence: who looks at what comes
    next is told how much is overdue, too.
    """
    status = _status(as_of).label("status")
    statement = select(status, func.count()).where(*_concerned(authority_id, asked)).group_by(status)
    return {Status(name): number for name, number in await connection.execute(statement)}


async def find(connection: AsyncConnection, authority_id: str, review_id: UUID) -> StoredReview | None:
    """Return one review, or None."""
    statement = select(table).where(table.c.authority_id == authority_id, table.c.review_id == review_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else stored_review(row)


async def of_children(
    connection: AsyncConnection, authority_id: str, children: Sequence[str], *, lock: bool = False
) -> dict[str, list[StoredReview]]:
    """Return every review of these children; ``lock`` keeps the tick away until the transaction ends."""
    found: dict[str, list[StoredReview]] = {child: [] for child in children}
    statement = (
        select(table)
        .where(table.c.authority_id == authority_id, table.c.child_id.in_(children))
        .order_by(table.c.review_id)
    )
    for row in await connection.execute(statement.with_for_update() if lock else statement):
        found[row.child_id].append(stored_review(row))
    return found


async def vanished(
    connection: AsyncConnection, authority_id: str, children: Sequence[str]
) -> dict[str, list[StoredReview]]:
    """Return the reviews of these children that the facts no longer make owed."""
    found = await of_children(connection, authority_id, children)
    return {child: [each for each in of if each.vanished_at is not None] for child, of in found.items()}


async def save(connection: AsyncConnection, authority_id: str, reviews: Iterable[StoredReview]) -> None:
    """Insert or replace reviews."""
    rows = [row_of(authority_id, each) for each in reviews]
    if not rows:
        return
    statement = insert(table)
    taken = {name: statement.excluded[name] for name in WRITTEN}
    await connection.execute(statement.on_conflict_do_update(index_elements=KEY, set_=taken), rows)


async def delete(connection: AsyncConnection, authority_id: str, review_ids: Sequence[UUID]) -> None:
    """Delete forecasts that are not made any more; ids of none are passed over."""
    if review_ids:
        # One array, not one parameter for each id: a page of the log can end more forecasts than there are parameters.
        ids = literal(list(review_ids), ARRAY(table.c.review_id.type))
        gone = and_(table.c.authority_id == authority_id, table.c.review_id == any_(ids))
        await connection.execute(delete_from(table).where(gone))


def row_of(authority_id: str, stored: StoredReview) -> dict[str, Any]:
    """Return the row that holds a review."""
    return dict(zip(COPIED, _values(authority_id, stored, orjson.loads), strict=True))


def copied(authority_id: str, each: StoredReview) -> tuple[Any, ...]:
    """Return the row as values of :data:`COPIED` for PostgreSQL's COPY, which takes JSON as text."""
    return _values(authority_id, each, bytes.decode)


def _values(authority_id: str, stored: StoredReview, json: Callable[[bytes], Any]) -> tuple[Any, ...]:
    review = stored.review
    once = None if stored.once is None else json(_once.dump_json(stored.once))
    return (
        authority_id,
        *_plain(review),
        *(review.certainty.value, review.outcome.value, review.what.value, [role.value for role in review.roles]),
        json(_told(review)),
        *_kept(stored),
        *(once, *(stored.overdue or (None, None))),
        *(stored.next_notice_on, stored.known_on),
    )


def _told(review: Review) -> bytes:
    return orjson.dumps(review.explanation)


def stored_review(row: Row[Any]) -> StoredReview:
    """Return a row of the table, or of one like it, as a review."""
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
    review = Review(
        **{name: columns[name] for name in _PLAIN},
        certainty=Certainty(row.certainty),
        outcome=Outcome(row.outcome),
        what=What(row.what),
        roles=tuple(map(Role, row.roles)),
        explanation=_explanation.validate_python(row.explanation),
    )
    overdue = (row.stood_overdue_from, row.stood_overdue_until)
    return StoredReview(
        review,
        row.next_notice_on,
        **{name: columns[name] for name in _KEPT},
        once=None if row.once_owed is None else _once.validate_python(row.once_owed),
        overdue=None if row.stood_overdue_from is None else overdue,
        known_on=row.known_on,
    )
