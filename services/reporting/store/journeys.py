"""Children and their episodes: written by the projection, read for a day and an instant.

A question may be about an earlier day, or about what had been recorded by an instant.
Each child's row tells from when on it holds; where it does not, the child is folded anew
from the copy of the log.  Both ways give the same answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, delete, insert, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.model import ChildRecord, Episode, EpisodeRecord, Journey, MilestoneKey
from services.reporting.projection import EDITION, project
from services.reporting.store.log import log_copy
from services.reporting.tables import child, episode
from shared.domain.catalogue.child import Destination, LegalReason
from shared.domain.catalogue.permanence import Route
from shared.domain.envelope import RecordedEvent
from shared.domain.history import facts

#: Children folded at once, so that memory does not grow with the council.
FOLDED_AT_ONCE = 200

_COLUMNS = tuple(each.name for each in fields(EpisodeRecord))
_CODES = {
    "legal_reason": LegalReason,
    "route": Route,
    "parallel_route": Route,
    "destination": Destination,
    "last_milestone": MilestoneKey,
    "next_milestone": MilestoneKey,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The day a question is about, and the instant up to which records count (None: all)."""

    as_of: date
    known_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which children a list shows: those of a team now, those who wait or do not (None: all)."""

    team: str | None = None
    waiting: bool | None = None

    def holds(self, record: ChildRecord) -> bool:
        """Tell whether the child is wanted."""
        of_team = self.team is None or record.team == self.team
        return of_team and (self.waiting is None or record.waiting == self.waiting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """Every episode of an authority's children, and how many recommendations lie outside any."""

    records: tuple[EpisodeRecord, ...]
    recommendations_outside: int


async def write(connection: AsyncConnection, authority_id: str, of_children: Mapping[str, list[RecordedEvent]]) -> None:
    """Project these children from all their events, and put the rows in place of the former ones."""
    children, episodes = rows(authority_id, of_children)
    former = delete(child).where(child.c.authority_id == authority_id, child.c.child_id.in_(of_children))
    await connection.execute(former)
    await connection.execute(insert(child), children)
    if episodes:
        await connection.execute(insert(episode), episodes)


def rows(
    authority_id: str, of_children: Mapping[str, Sequence[RecordedEvent]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Project these children from all their events; return their rows, and those of their episodes."""
    journeys = [project(child_id, facts(events)) for child_id, events in of_children.items()]
    children = [_child_row(authority_id, each, of_children[each.child_id]) for each in journeys]
    episodes = [{"authority_id": authority_id, **_record(one)} for journey in journeys for one in journey.episodes]
    return children, episodes


def _record(of: Episode) -> dict[str, Any]:
    # Not dataclasses.asdict: it copies every value, and none of these can change.
    return {name: getattr(of.record, name) for name in _COLUMNS}


def _child_row(authority_id: str, journey: Journey, events: Iterable[RecordedEvent]) -> dict[str, Any]:
    return {
        "authority_id": authority_id,
        "child_id": journey.child_id,
        "edition": EDITION,
        "latest_on": journey.latest_on,
        "latest_recorded_at": max(event.recorded_at for event in events),
        "team": journey.team,
        "recommendations_outside": journey.recommendations_outside,
        "episodes": len(journey.episodes),
    }


async def journey(connection: AsyncConnection, authority_id: str, child_id: str, asked: Asked) -> Journey | None:
    """Return one child's journey, or None if nothing was recorded about the child."""
    found = await log_copy.child_events(connection, authority_id, [child_id], known_at=asked.known_at)
    if not found[child_id]:
        return None
    return project(child_id, facts(found[child_id], as_of=asked.as_of))


async def children(
    connection: AsyncConnection, authority_id: str, asked: Asked, wanted: Wanted, *, after: str, limit: int
) -> list[ChildRecord]:
    """Return up to ``limit`` wanted children behind ``after``, in order of their identifiers."""
    found: list[ChildRecord] = []
    while len(found) < limit:
        statement = _candidates(authority_id, asked, wanted).where(child.c.child_id > after).limit(limit)
        rows = (await connection.execute(statement)).all()
        stale = [row.child_of_row for row in rows if not row.holds]
        folded = {each.child_id: each for each in await _fold(connection, authority_id, stale, asked)}
        records = [_child(row) if row.holds else _child_of(folded[row.child_of_row]) for row in rows]
        found += [each for each in records if each is not None and wanted.holds(each)]
        if len(rows) < limit:
            break
        after = rows[-1].child_of_row
    return found[:limit]


async def episodes(connection: AsyncConnection, authority_id: str, asked: Asked) -> Episodes:
    """Return all episodes as of the day, as known at the instant."""
    holds = _holds(asked)
    fresh = select(*(episode.c[name] for name in _COLUMNS)).select_from(episode.join(child, _same_child()))
    fresh = fresh.where(episode.c.authority_id == authority_id, child.c.authority_id == authority_id, holds)
    records = [_episode(row) for row in await connection.execute(fresh)]
    others = select(child.c.child_id, child.c.recommendations_outside, holds.label("holds"))
    others = others.where(child.c.authority_id == authority_id, or_(not_(holds), child.c.recommendations_outside > 0))
    rows = (await connection.execute(others)).all()
    outside = sum(row.recommendations_outside for row in rows if row.holds)
    for folded in await _fold(connection, authority_id, [row.child_id for row in rows if not row.holds], asked):
        records += [each.record for each in folded.episodes]
        outside += folded.recommendations_outside
    return Episodes(records=tuple(records), recommendations_outside=outside)


async def _fold(
    connection: AsyncConnection, authority_id: str, child_ids: Sequence[str], asked: Asked
) -> list[Journey]:
    journeys: list[Journey] = []
    for start in range(0, len(child_ids), FOLDED_AT_ONCE):
        some = child_ids[start : start + FOLDED_AT_ONCE]
        found = await log_copy.child_events(connection, authority_id, some, known_at=asked.known_at)
        # Folding is arithmetic; other requests go on meanwhile.
        journeys += await asyncio.to_thread(_fold_all, found, asked.as_of)
    return journeys


def _fold_all(found: Mapping[str, Iterable[RecordedEvent]], as_of: date) -> list[Journey]:
    return [project(child_id, facts(events, as_of=as_of)) for child_id, events in found.items()]


def _holds(asked: Asked) -> ColumnElement[bool]:
    """Return the condition under which a child's row answers the question."""
    conditions: list[ColumnElement[bool]] = [
        child.c.edition == EDITION,
        or_(child.c.latest_on.is_(None), child.c.latest_on <= asked.as_of),
    ]
    if asked.known_at is not None:
        conditions.append(child.c.latest_recorded_at <= asked.known_at)
    return and_(*conditions)


def _same_child() -> ColumnElement[bool]:
    return and_(episode.c.authority_id == child.c.authority_id, episode.c.child_id == child.c.child_id)


def _candidates(authority_id: str, asked: Asked, wanted: Wanted) -> Select[Any]:
    """Select children with their latest episode: those who are wanted, and those who must be folded to know."""
    waiting = and_(
        episode.c.episode_id.is_not(None),
        episode.c.recommended_on.is_(None),
        episode.c.ended_on.is_(None),
        episode.c.overtaken_on.is_(None),
    )
    conditions: list[ColumnElement[bool]] = [child.c.latest_on.is_not(None)]
    if wanted.team is not None:
        conditions.append(child.c.team == wanted.team)
    if wanted.waiting is not None:
        conditions.append(waiting if wanted.waiting else not_(waiting))
    holds = _holds(asked)
    latest = and_(_same_child(), episode.c.ordinal == child.c.episodes)
    return (
        select(
            child.c.child_id.label("child_of_row"),
            child.c.team.label("team_of_child"),
            child.c.recommendations_outside,
            holds.label("holds"),
            *(episode.c[name] for name in _COLUMNS),
        )
        .select_from(child.outerjoin(episode, latest))
        .where(child.c.authority_id == authority_id, or_(not_(holds), and_(*conditions)))
        .order_by(child.c.child_id)
    )


def _child(row: Row[Any]) -> ChildRecord:
    return ChildRecord(
        child_id=row.child_of_row,
        team=row.team_of_child,
        recommendations_outside=row.recommendations_outside,
        episode=None if row.episode_id is None else _episode(row),
    )


def _child_of(journey: Journey) -> ChildRecord | None:
    """Return the folded child, or None if nothing was held true of it."""
    return None if journey.latest_on is None else journey.child


def _episode(row: Row[Any]) -> EpisodeRecord:
    values = {name: getattr(row, name) for name in _COLUMNS}
    return EpisodeRecord(**{name: _typed(name, value) for name, value in values.items()})


def _typed(name: str, value: Any) -> Any:
    code = _CODES.get(name)
    return value if code is None or value is None else code(value)
