"""A reader's own copy of the log: the events it has read, and the checkpoint up to which it has.

A service that follows the log answers questions about other days and other knowledge from
its copy, without asking the events service.  Each keeps the two tables in a schema of its
own; what they hold and how they are asked is the same and stands here.  Nothing commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Row, Table, Text, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.domain.catalogue import event_type
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import AUTHORITY_STREAM, child_stream


def declare_log_copy(metadata: MetaData, *of_checkpoint: Column[Any]) -> tuple[Table, Table]:
    """Declare the tables ``checkpoint`` and ``event`` in the schema of ``metadata``; return both.

    ``of_checkpoint`` are columns that the service keeps beside its checkpoint.
    """
    checkpoint = Table(
        "checkpoint",
        metadata,
        Column("authority_id", Text, primary_key=True),
        Column("position", BigInteger, nullable=False),
        *of_checkpoint,
    )
    event = Table(
        "event",
        metadata,
        Column("authority_id", Text, primary_key=True),
        Column("position", BigInteger, primary_key=True),
        Column("stream", Text, nullable=False),
        Column("stream_position", BigInteger, nullable=False),
        Column("source", Text, nullable=False),
        Column("event_id", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("recorded_at", DateTime(timezone=True), nullable=False),
        Column("data", JSONB, nullable=False),
    )
    return checkpoint, event


class LogCopy:
    """What every reader asks of its copy."""

    def __init__(self, checkpoint: Table, event: Table) -> None:
        """Ask the two tables that :func:`declare_log_copy` declared."""
        self._checkpoint = checkpoint
        self._event = event

    async def lock_checkpoint(self, connection: AsyncConnection, authority_id: str) -> int:
        """Return the position finished so far, 0 at first, and lock it until the transaction ends."""
        table = self._checkpoint
        locked = select(table.c.position).where(table.c.authority_id == authority_id).with_for_update()
        position = await connection.scalar(locked)
        if position is None:
            first = insert(table).values(authority_id=authority_id, position=0)
            await connection.execute(first.on_conflict_do_nothing())
            position = (await connection.execute(locked)).scalar_one()
        return int(position)

    async def position(self, connection: AsyncConnection, authority_id: str) -> int:
        """Return the position finished so far; 0 before the first event."""
        table = self._checkpoint
        return int(await connection.scalar(select(table.c.position).where(table.c.authority_id == authority_id)) or 0)

    async def advance(self, connection: AsyncConnection, authority_id: str, position: int) -> None:
        """Move the locked checkpoint to ``position``."""
        table = self._checkpoint
        await connection.execute(update(table).where(table.c.authority_id == authority_id).values(position=position))

    async def add_events(
        self, connection: AsyncConnection, authority_id: str, events: Iterable[RecordedEvent]
    ) -> frozenset[int]:
        """Copy events of the log; return the positions that were not there before."""
        rows = [_row(authority_id, each) for each in events]
        if not rows:
            return frozenset()
        statement = insert(self._event).on_conflict_do_nothing().returning(self._event.c.position)
        return frozenset(await connection.scalars(statement, rows))

    async def authority_events(
        self, connection: AsyncConnection, authority_id: str, *, known_at: datetime | None = None
    ) -> list[RecordedEvent]:
        """Return the events about the authority itself, in log order, as far as recorded by ``known_at``."""
        found = await self._stream_events(connection, authority_id, [AUTHORITY_STREAM], known_at)
        return found[AUTHORITY_STREAM]

    async def child_events(
        self,
        connection: AsyncConnection,
        authority_id: str,
        children: Iterable[str],
        *,
        known_at: datetime | None = None,
    ) -> dict[str, list[RecordedEvent]]:
        """Return the events of each of these children, in log order, as far as recorded by ``known_at``."""
        streams = {child_id: child_stream(child_id) for child_id in children}
        found = await self._stream_events(connection, authority_id, streams.values(), known_at)
        return {child_id: found[stream] for child_id, stream in streams.items()}

    async def _stream_events(
        self, connection: AsyncConnection, authority_id: str, streams: Iterable[str], known_at: datetime | None
    ) -> dict[str, list[RecordedEvent]]:
        event = self._event
        found: dict[str, list[RecordedEvent]] = {stream: [] for stream in streams}
        statement = (
            select(event)
            .where(event.c.authority_id == authority_id, event.c.stream.in_(found))
            .order_by(event.c.stream, event.c.position)
        )
        if known_at is not None:
            statement = statement.where(event.c.recorded_at <= known_at)
        for row in await connection.execute(statement):
            found[row.stream].append(_recorded(row))
        return found


def _row(authority_id: str, event: RecordedEvent) -> dict[str, Any]:
    return {
        "authority_id": authority_id,
        "position": event.position,
        "stream": event.stream,
        "stream_position": event.stream_position,
        "source": event.source,
        "event_id": event.event_id,
        "type": event.type,
        "recorded_at": event.recorded_at,
        # What was left out stays out, as in the log.
        "data": event.data.model_dump(mode="json", exclude_unset=True),
    }


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
        recorded_by="unknown",
        # Stored data was checked when it was appended; from here it only changes type.
        data=event_type(row.type).data.model_validate(row.data, strict=False),
        # No projection reads them, so they are not copied.
        attributes={},
    )
