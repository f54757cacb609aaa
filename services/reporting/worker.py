"""Following the log: copy what was read, and project anew only the children it touched."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.store import journeys
from services.reporting.store.log import log_copy
from shared.domain.envelope import RecordedEvent
from shared.domain.ids import child_of_stream


class JourneyProjector:
    """Keeps the read model of reporting; everything of a page in one transaction, which the caller commits."""

    subscription = "reporting"

    async def checkpoint(self, connection: AsyncConnection, authority_id: str) -> int:
        """Return the position finished so far and lock it."""
        return await log_copy.lock_checkpoint(connection, authority_id)

    async def project(self, connection: AsyncConnection, authority_id: str, events: Sequence[RecordedEvent]) -> int:
        """Copy the events and write the rows of each child they are about; return the last one's position."""
        await log_copy.add_events(connection, authority_id, events)
        touched = sorted({child for child in map(child_of_stream, (each.stream for each in events)) if child})
        if touched:
            of_children = await log_copy.child_events(connection, authority_id, touched)
            await journeys.write(connection, authority_id, of_children)
        return events[-1].position

    async def advance(self, connection: AsyncConnection, authority_id: str, position: int) -> None:
        """Move the locked checkpoint."""
        await log_copy.advance(connection, authority_id, position)
