"""The service's own copy of the log, the children in it, and by which timetable they were projected."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.scheduler.tables import checkpoint, event, lease
from shared.domain.ids import CHILD_STREAM_PREFIX, child_of_stream, child_stream
from shared.runtime.leases import Leases
from shared.runtime.log_copy import LogCopy

log_copy = LogCopy(checkpoint, event)
leases = Leases(lease)


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
