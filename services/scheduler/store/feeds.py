"""Calendar feeds: which were lent, and the reviews (and other deadlines) that one shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Row,
    Select,
    and_,
    any_,
    cast,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.store.reviews import stored_review
from services.scheduler.tables import calendar_feed, event, review, review_change
from shared.domain.catalogue.roles import Role
from shared.domain.clock import CIVIL_ZONE
from shared.domain.ids import AUTHORITY_STREAM, CHILD_STREAM_PREFIX
from shared.domain.timetable.reviews import Outcome, Review, What


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A calendar that a council lent: of one team or role or all of them, of some deadlines or all (None).

    ``digest`` is what is kept of its secret.  ``reference_key`` turns a child's id into the reference by
    which the calendar tells children apart, and no other calendar does.
    """

    feed_id: UUID
    digest: bytes
    reference_key: bytes
    team: str | None
    role: Role | None
    what: tuple[What, ...] | None
    kinds: tuple[str, ...] | None
    description: str | None
    created_at: datetime
    created_by: str
    revoked_at: datetime | None = None
    revoked_by: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A review that a calendar shows, when it changed last (None: not known), and by which events that may be.

    ``position`` is that of the latest event about the child or the council: whatever changes, it only grows,
    which the position of the fact that shapes the review does not when one is corrected or withdrawn.
    """

    review: Review
    changed_at: datetime | None
    position: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What a calendar holds: open reviews by due day, and those lately closed, the latest first.

    ``more_open`` and ``more_closed`` say how many there are beyond these; ``without_day`` how many open ones
    have no due day.
    """

    open: Sequence[Entry]
    closed: Sequence[Entry]
    more_open: int
    more_closed: int
    without_day: int


async def add(connection: AsyncConnection, authority_id: str, feed: Feed) -> None:
    """Store a new feed."""
    values = {each.name: getattr(feed, each.name) for each in fields(Feed)}
    lists = {"what": feed.what and list(feed.what), "kinds": feed.kinds and list(feed.kinds)}
    await connection.execute(insert(calendar_feed).values(authority_id=authority_id, **{**values, **lists}))


async def count_lent(connection: AsyncConnection, authority_id: str) -> int:
    """Count the feeds that are not revoked."""
    lent = and_(calendar_feed.c.authority_id == authority_id, calendar_feed.c.revoked_at.is_(None))
    return int((await connection.execute(select(func.count()).where(lent))).scalar_one())


async def find(connection: AsyncConnection, authority_id: str, feed_id: UUID) -> Feed | None:
    """Return one feed, revoked or not, or None."""
    statement = _feeds(authority_id).where(calendar_feed.c.feed_id == feed_id)
    row = (await connection.execute(statement)).one_or_none()
    return None if row is None else _feed(row)


async def page(
    connection: AsyncConnection, authority_id: str, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Feed]:
    """Return up to ``limit`` feeds behind ``after``, the oldest first, revoked ones included."""
    place = (calendar_feed.c.created_at, calendar_feed.c.feed_id)
    statement = _feeds(authority_id)
    if after is not None:
        statement = statement.where(tuple_(*place) > after)
    return [_feed(row) for row in await connection.execute(statement.order_by(*place).limit(limit))]


async def revoke(connection: AsyncConnection, authority_id: str, feed_id: UUID, now: datetime, by: str) -> None:
    """Revoke a feed for ever; one that is revoked keeps its first instant."""
    lent = and_(calendar_feed.c.authority_id == authority_id, calendar_feed.c.feed_id == feed_id)
    statement = update(calendar_feed).where(lent, calendar_feed.c.revoked_at.is_(None))
    await connection.execute(statement.values(revoked_at=now, revoked_by=by))


async def contents(
    connection: AsyncConnection, authority_id: str, feed: Feed, *, closed_since: date, limit: int
) -> Contents:
    """Return what a feed shows, at most ``limit`` reviews: open ones first, then those closed since that day.

    Closed since is also what was recorded as closed since, if the record had shown it as open until then.
    """
    concerned = _concerned(authority_id, feed)
    is_open = and_(*concerned, review.c.outcome == Outcome.OPEN.value)
    dated = and_(is_open, review.c.due_on.is_not(None))
    undated = and_(is_open, review.c.due_on.is_(None))
    closed = and_(*concerned, review.c.outcome != Outcome.OPEN.value, _day_known(), _since(closed_since))
    by_day = (review.c.sort_on, review.c.review_id)
    open_entries = await _entries(connection, dated, by_day, limit)
    latest = (func.coalesce(review.c.held_on, review.c.closed_on).desc(), review.c.review_id)
    closed_entries = await _entries(connection, closed, latest, limit - len(open_entries))
    return Contents(
        open_entries,
        closed_entries,
        more_open=await _count(connection, dated) - len(open_entries),
        more_closed=await _count(connection, closed) - len(closed_entries),
        without_day=await _count(connection, undated),
    )


def _concerned(authority_id: str, feed: Feed) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [review.c.authority_id == authority_id]
    if feed.team is not None:
        conditions.append(review.c.team == feed.team)
    if feed.role is not None:
        # What a rule leaves to nobody in particular is everybody's.
        conditions.append(or_(func.cardinality(review.c.roles) == 0, literal(feed.role.value) == any_(review.c.roles)))
    if feed.what is not None:
        conditions.append(review.c.what.in_([what.value for what in feed.what]))
    if feed.kinds is not None:
        conditions.append(review.c.kind.in_(feed.kinds))
    return conditions


def _day_known() -> ColumnElement[bool]:
    return or_(review.c.due_on.is_not(None), review.c.held_on.is_not(None))


def _since(day: date) -> ColumnElement[bool]:
    recorded_on = cast(func.timezone(CIVIL_ZONE.key, event.c.recorded_at), Date)
    # What the record never showed as open, as in a history that was brought in at once, was in no calendar.
    was_shown = func.coalesce(review.c.shown_on < recorded_on, true())
    withdrawn = review.c.outcome == Outcome.WITHDRAWN.value
    lately = or_(review.c.held_on >= day, review.c.closed_on >= day)
    return or_(and_(lately, not_(withdrawn)), and_(or_(lately, recorded_on >= day), was_shown))


_shaping = and_(event.c.authority_id == review.c.authority_id, event.c.position == review.c.position)
_shown = review.outerjoin(event, _shaping)


async def _entries(
    connection: AsyncConnection, condition: ColumnElement[bool], order: Sequence[ColumnElement[Any]], limit: int
) -> list[Entry]:
    statement = select(review, event.c.recorded_at, _last_change(), _last_event()).select_from(_shown)
    rows = await connection.execute(statement.where(condition).order_by(*order).limit(limit))
    return [_entry(row) for row in rows]


def _last_change() -> ColumnElement[datetime]:
    """Return the instant of the last change that the change log has; a mere forecast has none."""
    of_review = (
        review_change.c.authority_id == review.c.authority_id,
        review_change.c.review_id == review.c.review_id,
    )
    last = select(func.max(review_change.c.changed_at)).where(*of_review).correlate(review)
    return last.scalar_subquery().label("last_changed_at")


def _last_event() -> ColumnElement[int]:
    """Return the position of the latest event of the child's stream or the council's own."""
    stream = func.concat(CHILD_STREAM_PREFIX, review.c.child_id)
    return func.greatest(_end_of(stream), _end_of(literal(AUTHORITY_STREAM)), review.c.position).label("last_position")


def _end_of(stream: ColumnElement[str]) -> ColumnElement[int]:
    read = event.alias()
    of_stream = and_(read.c.authority_id == review.c.authority_id, read.c.stream == stream)
    return select(func.max(read.c.position)).where(of_stream).correlate(review).scalar_subquery()


def _entry(row: Row[Any]) -> Entry:
    instants = [each for each in (row.recorded_at, row.last_changed_at) if each is not None]
    return Entry(stored_review(row).review, max(instants, default=None), row.last_position)


async def _count(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    statement = select(func.count()).select_from(_shown).where(condition)
    return int((await connection.execute(statement)).scalar_one())


def _feeds(authority_id: str) -> Select[Any]:
    return select(calendar_feed).where(calendar_feed.c.authority_id == authority_id)


def _feed(row: Row[Any]) -> Feed:
    columns = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name for a row as a mapping
    values = {each.name: columns[each.name] for each in fields(Feed)}
    codes = {
        "role": None if row.role is None else Role(row.role),
        "what": None if row.what is None else tuple(map(What, row.what)),
        "kinds": None if row.kinds is None else tuple(row.kinds),
    }
    return Feed(**{**values, **codes})
