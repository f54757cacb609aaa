"""Rows of the log, and whole streams of them, as the domain sees them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from services.events.store.connection import Connection
from services.events.store.read import Row, read_stream
from shared.domain.envelope import RecordedEvent
from shared.wire.feed import recorded_event
from shared.wire.limits import PAGE_EVENTS


class _View(NamedTuple):
    """A row of the log as :func:`shared.wire.feed.recorded_event` takes it."""

    position: int
    stream: str
    stream_position: int
    recorded_at: datetime
    recorded_by: str
    event: Mapping[str, Any]


def recorded_events(authority_id: str, rows: Iterable[Row]) -> Iterator[RecordedEvent]:
    """Give the events of rows that begin with position, stream, stream position, recorded at, recorded by and body.

    Raises UnreadableEvent for an event that this process cannot understand.
    """
    for position, stream, stream_position, recorded_at, recorded_by, body, *_ in rows:
        view = _View(position, stream, stream_position, recorded_at, recorded_by, orjson.loads(body))
        yield recorded_event(authority_id, view)


async def read_whole_stream(
    connection: Connection, authority_id: str, stream: str, *, known_at: datetime | None
) -> list[RecordedEvent] | None:
    """Return the events of a stream as far as they were recorded by ``known_at``; None if there is no such stream.

    Raises UnreadableEvent for an event that this process cannot understand.
    """
    events: list[RecordedEvent] = []
    after, at_head = 0, False
    while not at_head:
        page = await read_stream(connection, authority_id, stream, after=after, limit=PAGE_EVENTS, known_at=known_at)
        if page.head == 0:
            return None
        events += recorded_events(authority_id, page.rows)
        after, at_head = page.next_after, page.at_head
    return events
