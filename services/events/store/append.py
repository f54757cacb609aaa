"""Appending: positions are given and events stored under the lock of the authority's log.

The lock is the row of the authority in ``events.log``.  It is released when the
transaction has become visible, so a reader that sees an event can see all before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from services.events.model import AppendRequest, Place, Settlement
from services.events.store.connection import Connection
from services.events.store.ledger import Added, Key, Known, Ledger, key_of
from shared.domain.clock import Clock
from shared.domain.hash_chain import LeafFields, first_link, leaf, link

#: How long an append waits for another one to the same log, as PostgreSQL writes it.
LOCK_TIMEOUT = "5s"

# The subquery is computed before the row is locked: one round trip instead of two.
_LOCK = """
SELECT current_setting('transaction_isolation') AS isolation, bounded.lock_timeout
FROM (SELECT set_config('lock_timeout', $2, true) AS lock_timeout OFFSET 0) AS bounded, events.log
WHERE log.authority_id = $1
FOR UPDATE OF log
"""
_OPEN_LOG = "INSERT INTO events.log (authority_id) VALUES ($1) ON CONFLICT DO NOTHING"

# One statement, so that it is one round trip: the end of the log, the known events, the ends of
# the streams.  Each name is one probe of an index.  A known event is asked for as the first one
# from its name on, because that order is an index's own: with a plain comparison the planner,
# while the log is young, takes any index that begins with the authority, and keeps to it.
_LOOK = """
(SELECT NULL AS source, NULL AS event_id, position, NULL AS stream, NULL::bigint AS stream_position,
        NULL AS type, NULL::bytea AS digest, recorded_at, link
 FROM events.event WHERE authority_id = $1 ORDER BY position DESC LIMIT 1)
UNION ALL
SELECT asked.source, asked.event_id, found.position, found.stream, found.stream_position, found.type, found.digest,
       NULL, NULL
FROM unnest($2::text[], $3::text[]) AS asked (source, event_id)
CROSS JOIN LATERAL (
    SELECT source, event_id, position, stream, stream_position, type, digest FROM events.event
    WHERE event.authority_id = $1 AND (event.source, event.event_id) >= (asked.source, asked.event_id)
    ORDER BY event.source, event.event_id LIMIT 1
) AS found
WHERE found.source = asked.source AND found.event_id = asked.event_id
UNION ALL
SELECT NULL, NULL, NULL, asked.stream, ended.stream_position, NULL, NULL, NULL, NULL
FROM unnest($4::text[]) AS asked (stream)
CROSS JOIN LATERAL (
    SELECT stream_position FROM events.event WHERE event.authority_id = $1 AND event.stream = asked.stream
    ORDER BY stream_position DESC LIMIT 1
) AS ended
"""
_INSERT = """
INSERT INTO events.event (authority_id, recorded_at, position, stream, stream_position,
                          source, event_id, type, recorded_by, body, digest, link)
SELECT $1, $2, added.*
FROM unnest($3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[],
            $11::bytea[], $12::bytea[]) AS added
"""


class _End(NamedTuple):
    """The end of a log: when its last event was recorded (None: there is none) and that event's link."""

    recorded_at: datetime | None
    link: bytes


class LogDisorder(Exception):
    """The log was not as an append has to find it; nothing was stored."""


async def append_many(
    connection: Connection, authority_id: str, requests: Sequence[AppendRequest], clock: Clock
) -> list[Settlement]:
    """Settle independent requests under one lock, and insert what they add; the caller commits.

    The settlements are in the order of the requests.  Raises asyncpg's LockNotAvailableError
    when the lock is not to be had in time, and LogDisorder when the transaction is not READ
    COMMITTED or not every row was inserted; then nothing of it may be committed.
    """
    await _lock(connection, authority_id)
    ledger, end = await _look(connection, authority_id, requests)
    settlements = [ledger.settle(request) for request in requests]
    if ledger.added:
        # The clock is read under the lock, and never runs backwards within a log.
        recorded_at = max(clock.now(), end.recorded_at) if end.recorded_at else clock.now()
        await _insert(connection, authority_id, recorded_at, end.link, ledger.added)
    return settlements


async def _lock(connection: Connection, authority_id: str) -> None:
    """Take the lock of the log, which the first append of an authority opens."""
    row = await connection.fetchrow(_LOCK, authority_id, LOCK_TIMEOUT)
    if row is None:
        await connection.execute(_OPEN_LOG, authority_id)
        row = await connection.fetchrow(_LOCK, authority_id, LOCK_TIMEOUT)
    # With an older snapshot the end of the log would be the one before the lock was had.
    if row["isolation"] != "read committed":
        raise LogDisorder("an append runs in a READ COMMITTED transaction")


async def _look(connection: Connection, authority_id: str, requests: Sequence[AppendRequest]) -> tuple[Ledger, _End]:
    """Return what the requests need to know of the log, and its end."""
    events = list(chain.from_iterable(request.events for request in requests))
    keys = {key_of(event) for event in events} | {event.amends for event in events if event.amends is not None}
    sources, event_ids = [source for source, _ in keys], [event_id for _, event_id in keys]
    streams = list({event.stream for event in events})
    ledger, end = Ledger(0, {}, {}), _End(None, first_link(authority_id))
    for row in await connection.fetch(_LOOK, authority_id, sources, event_ids, streams):
        if row["recorded_at"] is not None:
            ledger.head, end = row["position"], _End(row["recorded_at"], row["link"])
        elif row["digest"] is not None:
            key, known = _known(row)
            ledger.known[key] = known
        else:
            ledger.stream_heads[row["stream"]] = row["stream_position"]
    return ledger, end


def _known(row: Any) -> tuple[Key, Known]:
    place = Place(row["position"], row["stream"], row["stream_position"])
    return (row["source"], row["event_id"]), Known(place, row["type"], row["digest"])


async def _insert(
    connection: Connection, authority_id: str, recorded_at: datetime, last_link: bytes, added: Sequence[Added]
) -> None:
    columns = zip(*_rows(authority_id, recorded_at, last_link, added), strict=True)
    status = await connection.execute(_INSERT, authority_id, recorded_at, *(list(column) for column in columns))
    if status != f"INSERT 0 {len(added)}":
        raise LogDisorder("not every event was inserted")


def _rows(
    authority_id: str, recorded_at: datetime, last_link: bytes, added: Sequence[Added]
) -> Iterator[tuple[Any, ...]]:
    """Give the rows to insert, each bound to the one before it."""
    for each in added:
        event, at = each.event, each.place
        named = (at.position, at.stream, at.stream_position)
        fields = LeafFields(
            authority_id,
            *named,
            event.type,
            event.source,
            event.event_id,
            recorded_at,
            each.recorded_by,
            event.digest,
        )
        last_link = link(last_link, leaf(fields))
        yield *named, event.source, event.event_id, event.type, each.recorded_by, event.body, event.digest, last_link
