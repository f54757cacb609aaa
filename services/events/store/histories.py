"""Reading the whole log for a projection that is built anew: by stream, and by page.

A child's events are read in one go, so each is read once and a projection is written once for each
child.  Nothing here writes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from services.events.store.read import log_head, read_log
from services.events.store.stream import recorded_events
from shared.domain.envelope import RecordedEvent
from shared.runtime.database import plain_url, server_settings
from shared.wire.feed import ReadPage

_COLUMNS = "position, stream, stream_position, recorded_at, recorded_by, body"
_STREAMS = """
SELECT stream, count(*) AS events FROM events.event
WHERE authority_id = $1 AND position <= $2 GROUP BY stream ORDER BY stream
"""
_HISTORIES = f"""
SELECT {_COLUMNS} FROM events.event
WHERE authority_id = $1 AND stream = ANY($2::text[]) AND position <= $3 ORDER BY stream, stream_position
"""  # noqa: S608 - the columns are those above


class Histories:
    """The log over one connection; not for two tasks at once."""

    def __init__(self, connection: Any) -> None:
        """Read over a connection of asyncpg's."""
        self._connection = connection

    async def head(self, authority_id: str) -> int:
        """Return the position at which the log ends; 0 while it is empty."""
        return await log_head(self._connection, authority_id)

    async def streams(self, authority_id: str, *, until: int) -> list[tuple[str, int]]:
        """Return every stream there was at position ``until``, in order, with its number of events."""
        rows = await self._connection.fetch(_STREAMS, authority_id, until)
        return [(row["stream"], row["events"]) for row in rows]

    async def histories(
        self, authority_id: str, streams: Sequence[str], *, until: int
    ) -> dict[str, list[RecordedEvent]]:
        """Return the events of each of these streams up to position ``until``, in log order.

        Raises UnreadableEvent for an event that this process cannot understand.
        """
        found: dict[str, list[RecordedEvent]] = {stream: [] for stream in streams}
        for event in recorded_events(
            authority_id, await self._connection.fetch(_HISTORIES, authority_id, streams, until)
        ):
            found[event.stream].append(event)
        return found

    async def read(self, authority_id: str, *, after: int, limit: int, wait_seconds: float = 0.0) -> ReadPage:
        """Return the events behind ``after``, without waiting for any: a reader as consumers have one.

        Raises UnreadableEvent for an event that this process cannot understand.
        """
        del wait_seconds
        page = await read_log(self._connection, authority_id, after=after, limit=limit)
        return ReadPage(list(recorded_events(authority_id, page.rows)), page.at_head, page.head)


@asynccontextmanager
async def open_histories(database_url: str) -> AsyncIterator[Histories]:
    """Yield the log, read in the role of the events service."""
    connection = await asyncpg.connect(plain_url(database_url), timeout=10, server_settings=server_settings("events"))
    try:
        yield Histories(connection)
    finally:
        connection.terminate()
