"""The service's own copy of the log, and the position up to which an answer counts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.tables import checkpoint, event, lease
from shared.runtime.leases import Leases
from shared.runtime.log_copy import LogCopy

log_copy = LogCopy(checkpoint, event)
leases = Leases(lease)


async def position(connection: AsyncConnection, authority_id: str, known_at: datetime | None = None) -> int:
    """Return the position of the last event read so far, or of the last one recorded by ``known_at``; 0 if none."""
    if known_at is None:
        return await log_copy.position(connection, authority_id)
    last = select(func.max(event.c.position)).where(
        event.c.authority_id == authority_id, event.c.recorded_at <= known_at
    )
    return int(await connection.scalar(last) or 0)
