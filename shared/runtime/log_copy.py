"""A reader's own copy of the log: the events it has read, and the checkpoint up to which it has.

A service that follows the log answers questions about other days and other knowledge from
its copy, without asking the events service.  Each keeps the two tables in a schema of its
own; what they hold and how they are asked is the same and stands here.  Nothing commits.

Beside its position a checkpoint says whether the reader can go on, and if not, why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    case,
    false,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.domain.catalogue import read_data, version_of
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import AUTHORITY_STREAM, child_stream


class State(StrEnum):
    """Whether a reader can go on."""

    RUNNING = "running"
    #: At an event that it cannot read or project; it never goes past it.
    STOPPED = "stopped"
    #: The log ends before the checkpoint, or holds another event there: it is not the log that was read.
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why a reader cannot go on, without anything of an event but its type.

    ``position`` is that of the event at which it stopped, or where a log ends that ends early.
    """

    state: State
    position: int
    type: str | None
    reason: str

    def __str__(self) -> str:
        """Say it in words for an operator."""
        of_type = f" ({self.type})" if self.type else ""
        return f"{self.state} at position {self.position}{of_type}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a reader stands: the position finished, and what stops it and since when, if anything does."""

    position: int = 0
    stop: Stop | None = None
    stopped_at: datetime | None = None


#: The columns of a checkpoint that tell how following goes, and say nothing about the read model.
PROGRESS = frozenset({"state", "stopped_position", "stopped_type", "stopped_reason", "stopped_at", "resume_asked"})

#: Of which rows a checkpoint says what none would: nothing of that log was read.
NOTHING_READ = "position = 0"


def declare_log_copy(metadata: MetaData, *of_checkpoint: Column[Any]) -> tuple[Table, Table]:
    """Declare the tables ``checkpoint`` and ``event`` in the schema of ``metadata``; return both.

    ``of_checkpoint`` are columns that the service keeps beside its checkpoint.
    """
    checkpoint = Table(
        "checkpoint",
        metadata,
        Column("authority_id", Text, primary_key=True),
        Column("position", BigInteger, nullable=False),
        Column("state", Text, nullable=False, default=State.RUNNING.value),
        Column("stopped_position", BigInteger),
        Column("stopped_type", Text),
        Column("stopped_reason", Text),
        Column("stopped_at", DateTime(timezone=True)),
        Column("resume_asked", Boolean, nullable=False, default=False),
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
        Column("schema_version", Integer, nullable=False),
        Column("recorded_at", DateTime(timezone=True), nullable=False),
        Column("recorded_by", Text, nullable=False),
        Column("data", JSONB, nullable=False),
    )
    return checkpoint, event


#: The columns of the copy, in the order of :func:`copied_values`.
COPIED = (
    "authority_id",
    "position",
    "stream",
    "stream_position",
    "source",
    "event_id",
    "type",
    "schema_version",
    "recorded_at",
    "recorded_by",
    "data",
)


class LogCopy:
    """What every reader asks of its copy."""

    def __init__(self, checkpoint: Table, event: Table) -> None:
        """Ask the two tables that :func:`declare_log_copy` declared."""
        self._checkpoint = checkpoint
        self._event = event

    async def lock_checkpoint(self, connection: AsyncConnection, authority_id: str) -> int:
        """Return the position finished so far, and lock it until the transaction ends; made, at 0, if missing."""
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

    async def standing(self, connection: AsyncConnection, authority_id: str) -> Standing:
        """Return where the reader stands with this authority's log."""
        table = self._checkpoint
        row = (await connection.execute(select(table).where(table.c.authority_id == authority_id))).one_or_none()
        return Standing() if row is None else _standing(row)

    async def stop(self, connection: AsyncConnection, authority_id: str, stop: Stop, now: datetime) -> None:
        """Note at the locked checkpoint what stops the reader.

        Stopping again where it already stands leaves the instant at which it first did.
        """
        table = self._checkpoint
        again = and_(table.c.state == stop.state.value, table.c.stopped_position == stop.position)
        noted = {
            "state": stop.state.value,
            "stopped_position": stop.position,
            "stopped_type": stop.type,
            "stopped_reason": stop.reason,
            "stopped_at": case((again, table.c.stopped_at), else_=now),
            "resume_asked": false(),
        }
        await connection.execute(update(table).where(table.c.authority_id == authority_id).values(noted))

    async def go_on(self, connection: AsyncConnection, authority_id: str) -> None:
        """Note at the locked checkpoint that nothing stops the reader any more."""
        table = self._checkpoint
        gone = dict.fromkeys(("stopped_position", "stopped_type", "stopped_reason", "stopped_at"))
        running = {"state": State.RUNNING.value, "resume_asked": false(), **gone}
        await connection.execute(update(table).where(table.c.authority_id == authority_id).values(running))

    async def ask_to_resume(self, connection: AsyncConnection, authority_id: str) -> bool:
        """Ask a reader that stands still to try again at once; False if it does not stand still."""
        table = self._checkpoint
        still = and_(table.c.authority_id == authority_id, table.c.state != State.RUNNING.value)
        asked = await connection.execute(update(table).where(still).values(resume_asked=true()))
        return asked.rowcount > 0

    async def asked_to_resume(self, connection: AsyncConnection, authority_ids: Sequence[str]) -> frozenset[str]:
        """Return those of these authorities for which the reader was asked to try again."""
        table = self._checkpoint
        asked = and_(table.c.authority_id.in_(authority_ids), table.c.resume_asked)
        return frozenset(await connection.scalars(select(table.c.authority_id).where(asked)))

    async def identity_at(
        self, connection: AsyncConnection, authority_id: str, position: int
    ) -> tuple[str, str] | None:
        """Return source and id of the event that was read at ``position``, or None."""
        event = self._event
        here = and_(event.c.authority_id == authority_id, event.c.position == position)
        row = (await connection.execute(select(event.c.source, event.c.event_id).where(here))).one_or_none()
        return None if row is None else (row.source, row.event_id)

    async def add_events(
        self, connection: AsyncConnection, authority_id: str, events: Iterable[RecordedEvent]
    ) -> frozenset[int]:
        """Copy events of the log; return the positions that were not there before."""
        rows = [copied(authority_id, each) for each in events]
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


def _standing(row: Row[Any]) -> Standing:
    state = State(row.state)
    if state is State.RUNNING:
        return Standing(position=row.position)
    stop = Stop(state=state, position=row.stopped_position, type=row.stopped_type, reason=row.stopped_reason)
    return Standing(position=row.position, stop=stop, stopped_at=row.stopped_at)


def copied(authority_id: str, event: RecordedEvent) -> dict[str, Any]:
    """Return the row of the copy that holds this event."""
    row = dict(zip(COPIED, copied_values(event), strict=True))
    return {**row, "authority_id": authority_id, "data": orjson.loads(row["data"])}


def copied_values(event: RecordedEvent) -> tuple[Any, ...]:
    """Return the row as values of :data:`COPIED` for PostgreSQL's COPY, which takes JSON as text."""
    return (
        event.authority_id,
        event.position,
        event.stream,
        event.stream_position,
        event.source,
        event.event_id,
        event.type,
        version_of(event.data),
        event.recorded_at,
        event.recorded_by,
        # What was left out stays out, as in the log.
        event.data.model_dump_json(exclude_unset=True),
    )


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
        recorded_by=row.recorded_by,
        # Data is copied as the version that was the latest then; there may be later ones by now.
        data=read_data(row.type, row.schema_version, row.data),
        # No projection reads them, so they are not copied.
        attributes={},
    )
