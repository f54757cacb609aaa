"""Rebuilt reviews beside live ones: what only the live side knows, and where the two tell different things."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import (
    ColumnElement,
    MetaData,
    Table,
    Text,
    and_,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.model import NoticeKind, StoredReview
from services.scheduler.store.reviews import COPIED, KEY, WRITTEN, row_of, stored_review
from services.scheduler.tables import checkpoint, event, held_back, notice, review_change, revisit
from services.scheduler.tables import review as live
from shared.domain.ids import AUTHORITY_STREAM, child_of_stream
from shared.domain.timetable.causes import CauseKind
from shared.domain.timetable.reviews import Outcome
from shared.runtime.rebuild_schema import Schemas

SCHEMAS = Schemas("scheduler", ("checkpoint", "event", "review", "revisit"))

#: Children by authority and their own name.
Children = frozenset[tuple[str, str]]

rebuilt = live.to_metadata(MetaData(), schema=SCHEMAS.rebuilt)
_checkpoint = checkpoint.to_metadata(MetaData(), schema=SCHEMAS.rebuilt)

_same = and_(live.c.authority_id == rebuilt.c.authority_id, live.c.review_id == rebuilt.c.review_id)


@dataclass(frozen=True, slots=True)
class Changed:
    """A review that the rebuilt side tells differently; ``before`` is None where the live side did not owe it.

    ``position`` is that of the authority's live checkpoint.
    """

    authority_id: str
    position: int
    before: StoredReview | None
    after: StoredReview


@dataclass(frozen=True, slots=True)
class Reached:
    """How far both sides had come at a moment: no further.

    ``positions`` are those of the rebuilt side, the lesser ones, and ``timetables`` digests of
    those in force on the live side, both by authority.  ``awaited`` are the children who are
    projected anew ``today`` without a new event.
    """

    today: date
    positions: Mapping[str, int]
    timetables: Mapping[str, str | None]
    awaited: Children


async def reached(connection: AsyncConnection, today: date) -> Reached:
    """Return how far both sides have come."""
    positions = await connection.execute(select(_checkpoint.c.authority_id, _checkpoint.c.position))
    timetables = await connection.execute(select(checkpoint.c.authority_id, checkpoint.c.timetable_digest))
    due = select(revisit.c.authority_id, revisit.c.child_id).where(revisit.c.revisit_on <= today)
    awaited = await connection.execute(due)
    return Reached(
        today,
        {row.authority_id: row.position for row in positions},
        {row.authority_id: row.timetable_digest for row in timetables},
        frozenset((row.authority_id, row.child_id) for row in awaited),
    )


async def concerned(connection: AsyncConnection, since: Reached, today: date) -> Children | None:
    """Return the children whose reviews may have changed since on either side; None if those of any child may have.

    Both sides have come to the same positions, and go no further.
    """
    now = await reached(connection, today)
    if (now.today, now.timetables) != (since.today, since.timetables):
        return None
    found = {*since.awaited, *now.awaited}
    for authority_id in now.timetables:
        streams = await _streams_behind(connection, authority_id, since.positions.get(authority_id, 0))
        if AUTHORITY_STREAM in streams:
            return None
        found.update((authority_id, child) for child in map(child_of_stream, streams) if child is not None)
    return frozenset(found)


async def _streams_behind(connection: AsyncConnection, authority_id: str, position: int) -> set[str]:
    behind = select(event.c.stream).where(event.c.authority_id == authority_id, event.c.position > position)
    return set(await connection.scalars(behind.distinct()))


async def keep_withdrawn(connection: AsyncConnection, children: Children | None) -> None:
    """Let what the live side has withdrawn, and the rebuilt side never owed, be told as the live side told it.

    So is what was withdrawn because of other rules at hand: which they were is history.  Here as below
    ``children`` None means all of them.
    """
    differs = or_(*(live.c[name].is_distinct_from(rebuilt.c[name]) for name in WRITTEN))
    of_rules = exists().where(
        review_change.c.cause == CauseKind.EDITION.value,
        review_change.c.authority_id == live.c.authority_id,
        review_change.c.review_id == live.c.review_id,
    )
    not_owed = or_(rebuilt.c.review_id.is_(None), and_(rebuilt.c.vanished_at.is_not(None), differs, of_rules))
    told = select(*(live.c[name] for name in COPIED)).select_from(live.outerjoin(rebuilt, _same))
    told = told.where(live.c.vanished_at.is_not(None), not_owed, _of(live, children))
    statement = insert(rebuilt).from_select(COPIED, told)
    taken = {name: statement.excluded[name] for name in WRITTEN}
    await connection.execute(statement.on_conflict_do_update(index_elements=KEY, set_=taken))


async def lost(connection: AsyncConnection, children: Children | None) -> list[tuple[str, int, StoredReview]]:
    """Return, with authority and its position, the reviews that the live side owes and the rebuilt side has never."""
    statement = (
        select(live, _position(live))
        .select_from(live.outerjoin(rebuilt, _same))
        .where(live.c.vanished_at.is_(None), rebuilt.c.review_id.is_(None), _of(live, children))
    )
    rows = await connection.execute(statement)
    return [(row.authority_id, row.live_position, stored_review(row)) for row in rows]


async def withdraw(connection: AsyncConnection, authority_id: str, withdrawn: Sequence[StoredReview]) -> None:
    """Add what only the live side owed and is withdrawn with the exchange."""
    if withdrawn:
        await connection.execute(insert(rebuilt), [row_of(authority_id, each) for each in withdrawn])


async def keep_looks(connection: AsyncConnection, children: Children | None) -> None:
    """Let the tick look when the live side would, wherever both sides count down to the same day.

    What was crossed before is told, or held back, already; and since when a due date was known is history.
    """
    same = (
        _same,
        *(live.c[name].is_not_distinct_from(rebuilt.c[name]) for name in ("due_on", "outcome", "certainty")),
        *(each.c.vanished_at.is_(None) for each in (live, rebuilt)),
        _projected(live) == _projected(rebuilt),
    )
    looks = {name: live.c[name] for name in ("next_notice_on", "known_on")}
    await connection.execute(update(rebuilt).where(*same, _of(live, children)).values(looks))


def _projected(of: Table) -> ColumnElement[bool]:
    projected: ColumnElement[bool] = of.c.explanation["anchor"]["position"].astext.is_(None)
    return projected


async def changed(connection: AsyncConnection, children: Children | None) -> list[Changed]:
    """Return the reviews whose change is worth telling: newly held, due on another day, or booked too late.

    A held review that the live side had lost, after telling of it, is left out; of what is booked
    too late the log of notices knows whether it was told.
    """
    joined = rebuilt.outerjoin(live, _same)
    worth_telling = and_(_worth_telling(), _of(rebuilt, children))
    before = {
        (row.authority_id, row.review_id): stored_review(row)
        for row in await connection.execute(select(live).select_from(joined).where(worth_telling, _owed_before()))
    }
    position = _position(rebuilt)
    rows = await connection.execute(select(rebuilt, position).select_from(joined).where(worth_telling))
    return [
        Changed(row.authority_id, row.live_position, before.get((row.authority_id, row.review_id)), stored_review(row))
        for row in rows
    ]


def _worth_telling() -> ColumnElement[bool]:
    held_before = and_(_owed_before(), live.c.outcome == Outcome.HELD.value)
    told = or_(
        *(
            exists().where(
                log.c.authority_id == rebuilt.c.authority_id,
                log.c.review_id == rebuilt.c.review_id,
                log.c.kind.in_([kind.value for kind in NoticeKind.HELD.both]),
            )
            for log in (notice, held_back)
        )
    )
    held = and_(rebuilt.c.outcome == Outcome.HELD.value, not_(held_before), or_(live.c.review_id.is_not(None), ~told))
    both_open = and_(live.c.outcome == Outcome.OPEN.value, rebuilt.c.outcome == Outcome.OPEN.value)
    moved = and_(_owed_before(), both_open, live.c.due_on.is_distinct_from(rebuilt.c.due_on))
    booked_late = and_(rebuilt.c.outcome == Outcome.OPEN.value, rebuilt.c.booked_on > rebuilt.c.due_on)
    return and_(rebuilt.c.vanished_at.is_(None), or_(held, moved, booked_late))


def _of(table: Table, children: Children | None) -> ColumnElement[bool]:
    """Return the condition that a review is that of one of these, at least one; None are all."""
    if children is None:
        return true()
    # Two arrays, not two parameters for each child: there can be more children than there are parameters.
    named = [literal(list(names), ARRAY(Text)) for names in zip(*children, strict=True)]
    return tuple_(table.c.authority_id, table.c.child_id).in_(select(*map(func.unnest, named)))


def _owed_before() -> ColumnElement[bool]:
    return and_(live.c.review_id.is_not(None), live.c.vanished_at.is_(None))


def _position(of: Table) -> ColumnElement[int]:
    position = select(checkpoint.c.position).where(checkpoint.c.authority_id == of.c.authority_id)
    return position.scalar_subquery().label("live_position")
