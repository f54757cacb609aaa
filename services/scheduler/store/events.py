"""The checkpoint and the service's own copy of the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.tables import checkpoint, event, revisit
from shared.domain.catalogue import event_type
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import CHILD_STREAM_PREFIX, child_of_stream, child_stream


async def lock_checkpoint(connection: AsyncConnection, authority_id: str) -> int:
    """Return the position finished so far and lock it until the transaction ends."""
    await connection.execute(insert(checkpoint).values(authority_id=authority_id, position=0).on_conflict_do_nothing())
    locked = select(checkpoint.c.position).where(checkpoint.c.authority_id == authority_id).with_for_update()
    return int((await connection.execute(locked)).scalar_one())


async def position(connection: AsyncConnection, authority_id: str) -> int:
    """Return the position finished so far; 0 before the first event."""
    found = await connection.scalar(select(checkpoint.c.position).where(checkpoint.c.authority_id == authority_id))
    return int(found or 0)


async def advance(connection: AsyncConnection, authority_id: str, to: int) -> None:
    """Move the locked checkpoint."""
    await connection.execute(update(checkpoint).where(checkpoint.c.authority_id == authority_id).values(position=to))


async def timetable_digest(connection: AsyncConnection, authority_id: str) -> str | None:
    """Return the digest of the timetable by which the reviews were projected last."""
    digest: str | None = await connection.scalar(
        select(checkpoint.c.timetable_digest).where(checkpoint.c.authority_id == authority_id)
    )
    return digest


async def set_timetable_digest(connection: AsyncConnection, authority_id: str, digest: str) -> None:
    """Remember by which timetable the reviews were projected; the checkpoint is locked."""
    await connection.execute(
        update(checkpoint).where(checkpoint.c.authority_id == authority_id).values(timetable_digest=digest)
    )


async def add_events(connection: AsyncConnection, authority_id: str, events: Iterable[RecordedEvent]) -> frozenset[int]:
    """Copy events of the log; return the positions that were not there before."""
    rows = [
        {
            "authority_id": authority_id,
            "position": each.position,
            "stream": each.stream,
            "stream_position": each.stream_position,
            "source": each.source,
            "event_id": each.event_id,
            "type": each.type,
            "recorded_at": each.recorded_at,
            "data": each.data.model_dump(mode="json"),
        }
        for each in events
    ]
    if not rows:
        return frozenset()
    statement = insert(event).on_conflict_do_nothing().returning(event.c.position)
    return frozenset(await connection.scalars(statement, rows))


async def stream_events(
    connection: AsyncConnection, authority_id: str, streams: Sequence[str], *, known_at: datetime | None = None
) -> dict[str, list[RecordedEvent]]:
    """Return the events of these streams by stream, in order, as far as they were recorded by ``known_at``."""
    found: dict[str, list[RecordedEvent]] = {stream: [] for stream in streams}
    statement = (
        select(event)
        .where(event.c.authority_id == authority_id, event.c.stream.in_(streams))
        .order_by(event.c.stream, event.c.position)
    )
    if known_at is not None:
        statement = statement.where(event.c.recorded_at <= known_at)
    for row in await connection.execute(statement):
        found[row.stream].append(_recorded(row))
    return found


async def all_children(connection: AsyncConnection, authority_id: str) -> list[str]:
    """Return every child that has a stream, in order."""
    firsts = (
        select(event.c.stream)
        .where(
            event.c.authority_id == authority_id,
            event.c.stream_position == 1,
            event.c.stream.startswith(CHILD_STREAM_PREFIX, autoescape=True),
        )
        .order_by(event.c.stream)
    )
    return [child for child in map(child_of_stream, await connection.scalars(firsts)) if child is not None]


async def known_children(connection: AsyncConnection, authority_id: str, children: Sequence[str]) -> list[str]:
    """Return those of ``children`` that have a stream."""
    statement = select(event.c.stream).where(
        event.c.authority_id == authority_id,
        event.c.stream_position == 1,
        event.c.stream.in_([child_stream(child) for child in children]),
    )
    return sorted(child for child in map(child_of_stream, await connection.scalars(statement)) if child is not None)


async def plan_revisits(
    connection: AsyncConnection, authority_id: str, days: Iterable[tuple[str, date | None]]
) -> None:
    """Note on which day each child has to be looked at again without a new event (None: on none)."""
    planned = dict(days)
    if not planned:
        return
    await connection.execute(
        delete(revisit).where(revisit.c.authority_id == authority_id, revisit.c.child_id.in_(planned))
    )
    rows = [
        {"authority_id": authority_id, "child_id": child, "revisit_on": day}
        for child, day in planned.items()
        if day is not None
    ]
    if rows:
        await connection.execute(insert(revisit), rows)


async def children_to_revisit(connection: AsyncConnection, authority_id: str, today: date) -> list[str]:
    """Return the children whose recorded facts begin to count by ``today``."""
    statement = (
        select(revisit.c.child_id)
        .where(revisit.c.authority_id == authority_id, revisit.c.revisit_on <= today)
        .order_by(revisit.c.child_id)
    )
    return list(await connection.scalars(statement))


def _recorded(row: Row[Any]) -> RecordedEvent:
    # Stored data was checked when it was appended; from here it only changes type.
    return RecordedEvent(
        authority_id=row.authority_id,
        position=row.position,
        stream=row.stream,
        stream_position=row.stream_position,
        source=row.source,
        event_id=row.event_id,
        type=row.type,
        recorded_at=row.recorded_at,
        data=event_type(row.type).data.model_validate(row.data, strict=False),
        attributes={},
    )
