"""The checkpoint and the service's own copy of the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.tables import checkpoint, event
from shared.domain.catalogue import event_type
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import child_stream


@asynccontextmanager
async def snapshot(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Yield a connection on which all reads see one moment, so that a figure and its position agree."""
    async with engine.connect() as connection:
        yield await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


async def lock_checkpoint(connection: AsyncConnection, authority_id: str) -> int:
    """Return the position finished so far, 0 at first, and lock it until the transaction ends."""
    locked = select(checkpoint.c.position).where(checkpoint.c.authority_id == authority_id).with_for_update()
    position = await connection.scalar(locked)
    if position is None:
        first = upsert(checkpoint).values(authority_id=authority_id, position=0)
        await connection.execute(first.on_conflict_do_nothing())
        position = (await connection.execute(locked)).scalar_one()
    return int(position)


async def advance(connection: AsyncConnection, authority_id: str, position: int) -> None:
    """Move the locked checkpoint to ``position``."""
    await connection.execute(
        update(checkpoint).where(checkpoint.c.authority_id == authority_id).values(position=position)
    )


async def position(connection: AsyncConnection, authority_id: str, known_at: datetime | None = None) -> int:
    """Return the position of the last event read so far, or of the last one recorded by ``known_at``; 0 if none."""
    reached = select(checkpoint.c.position).where(checkpoint.c.authority_id == authority_id)
    if known_at is not None:
        reached = select(func.max(event.c.position)).where(
            event.c.authority_id == authority_id, event.c.recorded_at <= known_at
        )
    return int(await connection.scalar(reached) or 0)


async def add_events(connection: AsyncConnection, authority_id: str, events: Iterable[RecordedEvent]) -> None:
    """Copy events of the log; each is read once, since the checkpoint moves in the same transaction."""
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
            "data": each.data.model_dump(mode="json", exclude_unset=True),
        }
        for each in events
    ]
    await connection.execute(insert(event), rows)


async def child_events(
    connection: AsyncConnection, authority_id: str, children: Sequence[str], known_at: datetime | None = None
) -> dict[str, list[RecordedEvent]]:
    """Return the events of each of these children, in log order, as far as recorded by ``known_at``."""
    streams = {child_stream(child_id): child_id for child_id in children}
    found: dict[str, list[RecordedEvent]] = {child_id: [] for child_id in children}
    statement = (
        select(event)
        .where(event.c.authority_id == authority_id, event.c.stream.in_(streams))
        .order_by(event.c.stream, event.c.position)
    )
    if known_at is not None:
        statement = statement.where(event.c.recorded_at <= known_at)
    for row in await connection.execute(statement):
        found[streams[row.stream]].append(_recorded(row))
    return found


def _recorded(row: Row[Any]) -> RecordedEvent:
    return RecordedEvent(
        authority_id=row.authority_id,
        position=row.position,
        stream=row.stream,
        stream_position=row.stream_position,
        source=row.source,
        event_id=row.event_id,
        type=row.type,
        recorded_at=row.recorded_at,
        # Stored data was checked when it was appended; from here it only changes type.
        data=event_type(row.type).data.model_validate(row.data, strict=False),
        # No projection reads them, so they are not copied.
        attributes={},
    )
